"""Settings of a training in a configuration, and what they do."""

from __future__ import annotations

import json
import math
import time

import pytest
import torch
from experiment_parts import entry, set_hyper

from eisen._core.errors import ArgumentError, ConfigError, EisenError, TrainingError
from eisen.experiments.duration import seconds_of
from eisen.experiments.judgement import Judgement
from eisen.experiments.records import EpochRow


def rows(**results):
    return [
        EpochRow("Training", 0, {"loss": 0.7}, {}),
        EpochRow("Validation", 0, {"loss": 0.5}, results or {"dice": 0.8}),
    ]


@pytest.mark.parametrize(
    ("text", "sign", "value"),
    [
        ("max dice", 1, 0.8),
        ("dice", 1, 0.8),
        ("loss", -1, 0.5),
        ("min Training.loss", -1, 0.7),
        ("max Validation.dice - 1e-1*loss", 1, 0.75),
        ("max (dice + 2) / 2", 1, 1.4),
        ("max -loss", 1, -0.5),
    ],
)
def test_epochs_are_judged_by_a_formula(text, sign, value):
    judgement = Judgement.parse(text, ["loss"], ["dice"])
    assert judgement.sign == sign
    assert judgement.value(rows()) == pytest.approx(value)


def test_a_class_is_judged_by_its_name():
    judgement = Judgement.parse("max dice[left lobe]", [], ["dice"])
    assert judgement.value(rows(**{"dice": 0.5, "dice[left lobe]": 0.9})) == 0.9
    with pytest.raises(ArgumentError, match=r"dice\[left lobe\]"):
        judgement.value(rows())


@pytest.mark.parametrize(
    "text",
    [
        "dcie",
        "dice - loss",
        "max",
        "max 3",
        "max dice +",
        "max __import__('os')",
        "max dice ** 2",
        "max dice if 1 else 2",
    ],
)
def test_formulas_that_say_nothing_clear_are_refused(text):
    with pytest.raises(ArgumentError, match="Best"):
        Judgement.parse(text, ["loss"], ["dice"])


def test_dividing_by_zero_is_never_the_best():
    row = EpochRow("Validation", 0, {"loss": 0.0}, {"dice": 1.0})
    assert math.isnan(Judgement.parse("max dice / loss", ["loss"], ["dice"]).value([row]))


@pytest.mark.parametrize(("text", "seconds"), [("2h30m", 9000), ("10min", 600), ("1.5s", 1.5), ("1d 1 s", 86401)])
def test_times_are_read_as_people_write_them(text, seconds):
    assert seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "10", "ten minutes", "10 minutes", "-1h"])
def test_other_texts_are_no_times(text):
    with pytest.raises(ArgumentError, match="length of time"):
        seconds_of(text)


def test_settings_reach_the_workflow(config, make_run):
    for name, value in {
        ".Accumulate": 2,
        ".ClipNorm": 1,
        ".ClipValue": 0.5,
        ".ChannelsLast": True,
        ".EMA": 0.9,
        ".OnNonFinite": "skip",
        ".Freeze": [],
    }.items():
        set_hyper(config, name, value)
    run = make_run(config)
    with run._session("train") as session:
        work = run._trainer(session, 1).training.workflow
    assert (work.stepping.accumulate, work.stepping.clip_norm, work.stepping.clip_value) == (2, 1.0, 0.5)
    assert work.channels_last
    assert work.guard.skips
    assert work.average.decay == 0.9


def test_two_averages_are_one_too_many(config, make_run):
    set_hyper(config, ".EMA", 0.9)
    set_hyper(config, ".SWA", 1)
    with pytest.raises(ConfigError, match=r"\.EMA and \.SWA"):
        make_run(config).train(1)


@pytest.mark.parametrize(
    ("name", "value"),
    [(".EMA", 1.0), (".Accumulate", 0), (".MaxTime", "soon"), (".OnNonFinite", "pray"), (".ClipNorm", 0)],
)
def test_bad_settings_are_found_before_anything_runs(config, make_run, name, value):
    set_hyper(config, name, value)
    with pytest.raises(ConfigError, match=name):
        make_run(config)


