"""A training that is there goes on for more epochs, or says why it cannot."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import pytest
from experiment_parts import Recorder, entry, set_hyper

from eisen._core.errors import MissingFileError, TrainingError
from eisen.experiments.extend import can_extend, extended_epochs
from eisen.experiments.progress.record import identity

PATH = "torch.optim.lr_scheduler"
ONE_CYCLE = entry(f"{PATH}.OneCycleLR", max_lr=0.1, cycle_momentum=False)
COSINE = entry("eisen.utils.schedules.CosineSchedule", every="epoch")
OPEN = {
    "none": [],
    "steps": [entry(f"{PATH}.StepLR", step_size=1)],
    "falling": [entry(f"{PATH}.ExponentialLR", gamma=0.9)],
    "plateau": [entry(f"{PATH}.ReduceLROnPlateau")],
    "cyclic": [entry(f"{PATH}.CyclicLR", base_lr=0.01, max_lr=0.1, cycle_momentum=False)],
}


class CtrlC(Recorder):
    """Presses Ctrl-C in a batch, counted from 1 over all passes; 0 does not."""

    def __init__(self, at_batch):
        super().__init__()
        self.at_batch = at_batch

    def on_batch(self, done, n_batches):
        super().on_batch(done, n_batches)
        if [call[0] for call in self.calls].count("batch") == self.at_batch:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("schedule", OPEN)
def test_trainings_without_an_end_go_on(make_run, config, tmp_path, schedule):
    config["Training"]["Scheduler"] = OPEN[schedule]
    make_run(config).train(1)
    assert can_extend(tmp_path / "artifacts", 2) is None
    assert extended_epochs(tmp_path / "artifacts", 2) == 3
    assert make_run(config, resume=True).train(3).n_epochs == 3


@pytest.mark.parametrize("entry_", [ONE_CYCLE, COSINE], ids=["batches", "epochs"])
@pytest.mark.parametrize("at_batch", [0, 4, 5], ids=["whole", "in training", "after training"])
def test_a_schedule_with_an_end_says_so_before_anything_is_started(make_run, config, tmp_path, entry_, at_batch):
    """Two epochs of two batches and one of validation, stopped nowhere, within the second one, or before its end."""
    config["Training"]["Scheduler"] = [entry_]
    make_run(config, observer=CtrlC(at_batch)).train(2)
    left = 1 if at_batch else 0
    if left:
        assert can_extend(tmp_path / "artifacts", left) is None
    reason = can_extend(tmp_path / "artifacts", left + 1)
    assert "ends after 2 epochs" in reason
    assert "start a new run of 3 epochs" in reason
    with pytest.raises(TrainingError, match="ends after 2 epochs, and 3 are asked for") as error:
        make_run(config, resume=True).train(3)
    assert "start a new run of 3 epochs in another --artifact_dir" in str(error.value)


def test_several_schedules_are_looked_at(make_run, config, tmp_path):
    config["Training"]["Optimizer"] = [
        entry("torch.optim.SGD", lr=0.1, name="first", weights=["first.*"]),
        entry("torch.optim.SGD", lr=0.1, name="rest", weights=["norm.*", "last.*"]),
    ]
    config["Training"]["Scheduler"] = [
        entry(f"{PATH}.StepLR", step_size=1, optimizer_name="first"),
        {**ONE_CYCLE, "params": {**ONE_CYCLE["params"], "optimizer_name": "rest"}},
    ]
    make_run(config).train(1)
    assert "ends after 1 epochs" in can_extend(tmp_path / "artifacts", 1)


def test_a_cosine_that_rises_again_is_remarked(make_run, config):
    config["Training"]["Scheduler"] = [entry(f"{PATH}.CosineAnnealingLR")]
    first = make_run(config)
    first.train(1)
    assert not [text for text in first.observer.messages if "rises" in text]
    run = make_run(config, resume=True)
    run.train(2)
    said = "CosineAnnealingLR was made for 1 epochs: after them the learning rate rises again"
    assert said in run.observer.messages


def test_why_a_training_cannot_go_on(make_run, config, tmp_path):
    folder = tmp_path / "artifacts"
    assert can_extend(folder, 0) == "0 more epochs are asked for: at least 1"
    assert can_extend(folder, 1) == "there is no checkpoint to go on from: train first"
    with pytest.raises(MissingFileError, match="no checkpoint"):
        extended_epochs(folder, 1)
    set_hyper(config, ".Epochs", 1)
    make_run(config).train()
    (folder / "progress.json").write_text(json.dumps({**identity(), "format": 1, "status": "running"}))
    assert "still at work" in can_extend(folder, 1)
    Path(folder / "progress.json").unlink()
    (folder / "checkpoint.pt").write_bytes(b"damaged")
    assert "cannot be read" in can_extend(folder, 1)
