"""A run trains, validates, keeps what it made, and can be repeated."""

from __future__ import annotations

import json

import pytest
import torch
from experiment_parts import set_hyper

from eisen._core.errors import ConfigError, MissingFileError, TrainingError


def weights(path):
    state = torch.load(path, weights_only=True)
    return state.get("model", state)


def assert_same(first, second):
    assert first.keys() == second.keys()
    for name, value in first.items():
        assert torch.equal(value, second[name]), name


def test_training_and_validation_share_one_model(make_run, config):
    run = make_run(config)
    result = run.train()
    assert [(row.phase, row.epoch) for row in result.rows] == [
        ("Training", 0),
        ("Validation", 0),
        ("Training", 1),
        ("Validation", 1),
    ]
    assert result.n_epochs == 2
    assert not result.interrupted
    last = result.rows[-1]
    config["Validation"]["Datasets"][0]["params"]["json_file"] = "val.json"
    again = make_run(config, model=run.artifacts.checkpoint).validate()
    assert again.rows[0].losses == pytest.approx(last.losses)
    assert again.rows[0].metrics == pytest.approx(last.metrics)


def test_training_learns(make_run, config):
    config["General"]["Models"][0]["params"] |= {"dropout": 0.0, "width": 4}
    result = make_run(config).train(12)
    losses = [row.losses["dice_loss"] for row in result.rows if row.phase == "Training"]
    assert losses[-1] < 0.7 * losses[0]


