"""What old files and the old builder wrote: it is understood, and one line says how."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from eisen._core.errors import Problem
from eisen.config import Experiment

CROP = "Training.Transforms[0].params"


@pytest.mark.parametrize(
    ("name", "value", "left", "line"),
    [
        ("scale", None, REMOVED := object(), "null is no choice; left at its default 1.0"),
        ("repeat", None, REMOVED, "null is no choice; left at its default 3"),
        ("keep", None, REMOVED, "null is no choice; left at its default True"),
        ("interpolation", None, REMOVED, "null is no choice; left at its default 'linear'"),
        ("interpolation", "", REMOVED, "\"\" is no choice; left at its default 'linear'"),
        ("scale", "", REMOVED, '"" is no choice; left at its default 1.0'),
        ("repeat", [], REMOVED, "[] is no choice; left at its default 3"),
        ("options", "", REMOVED, '"" is no choice; left at its default None'),
        ("skip", [], REMOVED, "[] is no choice; left at its default None"),
        ("interpolation", ["nearest", "linear", "cubic"], REMOVED, "untouched drop-down; left at its default 'linear'"),
        ("keep", "false", False, "the text 'false' is read as false"),
        ("keep", "True", True, "the text 'True' is read as true"),
        ("repeat", "7", 7, "the text '7' is read as 7"),
        ("scale", "1e-3", 0.001, "the text '1e-3' is read as 0.001"),
        ("size", "[8, 9, 10]", [8, 9, 10], "is read as [8, 9, 10]"),
        ("options", '{"image": "uint8"}', {"image": "uint8"}, 'is read as {"image": "uint8"}'),
        ("options", "{'image': 'uint8'}", {"image": "uint8"}, 'is read as {"image": "uint8"}'),
        ("skip", "['label']", ["label"], 'is read as ["label"]'),
    ],
)
def test_values_of_fields_that_nobody_filled_in(
    good: dict[str, Any], read: Callable[..., Experiment], name: str, value: Any, left: Any, line: str
) -> None:
    good["Training"]["Transforms"][0]["params"][name] = value
    experiment = read(good)
    params = experiment.phases["Training"].transforms[0].params
    assert params.get(name, REMOVED) == left
    (repair,) = experiment.repairs
    assert repair.startswith(f"{CROP}.{name}: ")
    assert repair.endswith(line)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("fields", []),  # a step that does nothing
        ("keep", False),
        ("skip", None),
        ("names", None),
        ("prefix", ""),  # a text that may be empty
        ("options", {}),
        ("scale", 0),
        ("repeat", 0),
    ],
)
def test_values_that_somebody_meant_are_not_touched(
    good: dict[str, Any], read: Callable[..., Experiment], name: str, value: Any
) -> None:
    good["Training"]["Transforms"][0]["params"][name] = value
    experiment = read(good)
    assert experiment.repairs == []
    assert experiment.phases["Training"].transforms[0].params[name] == value


def test_a_drop_down_without_default_takes_the_first(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    params = {"json_file": ["a.json", "b.json"]}
    good["Training"]["Datasets"][0]["params"] = params
    experiment = read(good)
    assert experiment.phases["Training"].datasets[0].params == {"json_file": "a.json"}
    assert experiment.repairs[0].endswith("untouched drop-down; the first, 'a.json', is taken")


def test_a_drop_down_of_a_class_without_hints(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    good["Training"]["Transforms"][1]["params"]["mode"] = ["first", "second"]
    experiment = read(good)
    assert "mode" not in experiment.phases["Training"].transforms[1].params
    assert "left at its default 'second'" in experiment.repairs[0]


def test_the_builders_types_stand_in_for_missing_hints(
    good: dict[str, Any], problems: Callable[..., list[Problem]]
) -> None:
    good["Training"]["Transforms"][1]["params"]["fields"] = "image"
    (problem,) = problems(good)
    assert problem.expected == "a list of texts"


def test_what_has_no_hint_is_not_judged(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    for value in (None, "x", [1], {"a": 1}):
        good["Training"]["Transforms"][1]["params"]["anything"] = value
        assert read(good).phases["Training"].transforms[1].params.get("anything") == value


def test_num_worker_is_num_workers(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    good["General"]["Hyperparameters"].append({"type": ".NumWorker", "params": {"value": 8}})
    experiment = read(good)
    assert experiment.hyper.n_workers == 8
    assert experiment.repairs == ["General.Hyperparameters[2].type: .NumWorker is read as .NumWorkers"]


def test_an_empty_hyperparameter_is_left_at_its_default(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    good["General"]["Hyperparameters"][0]["params"]["value"] = None
    good["General"]["Hyperparameters"][1]["params"]["value"] = "7"
    experiment = read(good)
    assert (experiment.hyper.batch_size, experiment.hyper.seed) == (4, 7)
    assert experiment.repairs == [
        "General.Hyperparameters[0].params.value: is empty; .BatchSize is left at its default (4)",
        "General.Hyperparameters[1].params.value: the text '7' is read as 7",
    ]


def test_sdg_is_sgd(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    good["Training"]["Optimizer"] = [{"type": "torch.optim.SDG", "params": {"lr": 0.1, "momentum": None}}]
    experiment = read(good)
    (entry,) = experiment.phases["Training"].optimizer
    assert (entry.type, entry.params) == ("torch.optim.SGD", {"lr": 0.1})
    assert experiment.repairs == [
        "Training.Optimizer[0].type: torch.optim.SDG is now torch.optim.SGD",
        "Training.Optimizer[0].params.momentum: null is no choice; left at its default 0",
    ]


def test_a_reader_without_data_dir_is_not_given_one(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    good["Training"]["Readers"] = [{"type": "toys.NoData", "params": {"fields": ["image"]}}]
    assert read(good).repairs == [
        "Training.Readers[0]: NoData has no parameter data_dir, so it is not told the data folder"
    ]


@pytest.mark.parametrize(
    ("section", "name", "params", "left", "words"),
    [
        ("Workflow", "Training", {"data_parallel": True}, {}, "is ignored: several devices"),
        ("Transforms", "NumpyToNifti", {"fields": ["image"], "multichannel": False}, {"fields": ["image"]}, "mistake"),
        (
            "Datasets",
            "UCSDCovid19",
            {"image_file": "covid", "mask_file": "other"},
            {"positive_dir": "covid", "negative_dir": "other"},
            "is read as",
        ),
        (
            "Datasets",
            "UCSDCovid19",
            {"image_file": "", "mask_file": None, "positive_dir": "a", "negative_dir": "b"},
            {"positive_dir": "a", "negative_dir": "b"},
            "is ignored: it never was a parameter",
        ),
    ],
)
def test_parameters_that_never_were(
    good: dict[str, Any],
    read: Callable[..., Experiment],
    section: str,
    name: str,
    params: dict[str, Any],
    left: dict[str, Any],
    words: str,
) -> None:
    good["Training"][section] = [{"type": f"toys.{name}", "params": params}]
    experiment = read(good)
    assert experiment.phases["Training"].entries(section)[0].params == left
    assert experiment.repairs
    assert all(words in repair for repair in experiment.repairs)


def test_a_repaired_file_needs_no_second_repair(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    good["General"]["Hyperparameters"].append({"type": ".NumWorker", "params": {"value": "8"}})
    good["Training"]["Transforms"][0]["params"] |= {"scale": None, "keep": "true", "interpolation": ["linear", "cubic"]}
    first = read(good)
    assert len(first.repairs) == 5
    second = read(first.resolved())
    assert second.repairs == []
    assert second.resolved() == first.resolved()
    assert second.digest == first.digest