def test_best_weights_are_the_averaged_ones(config, make_run):
    set_hyper(config, ".EMA", 0.5)
    run = make_run(config)
    run.train(2)
    state = torch.load(run.artifacts.checkpoint, weights_only=True)
    best = torch.load(run.artifacts.best, weights_only=True)
    average = state["phases"]["Training"]["average"]["weights"]
    name = next(iter(best))
    averaged = {key.removeprefix("module."): value for key, value in average.items()}
    if state["best"]["epoch"] == 1:
        assert torch.equal(best[name], averaged[name])
    assert not torch.equal(state["model"][name], averaged[name])


def test_the_best_epoch_is_that_of_the_formula(config, make_run):
    set_hyper(config, ".Best", "min Training.dice_loss")
    run = make_run(config)
    result = run.train(3)
    losses = [row.losses["dice_loss"] for row in result.rows if row.phase == "Training"]
    assert result.best["epoch"] == losses.index(min(losses))
    assert result.best["name"] == "min Training.dice_loss"


def test_a_formula_with_a_wrong_name_is_refused_before_training(config, make_run):
    set_hyper(config, ".Best", "max dice")
    run = make_run(config)
    with pytest.raises(ArgumentError, match="'dice', which is no loss or metric"):
        run.train(1)
    assert not run.artifacts.checkpoint.exists()