def test_everything_is_written_where_it_is_said(make_run, config, tmp_path):
    result = make_run(config).train()
    root = tmp_path / "artifacts"
    what = {text: path for path, text in result.artifacts}
    assert {"best model", "last checkpoint", "TensorBoard curves", "log", "record of the run"} <= set(what)
    assert all(path.exists() for path in what.values())
    record = json.loads((root / "run.json").read_text(encoding="utf-8"))
    assert record["status"] == "complete"
    assert record["seed"] == 3
    assert record["epochs_complete"] == 2
    assert record["best"]["phase"] == "Validation"
    assert record["data"]["Training"]["n_cases"] == 4
    assert len(record["data"]["Training"]["digest"]) == 64
    assert record["versions"]["torch"].startswith(torch.__version__.partition("+")[0])
    assert str(tmp_path) not in json.dumps({**record, "config": None})
    lines = [json.loads(line) for line in (root / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["event"] for line in lines] == ["start", *["epoch"] * 4, "end"]
    assert lines[1]["learning_rates"] == [0.05]
    assert lines[3]["learning_rates"] == [pytest.approx(0.045)]


def test_curves_can_be_read_by_tensorboard(make_run, config, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    result = make_run(config).train()
    events = EventAccumulator(str(tmp_path / "artifacts/summaries/Validation"))
    events.Reload()
    values = [event.value for event in events.Scalars("metrics/dice_metric")]
    assert values == pytest.approx([row.metrics["dice_metric"] for row in result.rows if row.phase == "Validation"])


def test_the_resolved_configuration_runs_again(make_run, config, tmp_path):
    from eisen.config import read_config

    run = make_run(config)
    run.train()
    assert read_config(tmp_path / "artifacts/config.json").digest == run.experiment.digest


def test_the_best_model_is_that_of_the_best_epoch(make_run, config):
    run = make_run(config)
    result = run.train(4)
    best = max((row for row in result.rows if row.phase == "Validation"), key=lambda row: row.metrics["dice_metric"])
    assert result.best["epoch"] == best.epoch
    again = make_run(config).validate()
    assert again.rows[0].metrics == pytest.approx(best.metrics)


def test_two_runs_are_equal_and_another_seed_is_not(make_run, config):
    states = []
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        config["General"]["Hyperparameters"][2]["params"]["value"] = seed
        run = make_run(config, name)
        run.train()
        states.append(weights(run.artifacts.checkpoint))
    assert_same(states[0], states[1])
    assert any(not torch.equal(value, states[2][name]) for name, value in states[0].items())


def test_workers_make_no_difference(make_run, config):
    states = []
    for n_workers, workers in ((0, "auto"), (2, "processes"), (2, "threads")):
        config["General"]["Hyperparameters"][1]["params"]["value"] = n_workers
        set_hyper(config, ".Workers", workers)
        run = make_run(config, f"w{n_workers}{workers}")
        run.train()
        states.append(weights(run.artifacts.checkpoint))
    assert_same(states[0], states[1])
    assert_same(states[0], states[2])


def test_a_resumed_run_equals_one_that_was_never_stopped(make_run, config):
    whole = make_run(config, "whole")
    whole.train(4)
    make_run(config, "parts").train(2)
    parts = make_run(config, "parts", resume=True)
    result = parts.train(4)
    assert [row.epoch for row in result.rows if row.phase == "Training"] == [2, 3]
    first, second = (torch.load(run.artifacts.checkpoint, weights_only=True) for run in (whole, parts))
    assert_same(first["model"], second["model"])
    assert first["epoch"] == second["epoch"] == 4
    assert first["best"] == second["best"]
    first_adam, second_adam = first["optimizers"]["default"], second["optimizers"]["default"]
    assert first_adam["param_groups"] == second_adam["param_groups"]
    for number, moments in first_adam["state"].items():
        assert_same(moments, second_adam["state"][number])
    assert first["phases"] == second["phases"]


def test_the_log_of_a_resumed_run_goes_on(make_run, config, tmp_path):
    make_run(config).train(1)
    make_run(config, resume=True).train(2)
    lines = [json.loads(line) for line in (tmp_path / "artifacts/log.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [line["epoch"] for line in lines if line["event"] == "epoch"] == [0, 0, 1, 1]
    assert lines[4]["event"] == "start"
    assert lines[4]["first_epoch"] == 1


def test_resuming_says_what_has_changed_in_the_configuration(make_run, config):
    make_run(config).train(1)
    config["Training"]["Optimizer"][0]["params"]["weight_decay"] = 0.01
    with pytest.raises(TrainingError, match="weight_decay"):
        make_run(config, resume=True).train(2)
    run = make_run(config, resume=True, force=True)
    run.train(2)
    assert any("Training.Optimizer[0].params.weight_decay: (absent) -> 0.01" in text for text in run.observer.messages)


def test_resuming_with_another_model_is_refused(make_run, config):
    make_run(config).train(1)
    config["General"]["Models"][0]["params"]["width"] = 3
    with pytest.raises(TrainingError, match="do not fit the model"):
        make_run(config, resume=True, force=True).train(2)


def test_resuming_nothing_starts_from_the_beginning_and_says_so(make_run, config):
    run = make_run(config, resume=True)
    assert run.train(1).n_epochs == 1
    assert any("starting from the beginning" in text for text in run.observer.messages)


def test_a_damaged_checkpoint_falls_back_to_the_one_before(make_run, config):
    run = make_run(config)
    run.train(2)
    run.artifacts.checkpoint.write_bytes(b"torn")
    resumed = make_run(config, resume=True)
    result = resumed.train(2)
    assert [row.epoch for row in result.rows if row.phase == "Training"] == [1]
    assert any("damaged" in text for text in resumed.observer.messages)


def test_the_observer_is_told_everything_in_order(make_run, config):
    run = make_run(config)
    run.train(1)
    assert run.observer.calls == [
        ("phase", "Training", 0, 2),
        ("batch", 1, 2),
        ("batch", 2, 2),
        ("phase", "Validation", 0, 1),
        ("batch", 1, 1),
        ("artifact", "best model"),
        ("epoch", 0, 1, ["Training", "Validation"]),
    ]


def test_the_epochs_of_the_configuration_count_when_none_are_given(make_run, config):
    assert make_run(config).train().n_epochs == 2


def test_training_works_without_validation(make_run, config):
    del config["Validation"]
    result = make_run(config).train(1)
    assert result.best["name"] == "mean loss"
    assert result.best["phase"] == "Training"


def test_validation_alone_needs_a_saved_model(make_run, config):
    with pytest.raises(MissingFileError, match="no saved model") as caught:
        make_run(config).validate()
    assert "--model" in caught.value.card.to_do


def test_testing_runs_its_own_phase(make_run, config, tmp_path):
    config["Testing"] = {**config["Validation"], "Losses": []}
    make_run(config).train(1)
    result = make_run(config).test()
    assert [row.phase for row in result.rows] == ["Testing"]
    assert "dice_metric" in result.rows[0].metrics
    assert json.loads((tmp_path / "artifacts/test.json").read_text(encoding="utf-8"))["status"] == "complete"
    assert json.loads((tmp_path / "artifacts/run.json").read_text(encoding="utf-8"))["command"] == "train"


def test_a_missing_phase_is_a_problem_of_the_configuration(make_run, config):
    with pytest.raises(ConfigError, match="Testing"):
        make_run(config).test()


def test_hooks_get_workflow_phase_and_folder(make_run, config, tmp_path):
    hook = {"type": "eisen.utils.artifacts.savemodel.SaveTorchModelHook", "params": {}}
    config["Validation"]["Hooks"] = [hook]
    make_run(config).train(1)
    assert (tmp_path / "artifacts/models/model.pt").exists()


def test_patience_ends_the_training(make_run, config):
    config["Training"]["Optimizer"][0]["params"]["lr"] = 0.0
    config["Validation"]["Hooks"] = [{"type": "eisen.utils.workflows.hooks.PatienceHook", "params": {"patience": 2}}]
    run = make_run(config)
    assert run.train(9).n_epochs < 9
    assert any("ended the training" in text for text in run.observer.messages)


def test_plateau_scheduler_is_stepped(make_run, config):
    plateau = {"type": "torch.optim.lr_scheduler.ReduceLROnPlateau", "params": {"patience": 0, "factor": 0.5}}
    config["Training"]["Scheduler"] = [plateau]
    config["Training"]["Optimizer"][0]["params"]["lr"] = 1e-9
    assert make_run(config).train(3).n_epochs == 3


def test_mixed_precision_runs(make_run, config):
    config["General"]["Hyperparameters"].append({"type": ".Precision", "params": {"value": "bf16"}})
    assert make_run(config).train(1).n_epochs == 1
