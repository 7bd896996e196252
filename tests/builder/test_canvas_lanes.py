"""What the canvas shows of a configuration: tabs, lanes, labels, and which card is which after a change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen.config.sections import PHASES, SECTIONS
from eisen_cli.builder.canvas.labels import name_of, summary_of
from eisen_cli.builder.canvas.lanes import is_used_once, lane_of, lanes_of, tabs_of
from eisen_cli.builder.canvas.matching import matched
from eisen_cli.builder.canvas.naming import names_for
from eisen_cli.builder.canvas.targets import Roles, targets_of

EXAMPLES = sorted(Path(__file__).parents[2].joinpath("examples").glob("*.json"))


def entry(name: str, **params: Any) -> dict[str, Any]:
    """Return a module of nobody."""
    return {"type": f"a.{name}", "params": params}


def test_every_section_of_every_phase_has_a_lane() -> None:
    for phase in PHASES:
        assert {lane.role for lane in lanes_of({}, phase)} == set(SECTIONS[phase])


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_module_of_an_example_is_in_one_lane(path: Path) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    for phase in {"General", *PHASES} & set(data):
        lanes = lanes_of(data, phase)
        assert set(data[phase]) <= {lane.place[1] for lane in lanes}
        assert all(lane.kind == "settings" for lane in lanes if lane.place[1] == "Hyperparameters")


def test_a_section_under_its_other_spelling_is_shown_where_it_stands() -> None:
    data = {"Training": {"batch_transforms": [entry("Flip")]}}
    lane = lane_of(data, "Training", "BatchTransforms")
    assert lane is not None
    assert lane.place == ("Training", "batch_transforms")
    assert lane.title == "Batch transforms"


@pytest.mark.parametrize("value", [None, 3, {"type": "a.B"}])
def test_a_section_that_is_no_list_is_shown_as_a_value(value: Any) -> None:
    lanes = lanes_of({"Training": {"Losses": value}}, "Training")
    assert next(lane for lane in lanes if lane.role == "Losses").kind == "values"


@pytest.mark.parametrize("part", [None, 3, [], "text"])
def test_a_phase_that_is_no_object_shows_its_empty_lanes(part: Any) -> None:
    assert {lane.kind for lane in lanes_of({"Training": part}, "Training")} == {"modules", "settings"}


def test_what_nobody_knows_has_a_tab_and_a_lane() -> None:
    data = {"Trainig": {}, "$schema": "x", "Training": {"Losess": [], "Options": {"a": 1}}}
    assert [tab.name for tab in tabs_of(data)][-1] == "Trainig"
    assert [lane.place[1] for lane in lanes_of(data, "Training") if lane.kind == "values"] == ["Losess", "Options"]


def test_tabs_count_modules_and_not_settings() -> None:
    data = {"Training": {"Hyperparameters": [entry("x")], "Losses": [entry("L")], "Metrics": [entry("M"), entry("N")]}}
    tab = next(tab for tab in tabs_of(data) if tab.name == "Training")
    assert (tab.count, tab.is_there, tab.has_lanes) == (3, True, True)


def test_only_what_runs_use_once_is_said_to_be_used_once() -> None:
    once = {role for role in SECTIONS["Training"] if is_used_once("Training", role)}
    assert once == {"Datasets", "Sampler", "Workflow"}
    assert is_used_once("General", "Models")


@pytest.mark.parametrize(
    ("module", "name", "summary"),
    [
        (entry("Crop", size=[1, 2, 3]), "Crop", "size 1 2 3"),
        (entry("Flip", fields=["image", "label"], p=0.5), "Flip", "image, label · p 0.5"),
        (entry("Loss", input_names=["x"], output_names=["l"]), "Loss", "x → l"),
        (entry("Wrap", transform=entry("Inner")), "Wrap", "transform Inner"),
        (entry("On", flag=True, none=None), "On", "flag true · none null"),
        ({"type": "a.B"}, "B", ""),
        ({"type": 3, "params": 4}, 'no module: {"type": 3, "params": 4}', ""),
        ("text", "no module: text", ""),
    ],
)
def test_a_card_says_what_the_module_was_told(module: Any, name: str, summary: str) -> None:
    assert name_of(module) == name
    assert summary_of(module) == summary


def test_a_long_value_is_cut() -> None:
    assert len(summary_of(entry("A", text="x" * 500))) < 80


modules = st.lists(st.builds(entry, st.sampled_from("ABC"), p=st.integers(0, 3)), max_size=8)


@settings(max_examples=40)
@given(modules, modules)
def test_no_card_is_given_to_two_modules(old: list[Any], new: list[Any]) -> None:
    pairs = [(number, module) for number, module in zip(matched(old, new), new, strict=True) if number is not None]
    assert len({number for number, _ in pairs}) == len(pairs)
    assert all(old[number]["type"] == module["type"] for number, module in pairs)


@settings(max_examples=40)
@given(st.permutations([entry(name) for name in "ABCDE"]))
def test_modules_that_only_moved_keep_their_cards(new: list[Any]) -> None:
    old = [entry(name) for name in "ABCDE"]
    assert [old[number] for number in matched(old, new) if number is not None] == new


def test_a_module_that_was_changed_keeps_its_card_among_equals() -> None:
    old = [entry("A", p=1), entry("A", p=2), entry("A", p=3)]
    assert matched(old, [entry("A", p=1), entry("A", p=9), entry("A", p=3)]) == [0, 1, 2]
    assert matched(old, [entry("A", p=9), entry("A", p=1), entry("A", p=2)]) == [2, 0, 1]


def test_without_a_catalogue_a_module_fits_where_its_kind_fits() -> None:
    roles = Roles(None)
    assert roles.of("a.B", "Readers") == ["Readers", "Transforms"]
    assert roles.of("a.B", "BatchTransforms") == ["BatchTransforms", "Transforms"]
    assert roles.of("a.B", "Models") == ["Models"]


def test_targets_are_the_other_phases_that_have_the_section() -> None:
    assert [target.words for target in targets_of({}, ("Training", "Optimizer"), ["Optimizer"])] == []
    assert [target.words for target in targets_of({}, ("Testing", "Hooks"), ["Hooks"])] == [
        "Training",
        "Validation",
        "Prediction",
    ]


def test_names_follow_the_fields_of_the_phase() -> None:
    dropped = {"type": "eisen.transforms.DropFields", "params": {"fields": ["mask"]}}
    reader = {"type": "eisen.io.LoadNiftiFromFilename", "params": {"fields": ["t1", "mask"]}}
    data = {"Training": {"Readers": [reader], "Transforms": [dropped]}}
    assert names_for(data, "Training", "Transforms") == ["t1"]
    assert names_for(data, "General", "Models") == ["t1"]
    assert names_for({}, "Training", "Losses") == []