def test_when_the_time_is_up_there_is_a_model_and_a_checkpoint(config, make_run):
    set_hyper(config, ".MaxTime", "0.001s")
    run = make_run(config)
    time.sleep(0.01)
    result = run.train(2)
    assert result.n_epochs == 0
    assert not result.interrupted
    assert run.artifacts.best.exists()
    assert run.artifacts.checkpoint.exists()
    assert any("the time is up" in text for text in run.observer.messages)
    set_hyper(config, ".MaxTime", "1h")
    assert make_run(config, resume=True).train(2).n_epochs == 2
    whole = make_run(config, "whole")
    whole.train(2)
    states = [torch.load(each.artifacts.checkpoint, weights_only=True)["model"] for each in (run, whole)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def test_two_optimizers_by_name(config, make_run):
    config["Training"]["Optimizer"] = [
        entry("torch.optim.Adam", lr=0.01, name="first", weights=["*.weight"]),
        entry("torch.optim.SGD", lr=0.02, name="second", weights=["*bias"]),
    ]
    config["Training"]["Scheduler"] = [
        entry("torch.optim.lr_scheduler.ExponentialLR", gamma=0.5, optimizer_name="second")
    ]
    run = make_run(config)
    run.train(2)
    state = torch.load(run.artifacts.checkpoint, weights_only=True)
    assert list(state["optimizers"]) == ["first", "second"]
    assert state["optimizers"]["second"]["param_groups"][0]["lr"] == pytest.approx(0.005)
    rates = [
        json.loads(line).get("learning_rates")
        for line in run.artifacts.history.read_text(encoding="utf-8").splitlines()
    ]
    assert [each for each in rates if each] == [
        {"first": [0.01], "second": [0.02]},
        {"first": [0.01], "second": [0.01]},
    ]


@pytest.mark.parametrize(
    ("weights", "match"),
    [
        ((["*"], ["*bias"]), "belongs to two optimizers"),
        ((["*bias"], ["nothing"]), "no weight of the model is called 'nothing'"),
    ],
)
def test_optimizers_that_share_or_miss_weights_are_refused(config, make_run, weights, match):
    config["Training"]["Scheduler"] = []
    config["Training"]["Optimizer"] = [
        entry("torch.optim.SGD", lr=0.01, name=name, weights=names) for name, names in zip("ab", weights, strict=True)
    ]
    with pytest.raises(EisenError, match=match):
        make_run(config).train(1)


def test_a_weight_without_an_optimizer_is_refused_unless_it_is_frozen(config, make_run):
    config["Training"]["Scheduler"] = []
    config["Training"]["Optimizer"] = [entry("torch.optim.SGD", lr=0.01, name="only", weights=["*bias"])]
    with pytest.raises(ConfigError, match="belongs to no optimizer"):
        make_run(config).train(1)
    set_hyper(config, ".Freeze", ["*weight"])
    make_run(config).train(1)


def test_the_plateau_of_a_metric_of_the_validation(config, make_run):
    config["Training"]["Scheduler"] = [
        entry(
            "torch.optim.lr_scheduler.ReduceLROnPlateau",
            mode="max",
            patience=0,
            factor=0.1,
            threshold=10.0,  # nothing is ever that much better
            monitor="dice_metric",
        )
    ]
    run = make_run(config)
    run.train(3)
    rates = [
        json.loads(line).get("learning_rates")
        for line in run.artifacts.history.read_text(encoding="utf-8").splitlines()
    ]
    assert [each["default"][0] for each in rates if each] == pytest.approx([0.05, 0.05, 0.005])


def test_a_plateau_of_something_that_is_not_reported(config, make_run):
    plateau = entry("torch.optim.lr_scheduler.ReduceLROnPlateau", monitor="dise_metric")
    config["Training"]["Scheduler"] = [plateau]
    with pytest.raises(ArgumentError, match="'dise_metric', which is not reported") as caught:
        make_run(config).train(1)
    assert "dice_metric" in str(caught.value)


@pytest.mark.parametrize("name", ["CosineSchedule", "PolynomialSchedule"])
@pytest.mark.parametrize("every", ["epoch", "batch"])
def test_warm_up_and_fall_need_no_length_in_the_file(config, make_run, name, every):
    config["Training"]["Scheduler"] = [entry(f"eisen.utils.schedules.{name}", warmup=1, every=every)]
    run = make_run(config)
    run.train(3)
    state = torch.load(run.artifacts.checkpoint, weights_only=True)
    n_steps = 3 if every == "epoch" else 6
    assert state["phases"]["Training"]["scheduler"]["last_epoch"] == n_steps
    assert state["optimizers"]["default"]["param_groups"][0]["lr"] == pytest.approx(0.0, abs=1e-9)
    with pytest.raises(TrainingError, match="ends after 3 epochs"):
        make_run(config, resume=True).train(4)


def test_skipped_batches_are_in_the_history(config, make_run, monkeypatch):
    set_hyper(config, ".OnNonFinite", "skip")
    from eisen.utils.workflows.guard import NonFiniteGuard

    check = NonFiniteGuard.check

    def once_bad(self, total, losses, batch, epoch, number):
        return check(self, total * float("nan") if number == 0 else total, losses, batch, epoch, number)

    monkeypatch.setattr(NonFiniteGuard, "check", once_bad)
    run = make_run(config)
    result = run.train(1)
    assert result.rows[0].n_skipped == 1
    assert json.loads(run.artifacts.history.read_text(encoding="utf-8").splitlines()[0])["n_skipped"] == 1


def test_equal_runs_have_equal_histories(config, make_run):
    first, second = make_run(config, "one"), make_run(config, "two")
    first.train(2)
    second.train(1)
    second = make_run(config, "two", resume=True)
    second.train(2)
    assert first.artifacts.history.read_bytes() == second.artifacts.history.read_bytes()
    assert len(first.artifacts.history.read_text(encoding="utf-8").splitlines()) == 4


def test_the_diary_is_completed_after_a_kill_between_checkpoint_and_diary(config, make_run):
    run = make_run(config)
    run.train(2)
    lines = run.artifacts.log.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if json.loads(line).get("epoch") != 1]
    run.artifacts.log.write_text("\n".join(kept) + '\n{"event": "epo')
    make_run(config, resume=True).train(2)
    events = [
        json.loads(line)
        for line in run.artifacts.log.read_text(encoding="utf-8").splitlines()
        if not line.endswith('"epo')
    ]
    assert [(e["epoch"], e["phase"]) for e in events if e["event"] == "epoch"] == [
        (0, "Training"),
        (0, "Validation"),
        (1, "Training"),
        (1, "Validation"),
    ]
    assert [e["epoch"] for e in events if e.get("from_checkpoint")] == [1, 1]


def test_a_run_that_a_hook_has_ended_does_not_go_on(config, make_run):
    config["Validation"]["Hooks"] = [
        entry("eisen.utils.workflows.EarlyStopping", monitor="mean loss", patience=1, min_delta=100.0)
    ]
    first = make_run(config)
    n_epochs = first.train(5).n_epochs
    assert n_epochs < 5
    again = make_run(config, resume=True)
    assert again.train(5).n_epochs == n_epochs
    assert any("a hook ended the training" in text for text in again.observer.messages)
