"""Threads that read ahead end when nobody wants their batches any more, and nothing is left behind."""

from __future__ import annotations

import _thread
import gc
import signal
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import psutil
import pytest

from eisen._core.errors import EisenError, StepError
from eisen.datasets import ListDataset, Loader


def threads(dataset, size=2, n=2, **options):
    return Loader(dataset, size, n_workers=n, workers="threads", **options)


def data_threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("eisen data")]


@pytest.fixture(autouse=True)
def nothing_left():
    yield
    assert data_threads() == []


def numbers(n):
    return [{"i": i} for i in range(n)]


def strange(data):
    """Code of somebody else, which has to wait for its turn."""
    return {**data, "noise": np.random.rand()}


def test_a_break_in_the_middle_ends_the_threads():
    loader = threads(ListDataset(numbers(12)), n=3)
    for batch in loader:  # noqa: B007
        assert len(data_threads()) <= 3
        break
    assert data_threads() == []
    assert len(list(loader)) == 6


def test_an_abandoned_pass_ends_its_threads_when_it_is_deleted():
    loader = threads(ListDataset(numbers(12), strange), n=3)
    batches = iter(loader)
    next(batches)
    assert data_threads()
    del batches, loader
    assert data_threads() == []


def test_a_pass_that_is_part_of_a_cycle_is_ended_by_the_garbage_collector():
    gc.disable()
    try:
        knot = {"batches": iter(threads(ListDataset(numbers(12)), n=2))}
        next(knot["batches"])
        knot["itself"] = knot
        del knot
        assert data_threads()
        gc.collect()
        assert data_threads() == []
    finally:
        gc.enable()


@pytest.mark.parametrize("is_safe", [True, False])
def test_an_error_ends_the_threads_and_does_not_keep_the_loader_alive(is_safe):
    def fail(data):
        if data["i"] == 5:
            raise ValueError("no")
        return data

    fail.thread_safe = is_safe
    gc.disable()
    try:
        loader = threads(ListDataset(numbers(20), fail), n=3)
        gone = weakref.ref(loader)
        with pytest.raises(StepError, match="ValueError: no") as caught:
            list(loader)
        assert caught.value.card.case == "#5"
        assert data_threads() == []
        with pytest.raises(EisenError):
            list(loader)
        del loader, caught
        assert gone() is None
    finally:
        gc.enable()


def test_an_error_that_is_no_exception_comes_through():
    def leave(data):
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        list(threads(ListDataset([{"i": 0}], leave), 1))


@pytest.mark.parametrize(("how", "is_safe"), [("", False), ("raise KeyboardInterrupt", True)])
def test_a_program_may_end_in_the_middle_of_a_pass(how, is_safe):
    code = f"""
import time
from eisen.datasets import ListDataset, Loader
def slow(data):
    time.sleep(0.01)
    return data
slow.thread_safe = {is_safe}
loader = Loader(ListDataset([{{"i": i}} for i in range(1000)], slow), 2, n_workers=3, workers="threads")
batches = iter(loader)
next(batches)
print("read", flush=True)
{how}
"""
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60)
    assert done.stdout == "read\n"
    assert done.stderr.count("Traceback") == bool(how), done.stderr


def test_an_interrupt_while_waiting_ends_the_threads():
    def slow(data):
        time.sleep(0.2)
        return data

    slow.thread_safe = True
    timer = threading.Timer(0.3, _thread.interrupt_main)
    loader = threads(ListDataset(numbers(100), slow), 4)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # workers of xdist ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            timer.start()
            list(loader)
    finally:
        signal.signal(signal.SIGINT, before)
    assert data_threads() == []


@pytest.mark.parametrize("n_batches", [600, pytest.param(10_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("transform", [None, strange])
def test_many_batches_leave_nothing(n_batches, transform):
    image = np.zeros((1, 300, 300), "uint8")
    loader = threads(ListDataset([{"i": i, "image": image} for i in range(n_batches // 3)], transform), 1)
    found = []
    for _ in range(3):
        for batch in loader:
            assert batch["image"].shape == (1, 1, 300, 300)
        del batch
        gc.collect()
        found.append((len(gc.get_objects()), len(weakref.finalize._registry), psutil.Process().memory_info().rss))
    objects, leases, resident = zip(*found, strict=True)
    assert objects[2] - objects[1] < 100
    assert leases[2] == leases[1]
    assert resident[2] - resident[1] < 20e6
