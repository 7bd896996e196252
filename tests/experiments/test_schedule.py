"""How long a training is, and what depends on it."""

from __future__ import annotations

import json

import pytest
import torch
from experiment_parts import entry, set_hyper

from eisen._core.errors import TrainingError


def rates_in(log):
    return [
        line["learning_rates"][0]
        for line in map(json.loads, log.read_text(encoding="utf-8").splitlines())
        if "learning_rates" in line
    ]


def test_one_cycle_is_as_long_as_the_training(make_run, config, tmp_path):
    config["Training"]["Scheduler"] = [entry("torch.optim.lr_scheduler.OneCycleLR", max_lr=0.1, cycle_momentum=False)]
    make_run(config).train(epochs=3)
    state = torch.load(tmp_path / "artifacts/checkpoint.pt", weights_only=True)
    schedule = state["phases"]["Training"]["scheduler"]
    assert (schedule["total_steps"], schedule["last_epoch"]) == (6, 6)  # 3 epochs of 2 batches


def test_cosine_is_as_long_as_the_training(make_run, config, tmp_path):
    config["Training"]["Scheduler"] = [entry("torch.optim.lr_scheduler.CosineAnnealingLR")]
    make_run(config).train(epochs=2)
    assert rates_in(tmp_path / "artifacts/log.jsonl") == pytest.approx([0.05, 0.025])


def test_a_length_in_the_file_is_kept(make_run, config, tmp_path):
    config["Training"]["Scheduler"] = [entry("torch.optim.lr_scheduler.CosineAnnealingLR", T_max=4)]
    make_run(config).train(epochs=2)
    assert rates_in(tmp_path / "artifacts/log.jsonl")[1] > 0.04


def test_going_on_beyond_the_end_of_the_schedule_is_refused(make_run, config):
    config["Training"]["Scheduler"] = [entry("torch.optim.lr_scheduler.OneCycleLR", max_lr=0.1, cycle_momentum=False)]
    make_run(config).train(epochs=1)
    with pytest.raises(TrainingError, match="ends after 1 epochs, and 2 are asked for"):
        make_run(config, resume=True).train(epochs=2)


def test_validation_every_few_epochs_and_after_the_last(make_run, config):
    set_hyper(config, ".ValidateEvery", 2)
    result = make_run(config).train(epochs=5)
    assert [row.epoch for row in result.rows if row.phase == "Validation"] == [1, 3, 4]
    assert result.best["phase"] == "Validation"


def test_threads_are_those_of_the_configuration(make_run, config):
    set_hyper(config, ".Threads", 2)
    make_run(config).train(epochs=1)
    assert torch.get_num_threads() == 2
