"""Ctrl-C ends a run between two batches and leaves a checkpoint that works."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from experiment_parts import Recorder, set_hyper

from eisen.experiments.interrupt import Interrupt


class CtrlC(Recorder):
    """Presses Ctrl-C during a batch."""

    def __init__(self, at_batch, times=1):
        super().__init__()
        self.at_batch, self.times = at_batch, times

    def on_batch(self, done, n_batches):
        super().on_batch(done, n_batches)
        if sum(call[0] == "batch" for call in self.calls) == self.at_batch:
            for _ in range(self.times):
                os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("n_workers", [0, 2])
@pytest.mark.parametrize("at_batch", [1, 4, 6], ids=["first epoch", "second epoch", "last batch"])
def test_an_interrupted_run_continues_as_if_nothing_had_happened(config, make_run, tmp_path, n_workers, at_batch):
    set_hyper(config, ".NumWorkers", n_workers)
    handler = signal.getsignal(signal.SIGINT)
    result = make_run(config, observer=CtrlC(at_batch)).train(2)
    assert result.interrupted
    assert result.n_epochs == {1: 0, 4: 1, 6: 2}[at_batch]  # the sixth is the last one: the epoch is finished first
    assert signal.getsignal(signal.SIGINT) is handler
    assert json.loads((tmp_path / "artifacts/run.json").read_text(encoding="utf-8"))["status"] == "interrupted"
    assert (
        json.loads((tmp_path / "artifacts/log.jsonl").read_text(encoding="utf-8").splitlines()[-1])["event"]
        == "interrupt"
    )

    make_run(config, resume=True).train(2)
    make_run(config, "whole").train(2)
    states = [torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("artifacts", "whole")]
    for name, value in states[0]["model"].items():
        assert torch.equal(value, states[1]["model"][name]), name


def test_the_run_stops_after_the_batch_and_says_what_happens(config, make_run):
    observer = CtrlC(1)
    make_run(config, observer=observer).train(2)
    assert [call[0] for call in observer.calls] == ["phase", "batch", "message", "message"]
    assert "Ctrl-C again" in observer.messages[0]
    assert "--resume goes on at batch 2 of epoch 1" in observer.messages[1]


def test_the_second_ctrl_c_is_immediate(config, make_run, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        make_run(config, observer=CtrlC(1, times=2)).train(2)
    assert json.loads((tmp_path / "artifacts/run.json").read_text(encoding="utf-8"))["status"] == "interrupted"


def test_hooks_do_not_take_a_part_of_an_epoch_for_the_best_one(config, make_run, tmp_path):
    hook = {"type": "eisen.utils.artifacts.savemodel.SaveTorchModelHook", "params": {}}
    config["Training"]["Hooks"] = [hook]
    make_run(config, observer=CtrlC(1)).train(2)
    assert not (tmp_path / "artifacts/models/model.pt").exists()


def test_handlers_are_left_alone_outside_the_main_thread():
    import threading

    before = signal.getsignal(signal.SIGINT)
    seen = []

    def enter():
        with Interrupt(lambda: None):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    assert seen == [before]


def test_a_signal_from_outside_ends_a_process_with_workers(config, make_run, data_dir, tmp_path):
    set_hyper(config, ".NumWorkers", 2)
    make_run(config)
    script = (
        "import sys; sys.path.append(sys.argv[1])\n"
        "from eisen.config import read_config\nfrom eisen.experiments import Run, Observer\n"
        "class Say(Observer):\n"
        "    def on_batch(self, done, n_batches): print('batch', flush=True)\n"
        "if __name__ == '__main__':\n"
        "    run = Run(read_config(sys.argv[2]), sys.argv[3], sys.argv[4], observer=Say())\n"
        "    print('interrupted', run.train(10000).interrupted, flush=True)\n"
    )
    (tmp_path / "script.py").write_text(script)
    parts = Path(__file__).parent / "parts"
    arguments = [parts, tmp_path / "config.json", data_dir, tmp_path / "out"]
    process = subprocess.Popen(
        [sys.executable, tmp_path / "script.py", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout.readline() == "batch\n"
    os.killpg(process.pid, signal.SIGINT)  # the terminal sends it to the workers as well
    output, errors = process.communicate(timeout=60)
    assert output.splitlines()[-1] == "interrupted True", errors
    assert "Traceback" not in errors
    assert (tmp_path / "out/checkpoint.pt").exists()
