"""Checking while somebody types: the words of `eisen check`, every one with its place, and never an error."""

from __future__ import annotations

import copy
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from time import thread_time
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core.errors import ConfigError
from eisen.config.places import text_of
from eisen.config.read import read_config
from eisen_cli.builder.document.checking import Finding, findings_of
from eisen_cli.builder.document.tree import same

ROOT = Path(__file__).parents[2]


def phantom() -> dict[str, Any]:
    data: dict[str, Any] = json.loads((ROOT / "examples/phantom.json").read_text(encoding="utf-8"))
    return data


def broken() -> dict[str, Any]:
    """A configuration with one mistake of every kind."""
    data = phantom()
    data["Trainig"] = {}
    data["Training"]["Transforms"][0]["params"]["feilds"] = 1
    data["Training"]["Transforms"].append({"type": "eisen.transforms.RandomFlop", "params": {}})
    data["Training"]["Transforms"].append({"type": "eisen.transforms.CropCenteredSubVolumes", "params": {}})
    data["Training"]["Transforms"].append({"type": "eisen.transforms.RandomFlip"})
    data["Training"]["Optimizer"] = [{"type": "torch.optim.Adam", "params": {"lr": "fast", "betas": [1, "x"]}}]
    data["Training"]["Losses"].append({"type": "torch.nn.MSELoss", "params": {"input_names": "image"}})
    data["Training"]["Hyperparameters"] = [{"type": ".BatchSize", "params": {"value": -1}}, {"type": ".Epochs"}, 7]
    data["Validation"]["Datasets"] = []
    data["Testing"] = 5
    return data


def test_the_words_are_those_of_read_config() -> None:
    with pytest.raises(ConfigError) as error:
        read_config(broken())
    theirs = {(problem.what, problem.expected) for problem in error.value.problems}
    ours = {(finding.what, finding.expected) for finding in findings_of(broken()) if finding.kind == "error"}
    assert ours == theirs
    assert len(ours) > 12


def test_every_finding_leads_to_its_field() -> None:
    places = {text_of(finding.place) for finding in findings_of(broken())}
    assert {
        "Trainig",
        "Training.Transforms[0].params.feilds",
        "Training.Optimizer[0].params.lr",
        "Training.Optimizer[0].params.betas[1]",
        "Training.Losses[1].params.input_names",
        "Training.Hyperparameters[0].params.value",
        "Training.Hyperparameters[1].params.value",
        "Training.Hyperparameters[2]",
        "Validation.Datasets",
        "Testing",
    } <= places


def test_what_is_absent_leads_to_where_it_should_be_and_says_that_it_is_only_missing() -> None:
    data = {"Training": {"Transforms": [{"type": "eisen.transforms.CropCenteredSubVolumes", "params": {}}]}}
    missing = [finding.place for finding in findings_of(data) if finding.missing]
    assert ("Training", "Transforms", 0, "params", "size") in missing
    assert ("Training", "Datasets") in missing
    assert ("General", "Models") in missing
    wrong = {"Training": {"Transforms": [{"type": "eisen.transforms.RandomFlop", "params": {}}]}}
    (typo,) = [finding for finding in findings_of(wrong) if not finding.missing]
    assert typo.place == ("Training", "Transforms", 0, "type")


@pytest.mark.parametrize("key", ["with.dot", "a[0]", "", " ", "über"])
def test_keys_of_any_form_keep_their_place(key: str) -> None:
    data = {"Training": {"Optimizer": [{"type": "torch.optim.Adam", "params": {key: 1}}]}}
    assert ("Training", "Optimizer", 0, "params", key) in [finding.place for finding in findings_of(data)]


def test_repairs_are_findings_and_change_nothing() -> None:
    data = {"Training": {"Optimizer": [{"type": "torch.optim.SDG", "params": {"lr": "0.1", "momentum": None}}]}}
    before = copy.deepcopy(data)
    repairs = [finding for finding in findings_of(data) if finding.kind == "repair"]
    place = ("Training", "Optimizer", 0)
    assert repairs == [
        Finding((*place, "type"), "torch.optim.SDG is now torch.optim.SGD", kind="repair"),
        Finding((*place, "params", "lr"), "the text '0.1' is read as 0.1", kind="repair"),
        Finding((*place, "params", "momentum"), "null is no choice; left at its default 0", kind="repair"),
    ]
    assert same(data, before)


