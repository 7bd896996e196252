"""The section BatchTransforms of a phase, under both of its names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from eisen._core.errors import ConfigError
from eisen.config import config_schema, read_config

FLIP = {"type": "eisen.transforms.RandomFlip", "params": {"fields": ["image"]}}
BOTH = pytest.mark.parametrize("name", ["BatchTransforms", "batch_transforms"])


@pytest.fixture
def good() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        (Path(__file__).parents[2] / "examples" / "phantom.json").read_text(encoding="utf-8")
    )
    return document


@BOTH
def test_the_section_is_read_under_both_names_and_kept_under_one(good: dict[str, Any], name: str) -> None:
    good["Training"][name] = [FLIP]
    experiment = read_config(good)
    (entry,) = experiment.phases["Training"].batch_transforms
    assert (entry.name, entry.where) == ("RandomFlip", "Training.BatchTransforms[0]")
    assert "batch_transforms" not in experiment.resolved()["Training"]
    assert read_config(experiment.resolved()).digest == experiment.digest


@BOTH
def test_an_override_reaches_it_under_both_names(good: dict[str, Any], name: str) -> None:
    for used in ("BatchTransforms", "batch_transforms"):
        document = {**good, "Training": {**good["Training"], used: [FLIP]}}
        experiment = read_config(document, [f"Training.{name}[0].params.p=0.25"])
        assert experiment.phases["Training"].batch_transforms[0].params["p"] == 0.25


def test_it_can_be_added_by_an_override(good: dict[str, Any]) -> None:
    experiment = read_config(good, [f"Validation.batch_transforms=[{json.dumps(FLIP)}]"])
    assert experiment.phases["Validation"].batch_transforms[0].name == "RandomFlip"


def test_a_mistake_in_it_is_shown_where_it_stands_in_the_file(good: dict[str, Any], tmp_path: Path) -> None:
    good["Training"]["batch_transforms"] = [{**FLIP, "params": {"feilds": ["image"]}}]
    path = tmp_path / "config.json"
    path.write_text(json.dumps(good, indent=1))
    with pytest.raises(ConfigError) as caught:
        read_config(path)
    wrong = next(problem for problem in caught.value.problems if "feilds" in problem.where)
    line = next(n for n, text in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if "feilds" in text)
    assert (wrong.where, wrong.line) == ("Training.BatchTransforms[0].params.feilds", line)
    assert "did you mean 'fields'" in wrong.expected


@pytest.mark.parametrize(
    ("name", "near"), [("BatchTransform", "BatchTransforms"), ("batch_transform", "BatchTransforms")]
)
def test_a_misspelt_name_gets_a_suggestion(good: dict[str, Any], name: str, near: str) -> None:
    good["Training"][name] = [FLIP]
    with pytest.raises(ConfigError, match=f"unknown section '{name}'.*{near}"):
        read_config(good)


def test_both_names_at_once_are_refused(good: dict[str, Any]) -> None:
    good["Training"] |= {"BatchTransforms": [FLIP], "batch_transforms": [FLIP]}
    with pytest.raises(ConfigError, match="which is there too"):
        read_config(good)


def test_only_steps_may_stand_in_it(good: dict[str, Any]) -> None:
    good["Training"]["BatchTransforms"] = [{"type": "torch.optim.Adam", "params": {}}]
    with pytest.raises(ConfigError, match="is not a batch transform"):
        read_config(good)


def test_the_schema_knows_the_section_under_both_names() -> None:
    for phase in ("Training", "Prediction"):
        part = config_schema()["properties"][phase]["properties"]
        assert part["BatchTransforms"] == part["batch_transforms"] == {"$ref": "#/$defs/Transforms"}
