from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import time
import weakref

import pytest
import torch

from eisen._core.errors import DataError, StepError
from eisen.datasets import ListDataset, Loader
from eisen.datasets import workers as module


def cases(transform=None, n=8):
    return ListDataset([{"i": i} for i in range(n)], transform)


def die(data):
    if data["i"] == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return data


def test_a_killed_worker_is_a_clear_error_and_never_an_exception_elsewhere():
    loader = Loader(cases(die), 2, n_workers=2)
    with pytest.raises(DataError, match="killed by SIGKILL") as caught:
        for _ in loader:
            time.sleep(0.2)  # the training step, during which the worker dies
    assert "memory" in caught.value.card.to_do
    loader.dataset.transform = None
    assert len(list(loader)) == 4  # with new workers


def test_workers_persist_and_use_one_thread():
    def report(data):
        return {"pid": os.getpid(), "threads": torch.get_num_threads()}

    loader = Loader(cases(report), 2, n_workers=2)
    first = {pid for batch in loader for pid in batch["pid"].tolist()}
    second = {pid for batch in loader for pid in batch["pid"].tolist()}
    assert first == second
    assert os.getpid() not in first
    assert {n for batch in loader for n in batch["threads"].tolist()} == {1}


def test_workers_ignore_interrupts():
    def interrupt(data):
        os.kill(os.getpid(), signal.SIGINT)
        return data

    assert len(list(Loader(cases(interrupt), 2, n_workers=2))) == 4


def test_an_interrupt_of_the_whole_group_reaches_the_main_process_only():
    code = """
import os, signal, time
from eisen.datasets import ListDataset, Loader
def slow(data):
    time.sleep(0.05)
    return data
caught = []
signal.signal(signal.SIGINT, lambda *_: caught.append(1))
batches = iter(Loader(ListDataset([{"i": i} for i in range(12)], slow), 2, n_workers=2))
next(batches)
os.killpg(0, signal.SIGINT)
print(len(list(batches)), len(caught))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, start_new_session=True)
    assert done.stdout.split() == ["5", "1"], done.stderr
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("code", "text"), [(3, "exit code 3"), (-9, "killed by SIGKILL"), (-99, "killed by signal 99")]
)
def test_the_end_of_a_process_is_described(code, text):
    assert module._ending(code) == text


def test_other_runtime_errors_are_not_taken_for_a_lost_worker(monkeypatch):
    loader = Loader(cases(), 2, n_workers=1)
    list(loader)

    def refuse(_):
        raise RuntimeError("something else")

    monkeypatch.setattr(module, "_watch_ourselves", refuse)
    with pytest.raises(RuntimeError, match="something else"):
        list(loader)


def test_workers_end_at_once_when_their_loader_is_part_of_a_cycle():
    loader = Loader(cases(), 2, n_workers=2)
    loader.itself = loader
    list(loader)
    processes = multiprocessing.active_children()
    assert processes
    start = time.monotonic()
    del loader
    gc.collect()
    assert not any(process.is_alive() for process in processes)
    assert time.monotonic() - start < 9  # torch waits for ten seconds when it cannot tell them to end


def test_an_error_does_not_keep_the_loader_alive():
    def fail(data):
        raise ValueError("no")

    gc.disable()
    try:
        loader = Loader(cases(fail), 2, n_workers=1)
        gone = weakref.ref(loader)
        with pytest.raises(StepError):
            list(loader)
        del loader
        assert gone() is None
    finally:
        gc.enable()


def test_a_large_batch_crosses_in_shared_memory():
    def big(data):
        return {"x": torch.full((64, 64, 8), data["i"], dtype=torch.float32)}

    batch = next(iter(Loader(cases(big), 4, n_workers=1)))
    assert batch["x"].is_shared()
    assert batch["x"][:, 0, 0, 0].tolist() == [0, 1, 2, 3]
    assert batch["x"].is_contiguous()
