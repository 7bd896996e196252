"""Values from the command line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from eisen._core.errors import Problem
from eisen.config import Experiment


def test_a_parameter_is_replaced(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    experiment = read(good, "Training.Optimizer[0].params.lr=1e-4")
    assert experiment.phases["Training"].optimizer[0].params["lr"] == 1e-4
    assert experiment.resolved()["Training"]["Optimizer"][0]["params"]["lr"] == 1e-4


@pytest.mark.parametrize(
    ("text", "value"),
    [("[1, 2, 3]", [1, 2, 3]), ("8", 8)],
)
def test_values_are_json(good: dict[str, Any], read: Callable[..., Experiment], text: str, value: Any) -> None:
    experiment = read(good, f"Training.Transforms[0].params.size={text}")
    assert experiment.phases["Training"].transforms[0].params["size"] == value


@pytest.mark.parametrize("text", ["other.json", '"other.json"'])
def test_what_is_not_json_is_text(good: dict[str, Any], read: Callable[..., Experiment], text: str) -> None:
    experiment = read(good, f"Training.Datasets[0].params.json_file={text}")
    assert experiment.phases["Training"].datasets[0].params["json_file"] == "other.json"


def test_a_value_may_hold_an_equals_sign(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    experiment = read(good, "Training.Datasets[0].params.json_file=a=b")
    assert experiment.phases["Training"].datasets[0].params["json_file"] == "a=b"


def test_a_parameter_can_be_added(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    experiment = read(good, "Training.Transforms[0].params.keep=false", "Training.Transforms[0].params.options={}")
    assert experiment.phases["Training"].transforms[0].params["keep"] is False


def test_a_section_can_be_replaced_and_added(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    experiment = read(good, "Training.Hooks=[]", 'Validation.Hooks=[{"type": "toys.Log", "params": {}}]')
    assert experiment.phases["Training"].hooks == []
    assert experiment.phases["Validation"].hooks[0].name == "Log"


@pytest.mark.parametrize("path", ["General.BatchSize", "BatchSize", "General..BatchSize", ".BatchSize"])
def test_hyperparameters_have_a_short_form(good: dict[str, Any], read: Callable[..., Experiment], path: str) -> None:
    experiment = read(good, f"{path}=7")
    assert experiment.hyper.batch_size == 7
    assert experiment.phases["Training"].hyper.batch_size == 7
    assert len(experiment.resolved()["General"]["Hyperparameters"]) == 2


def test_hyperparameters_of_a_phase(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    experiment = read(good, "Training.BatchSize=7", "Training.NumWorkers=0")
    assert experiment.phases["Training"].hyper.batch_size == 7
    assert experiment.phases["Training"].hyper.n_workers == 0
    assert experiment.phases["Validation"].hyper.batch_size == 2


def test_the_last_override_wins(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    assert read(good, "Seed=1", "Seed=2").hyper.seed == 2


def test_epochs_from_the_command_line_win(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    good["Training"]["Hyperparameters"] = [{"type": ".Epochs", "params": {"value": 3}}]
    experiment = read(good, epochs=5)
    assert experiment.hyper.epochs == 5
    assert experiment.phases["Training"].hyper.epochs == 5
    assert read(experiment.resolved()).digest == experiment.digest


@pytest.mark.parametrize(
    ("override", "where", "what", "expected"),
    [
        ("Training.Optimzer[0].params.lr=1", "Training.Optimzer", "--set names 'Optimzer'", "did you mean 'Optimizer'"),
        ("Trainig.Optimizer[0].params.lr=1", "Trainig", "--set names 'Trainig'", "did you mean 'Training'"),
        ("Training.Optimizer[3].params.lr=1", "Training.Optimizer[3]", "not there", "has 1 entry, [0] to [0]"),
        ("Training.Optimizer.params.lr=1", "Training.Optimizer.params", "not there", "has 1 entry"),
        ("Training.Optimizer[0].parms.lr=1", "Training.Optimizer[0].parms", "not there", "did you mean 'params'"),
        ("Training.Optimizer[0].parms=1", "Training.Optimizer[0].parms", "not there", "did you mean 'params'"),
        ("Training.Optimizer[0].type.x=1", "Training.Optimizer[0].type.x", "a plain value", "PATH=VALUE"),
        ("Training.BatchSise=1", "Training.BatchSise", "not there", "one of"),
        ("Training.Optimizer[0].params.lr", "Training.Optimizer[0].params.lr", "cannot be read", "PATH=VALUE"),
        ("=3", "=3", "cannot be read", "PATH=VALUE"),
        ("a[=3", "a[=3", "cannot be read", "PATH=VALUE"),
        ("Training.Optimizer[0].params.lrr=1", "Training.Optimizer[0].params.lrr", "unknown parameter", "'lr'"),
        ("Training.Optimizer[0].params.lr=x", "Training.Optimizer[0].params.lr", "from --set", "a number"),
        ("Training.BatchSize=x", "Training.Hyperparameters[0].params.value", "from --set", "from 1"),
        ("General=3", "General", "'General' is 3 (from --set General)", "an object"),
    ],
)
def test_a_wrong_override_says_what_would_be_right(
    good: dict[str, Any],
    problems: Callable[..., list[Problem]],
    override: str,
    where: str,
    what: str,
    expected: str,
) -> None:
    problem = problems(good, override)[0]
    assert problem.where == where
    assert what in problem.what
    assert expected in problem.expected
    assert problem.line == 0


def test_overrides_repair_a_wrong_file(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    good["Training"]["Optimizer"][0]["params"]["lr"] = "fast"
    assert read(good, "Training.Optimizer[0].params.lr=0.1").phases["Training"].optimizer[0].params["lr"] == 0.1


def test_overrides_of_a_file_that_is_no_object(problems: Callable[..., list[Problem]]) -> None:
    assert "an object" in problems("[]", "BatchSize=3")[-1].what
