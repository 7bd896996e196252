"""The part Split of a configuration."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from eisen._core.errors import Problem
from eisen.config import Experiment, SplitChoice, config_schema, read_config


def test_a_configuration_without_it_has_none(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    assert read(good).split is None


def test_a_fold_may_be_written_as_a_number(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    one, other = (read({**good, "Split": {"file": "s.json", "fold": fold}}) for fold in (1, "1"))
    assert one.split == other.split == SplitChoice("s.json", "1")
    assert one.digest == other.digest
    assert read_config(one.resolved()).split == one.split


def test_the_command_line_chooses_one(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    experiment = read(good, "Split.file=s.json", "Split.fold=0/1")
    assert experiment.split == SplitChoice("s.json", "0/1")
    chosen = {**good, "Split": {"file": "s.json", "fold": "0"}}
    assert read(chosen, "Split.fold=r1-f2").split == SplitChoice("s.json", "r1-f2")


@pytest.mark.parametrize(
    ("part", "where", "what"),
    [
        (3, "Split", "'Split' is 3"),
        ([], "Split", "'Split' is []"),
        ({"file": "s.json"}, "Split", "Split has no 'fold'"),
        ({"file": "s.json", "fold": True}, "Split.fold", "the fold of Split is true"),
        ({"file": "s.json", "fold": 1.5}, "Split.fold", "the fold of Split is 1.5"),
        ({"file": "", "fold": "0"}, "Split.file", 'the file of Split is ""'),
        ({"file": ["s.json"], "fold": "0"}, "Split.file", "the file of Split is ["),
        ({"fil": "s.json", "file": "s.json", "fold": "0"}, "Split.fil", "unknown 'fil' of Split"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(
    good: dict[str, Any], problems: Callable[..., list[Problem]], part: Any, where: str, what: str
) -> None:
    found = problems({**good, "Split": part})
    assert [problem.where for problem in found] == [where]
    assert found[0].what.startswith(what)
    assert found[0].expected


def test_a_problem_has_its_line(good: dict[str, Any], tmp_path: Path, problems: Callable[..., list[Problem]]) -> None:
    text = json.dumps({**good, "Split": {"file": "s.json", "flod": "0", "fold": "0"}}, indent=1)
    problem = problems(text)[0]
    assert text.splitlines()[problem.line - 1].strip().startswith('"flod"')
    assert problem.expected == "did you mean 'fold'?"


def test_an_override_that_is_misspelt_is_said(good: dict[str, Any], problems: Callable[..., list[Problem]]) -> None:
    assert "did you mean 'fold'" in problems(good, "Split.flod=1")[0].expected
    assert problems(good, "Split.fold=1")[0].what == "Split has no 'file'"


def test_the_schema_knows_it() -> None:
    schema = Draft202012Validator(json.loads(json.dumps(config_schema())))
    assert schema.is_valid({"Split": {"file": "split.json", "fold": "0"}})
    assert schema.is_valid({"Split": {"file": "split.json", "fold": 0}})
    for part in (3, {}, {"file": "s"}, {"file": 1, "fold": "0"}, {"file": "s", "fold": "0", "seed": 1}):
        assert not schema.is_valid({"Split": part})
