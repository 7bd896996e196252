"""A sweep tries what it is told, checks all of it first, and names the best."""

from __future__ import annotations

import csv
import json
import math

import pytest
from campaign_parts import part

from eisen._core.errors import ArgumentError, ConfigError
from eisen.config import read_config
from eisen.experiments import Run
from eisen.experiments.campaigns import Plan, Range, Sweep, grid_trials, parse_grid, parse_range, random_trials

LR, BATCH = "Training.Optimizer[0].params.lr", "Training.BatchSize"


@pytest.fixture
def sweep(tmp_path, data_dir, config):
    config["General"]["Hyperparameters"].append(part(".Best", value="min mse"))

    def run(trials, **options):
        file = tmp_path / "config.json"
        file.write_text(json.dumps(config))
        return Sweep(Plan(file, data_dir, tmp_path / "sweep", **options), trials).run()

    return run


def test_every_trial_is_an_ordinary_run_and_the_smallest_loss_wins(sweep, config, data_dir, tmp_path):
    result = sweep(grid_trials({LR: [0.001, 0.1], BATCH: [3, 6]}))
    assert result.is_complete
    assert result.judged_by == "min mse"
    values = [trial.value for trial in result.trials]
    assert values == sorted(values)
    assert result.best.values[LR] == 0.1
    folder = tmp_path / "sweep" / result.best.name
    resolved = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    assert resolved["Training"]["Optimizer"][0]["params"]["lr"] == 0.1
    overrides = [f"{path}={value}" for path, value in result.best.values.items()]
    alone = Run(read_config(tmp_path / "config.json", overrides), data_dir, tmp_path / "alone").train(2)
    assert alone.best["value"] == result.best.value
    with (tmp_path / "sweep/trials.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["trial"] for row in rows] == [trial.name for trial in result.trials]
    assert float(rows[0]["min mse"]) == result.best.value


def test_a_second_call_does_only_what_is_new(sweep):
    ranges = {LR: Range("loguniform", (1e-3, 1e-1))}
    first = sweep(random_trials(ranges, 1, seed=3))
    again = sweep(random_trials(ranges, 2, seed=3))
    assert {trial.name: trial.outcome.reused for trial in again.trials} == {"trial-000": True, "trial-001": False}
    assert next(t for t in again.trials if t.name == "trial-000").value == first.trials[0].value


def test_a_failing_trial_comes_last_and_the_others_count(sweep):
    result = sweep(grid_trials({LR: [0.1, 1e30]}), epochs=3)
    assert [trial.status for trial in result.trials] == ["complete", "failed"]
    assert result.best.values[LR] == 0.1
    assert math.isnan(result.trials[1].value)
    assert result.failures[0].error["type"] == "NonFiniteLossError"


@pytest.mark.parametrize(
    ("trial", "words"),
    [
        ({"Training.Optimizer[0].parms.lr": 0.1}, "did you mean 'params'"),
        ({"Training.Optimizer[1].params.lr": 0.1}, "1 entry"),
        ({"Training.Optimizer[0].params.lrr": 0.1}, "did you mean 'lr'"),
        ({"Training.BatchSize": "many"}, "a whole number"),
        ({"Trainig.BatchSize": 2}, "did you mean 'Training'"),
    ],
)
def test_what_is_not_in_the_configuration_is_an_error_before_anything_runs(sweep, tmp_path, trial, words):
    with pytest.raises(ConfigError, match=words):
        sweep([{LR: 0.1}, trial])
    assert not (tmp_path / "sweep").exists()


def test_another_sweep_in_the_same_folder_is_refused(sweep):
    sweep(grid_trials({LR: [0.1]}))
    with pytest.raises(ArgumentError, match="another configuration"):
        sweep(grid_trials({LR: [0.2]}))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lr=loguniform(0,1)", "above 0"),
        ("lr=uniform(2,1)", "is no range"),
        ("lr=int(1,2.5)", "whole numbers"),
        ("lr=normal(0,1)", "there is no 'normal'"),
        ("lr=0.1", "nothing to draw from"),
        ("choice(1,2)", "nothing to draw from"),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(text, words):
    with pytest.raises(ArgumentError, match=words):
        parse_range(text)


def test_draws_stay_in_their_range_and_do_not_depend_on_each_other():
    ranges = dict(map(parse_range, ["a=loguniform(1e-4,1e-2)", "b=int(1,3)", "c=choice(sgd,adam)", "d=uniform(-1,1)"]))
    trials = random_trials(ranges, 200, seed=7)
    assert all(1e-4 <= trial["a"] <= 1e-2 and -1 <= trial["d"] <= 1 for trial in trials)
    assert {trial["b"] for trial in trials} == {1, 2, 3}
    assert {trial["c"] for trial in trials} == {"sgd", "adam"}
    assert 60 < sum(trial["a"] < 1e-3 for trial in trials) < 140, "the logarithm is uniform"
    assert random_trials(ranges, 5, seed=7) == trials[:5]
    assert random_trials(ranges, 5, seed=8) != trials[:5]


def test_a_grid_is_written_like_overrides():
    assert parse_grid("x=true,null,1e-3") == ("x", [True, None, 0.001])
    assert parse_grid('x="a,b",c') == ("x", ["a,b", "c"])
    assert parse_grid("x=[1,2],[3,[4,5]],auto") == ("x", [[1, 2], [3, [4, 5]], "auto"])
    with pytest.raises(ArgumentError, match="no line of a grid"):
        parse_grid("x")
    with pytest.raises(ArgumentError, match="no line of a grid"):
        parse_grid("x=")