def test_an_empty_canvas_is_told_what_it_needs_and_nothing_is_wrong() -> None:
    findings = findings_of({})
    assert [finding.place for finding in findings] == [("General", "Models"), ("Training", "Datasets")]
    assert all(finding.missing and finding.expected for finding in findings)
    assert all(finding.missing for finding in findings_of({"General": {}, "Training": {}}))


def test_an_unsaved_example_has_no_findings() -> None:
    assert findings_of(phantom(), ROOT / "examples") == []


def test_what_is_no_json_is_a_finding() -> None:
    (finding,) = [each for each in findings_of({"Packaging": {"a": {1, 2}}}) if "JSON" in each.what]
    assert finding.place == ("Packaging", "a")


@pytest.fixture
def wild() -> Iterator[None]:
    """A module of somebody whose classes fail as soon as they are looked at."""
    module = ModuleType("wild_parts")

    class Meta(type):
        @property
        def __signature__(cls) -> Any:
            raise SystemExit("looked at")

    module.Wild = Meta("Wild", (), {"__module__": "wild_parts", "__call__": lambda self, data: data})  # type: ignore[attr-defined]
    sys.modules["wild_parts"] = module
    yield
    del sys.modules["wild_parts"]


def test_classes_that_fail_when_looked_at_are_a_finding(wild: None) -> None:
    data = {"Training": {"Transforms": [{"type": "wild_parts.Wild", "params": {}}]}}
    findings = findings_of(data)
    assert findings
    assert any("SystemExit" in finding.what for finding in findings)


leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 3),
    st.floats(),
    st.sampled_from(["", "a", "eisen.transforms.OneOf", ".", ".Labels"]),
)
keys = st.sampled_from(["type", "params", "value", "input_names", "transforms", "dataset", "fields", "x"])
anything = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))


def spots(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if place:
        yield place
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from spots(value[key], (*place, key))


SPOTS = list(spots(phantom()))
TYPES = [
    *("eisen", "eisen.transforms", ".", "os.system", ".SlidingWindow", "torch.nn.ModuleList", "torch.optim.Adam"),
    *("eisen.transforms.OneOf", "eisen.datasets.PatchDataset", "torch.nn.MSELoss", "eisen.ops.losses.DiceLoss"),
    "eisen.utils.workflows.Training",
]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(SPOTS), anything | st.sampled_from(TYPES)), min_size=1, max_size=4))
def test_wrong_types_anywhere_never_raise_and_places_are_real(changes: list[tuple[Any, Any]]) -> None:
    data = phantom()
    for place, value in changes:
        inner: Any = data
        try:
            for part in place[:-1]:
                inner = inner[part]
            inner[place[-1]] = value
        except (TypeError, KeyError, IndexError):
            continue
    before = copy.deepcopy(data)
    findings = findings_of(data)
    assert repr(data) == repr(before)
    assert not any("ended early" in finding.what for finding in findings), findings
    for finding in findings:
        inner = data
        for part in finding.place[:-1]:
            is_there = part in inner if isinstance(inner, dict) else isinstance(inner, list) and part < len(inner)
            if not is_there:
                assert finding.missing or isinstance(inner, dict)
                break
            inner = inner[part]


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["General", "Training", "Validation", "Split", "Evaluation", "x"]), anything))
def test_nonsense_never_raises(data: dict[str, Any]) -> None:
    assert not any("ended early" in finding.what for finding in findings_of(data))


def test_several_threads_may_check_at_once() -> None:
    expected, results = findings_of(broken()), []
    data = broken()
    threads = [threading.Thread(target=lambda: results.append(findings_of(data))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 6


def test_sixty_modules_are_checked_in_less_than_a_tenth_of_a_second() -> None:
    data = phantom()
    crop = {"type": "eisen.transforms.CropCenteredSubVolumes", "params": {"fields": ["image"], "size": [32, 32, "x"]}}
    kinds = [*data["Training"]["Transforms"], crop, {"type": "eisen.transforms.RandomFlip", "params": {"axes": [0]}}]
    data["Training"]["Transforms"] = [copy.deepcopy(kinds[number % len(kinds)]) for number in range(60)]
    findings_of(data)

    def seconds() -> float:
        start = thread_time()
        findings_of(data)
        return thread_time() - start

    assert min(seconds() for _ in range(5)) < 0.1
