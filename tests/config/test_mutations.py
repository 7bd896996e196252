"""A good configuration, broken in one place: the report names that place, its line, and what was expected."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest

from eisen._core.errors import ConfigError, Problem
from eisen.config import Experiment
from eisen.config.places import parse

REMOVE = object()

# (path to change, new value, where the problem is, what is wrong, what was expected)
MUTATIONS: list[tuple[str, Any, str, str, str]] = [
    ("General", 3, "General", "'General' is 3", "an object"),
    ("General.Modles", [], "General.Modles", "unknown section", "did you mean 'Models'"),
    ("General.Models", {}, "General.Models", "'Models' is {}", "a list"),
    ("General.Models", [], "General.Models", "there is no model", "one model"),
    ("General.Models", REMOVE, "General.Models", "there is no model", "one model"),
    ("General.Models[0]", "toys.Model", "General.Models[0]", "this is no module", '{"type"'),
    ("General.Models[0].type", REMOVE, "General.Models[0]", "'type' is missing", "dotted path"),
    ("General.Models[0].type", 7, "General.Models[0].type", "'type' is 7", "dotted path"),
    ("General.Models[0].type", "Model", "General.Models[0].type", "no dotted path", "dotted path"),
    ("General.Models[0].type", "toys.Modell", "General.Models[0].type", "has no 'Modell'", "toys.Model'"),
    ("General.Models[0].type", "toyz.Model", "General.Models[0].type", "no package 'toyz'", "installed package"),
    ("General.Models[0].type", "toys.Crop", "General.Models[0].type", "is not a model", "torch.nn.Module"),
    ("General.Models[0].type", "toys.number", "General.Models[0].type", "is not a model", "torch.nn.Module"),
    ("General.Models[0].type", "torch.load", "General.Models[0].type", "is not a model", "torch.nn.Module"),
    ("General.Models[0].params", REMOVE, "General.Models[0]", "'params' is missing", "an object"),
    ("General.Models[0].params", [], "General.Models[0].params", "'params' is []", "an object"),
    ("General.Models[0].parms", {}, "General.Models[0].parms", "unknown 'parms'", "did you mean 'params'"),
    ("General.Models[0].params.input_names", REMOVE, "General.Models[0].params", "'input_names'", "image"),
    ("General.Models[0].params.output_names", REMOVE, "General.Models[0].params", "'output_names'", "predictions"),
    ("General.Models[0].params.input_names", "image", "General.Models[0].params.input_names", '"image"', "names"),
    ("General.Models[0].params.input_names", [], "General.Models[0].params.input_names", "[]", "names"),
    ("General.Models[0].params.input_names", [1], "General.Models[0].params.input_names", "[1]", "names"),
    ("General.Models[0].params.input_names", ["a", "b"], "General.Models[0].params.input_names", "2 inputs", "images"),
    ("General.Models[0].params.input_channels", REMOVE, "General.Models[0].params", "needs", "input_channels"),
    ("General.Models[0].params.input_channels", None, "General.Models[0].params.input_channels", "no value", "whole"),
    ("General.Models[0].params.input_channels", 1.5, "General.Models[0].params.input_channels", "1.5", "whole"),
    ("General.Models[0].params.input_channels", True, "General.Models[0].params.input_channels", "true", "whole"),
    ("General.Models[0].params.channels", 1, "General.Models[0].params.channels", "unknown parameter", "channels"),
    ("General.Hyperparameters", 4, "General.Hyperparameters", "'Hyperparameters' is 4", "a list"),
    ("General.Hyperparameters[0]", 4, "General.Hyperparameters[0]", "no hyperparameter", ".BatchSize"),
    ("General.Hyperparameters[0].type", ".BatchSise", "General.Hyperparameters[0].type", "unknown", "'.BatchSize'"),
    ("General.Hyperparameters[0].type", ".Foo", "General.Hyperparameters[0].type", "unknown", "one of .BatchSize"),
    ("General.Hyperparameters[0].params", {}, "General.Hyperparameters[0]", "no value", '"value"'),
    ("General.Hyperparameters[0].params.value", 0, "General.Hyperparameters[0].params.value", "is 0", "from 1"),
    ("General.Hyperparameters[0].params.value", "two", "General.Hyperparameters[0].params.value", "two", "from 1"),
    ("General.Hyperparameters[0].params.more", 1, "General.Hyperparameters[0].params.more", "unknown", "value"),
    ("General.Hyperparameters[0].kind", 1, "General.Hyperparameters[0].kind", "unknown 'kind'", "type"),
    ("General.Hyperparameters[1].params.value", -1, "General.Hyperparameters[1].params.value", "is -1", "from 0"),
    ("General.Hyperparameters[1].type", ".BatchSize", "General.Hyperparameters[1]", "set twice", "one entry"),
    ("Generl", {}, "Generl", "unknown part", "did you mean 'General'"),
    ("Training", [], "Training", "'Training' is []", "an object"),
    ("Training.Optimizers", [], "Training.Optimizers", "unknown section", "did you mean 'Optimizer'"),
    ("Training.Zzz", [], "Training.Zzz", "unknown section", "one of"),
    ("Training.Options", 3, "Training.Options", "'Options' is 3", "an object"),
    ("Training.Datasets", [], "Training.Datasets", "no dataset", "an entry"),
    ("Training.Losses", REMOVE, "Training.Losses", "no loss", "an entry"),
    ("Training.Optimizer", [], "Training.Optimizer", "no optimizer", "an entry"),
    ("Training.Datasets[0].type", "toys.Crop", "Training.Datasets[0].type", "is not a dataset", "__len__"),
    ("Training.Datasets[0].params.json_file", REMOVE, "Training.Datasets[0].params", "needs", "json_file"),
    ("Training.Datasets[0].params.jsonfile", "a", "Training.Datasets[0].params.jsonfile", "unknown", "'json_file'"),
    ("Training.Readers[0].type", "toys.Cases", "Training.Readers[0].type", "is not a reader", "__call__"),
    ("Training.Readers[0].params.canonical", "no", "Training.Readers[0].params.canonical", '"no"', "true or false"),
    ("Training.Readers[0].params.canonical", 1, "Training.Readers[0].params.canonical", "is 1", "true or false"),
    ("Training.Transforms[0].type", "toys.Cases", "Training.Transforms[0].type", "is not a transform", "__call__"),
    ("Training.Transforms[0].params.fields", "image", "Training.Transforms[0].params.fields", "image", "list of text"),
    ("Training.Transforms[0].params.fields", ["a", 3], "Training.Transforms[0].params.fields[1]", "is 3", "list"),
    ("Training.Transforms[0].params.feilds", ["a"], "Training.Transforms[0].params.feilds", "unknown", "'fields'"),
    ("Training.Transforms[0].params.size", [8, 8], "Training.Transforms[0].params.size", "[8, 8]", "list of 3 whole"),
    ("Training.Transforms[0].params.size", {}, "Training.Transforms[0].params.size", "{}", "list of 3 whole"),
    ("Training.Transforms[0].params.scale", "big", "Training.Transforms[0].params.scale", '"big"', "a number"),
    ("Training.Transforms[0].params.scale", [1], "Training.Transforms[0].params.scale", "[1]", "a number"),
    ("Training.Transforms[0].params.keep", "maybe", "Training.Transforms[0].params.keep", "maybe", "true or false"),
    (
        "Training.Transforms[0].params.interpolation",
        "neares",
        "Training.Transforms[0].params.interpolation",
        '"neares"',
        "did you mean 'nearest'",
    ),
    ("Training.Transforms[0].params.names", {"a": "b"}, "Training.Transforms[0].params.names", "{", "an object"),
    ("Training.Transforms[0].params.options", "x", "Training.Transforms[0].params.options", '"x"', "an object"),
    ("Training.Transforms[1].type", "os.system", "Training.Transforms[1].type", "standard library", "dotted path"),
    ("Training.Transforms[1].params.mod", 1, "Training.Transforms[1].params.mod", "unknown", "'mode'"),
    ("Training.Losses[0].type", "torch.optim.Adam", "Training.Losses[0].type", "is not a loss", "into Optimizer"),
    ("Training.Losses[0].params.input_names", ["a"], "Training.Losses[0].params.input_names", "1 input", "labels"),
    ("Training.Losses[0].params.weight", "x", "Training.Losses[0].params.weight", '"x"', "a number"),
    ("Training.Losses[0].params.dim", [1.5], "Training.Losses[0].params.dim[0]", "1.5", "whole numbers"),
    ("Training.Metrics[0].params.wieght", 1, "Training.Metrics[0].params.wieght", "unknown", "'weight'"),
    ("Training.Optimizer[0].type", "toys.Loss", "Training.Optimizer[0].type", "not an optimizer", "into Losses"),
    ("Training.Optimizer[0].type", "torch.optim.Adan", "Training.Optimizer[0].type", "'Adan'", "torch.optim.Adam'"),
    ("Training.Optimizer[0].type", "torch.optim.Optimizer.step", "Training.Optimizer[0].type", "not an opt", "sub"),
    ("Training.Optimizer[0].params.lr", [0.1], "Training.Optimizer[0].params.lr", "[0.1]", "a number"),
    ("Training.Optimizer[0].params.betas", [0.9], "Training.Optimizer[0].params.betas", "[0.9]", "list of 2"),
    ("Training.Optimizer[0].params.learning_rate", 1, "Training.Optimizer[0].params.learning_rate", "unknown", "lr"),
    ("Training.Scheduler[0].type", "torch.optim.Adam", "Training.Scheduler[0].type", "not a learning", "lr_scheduler"),
    ("Training.Scheduler[0].params.step_size", REMOVE, "Training.Scheduler[0].params", "needs", "step_size"),
    ("Training.Workflow[0].type", "toys.Crop", "Training.Workflow[0].type", "is not a workflow", "run()"),
    ("Training.Workflow[0].params.gpu", "yes", "Training.Workflow[0].params.gpu", '"yes"', "true or false"),
    ("Training.Hooks[0].type", "toys.Model", "Training.Hooks[0].type", "is not a hook", "into Models"),
    ("Training.Hooks[0].params.evry", 1, "Training.Hooks[0].params.evry", "unknown", "'every'"),
    ("Validation.Datasets", REMOVE, "Validation.Datasets", "no dataset", "an entry"),
    ("Validation.Optimizer", [], "Validation.Optimizer", "unknown section", "one of"),
]


def mutate(config: dict[str, Any], path: str, value: Any) -> None:
    *place, last = parse(path) or ()
    target: Any = config
    for part in place:
        target = target[part]
    if value is REMOVE:
        del target[last]
    else:
        target[last] = value


def line_of(text: str, where: str) -> int:
    """Find the line of a place by hand: mark it, write again, look for the first line that differs."""
    config = json.loads(text)
    place = parse(where) or ()
    while place:
        target: Any = config
        try:
            for part in place[:-1]:
                target = target[part]
            target[place[-1]]
        except (KeyError, IndexError, TypeError):
            place = place[:-1]
            continue
        target[place[-1]] = "a mark that stands nowhere else"
        lines = json.dumps(config, indent=2).splitlines()
        return next(number for number, line in enumerate(lines, 1) if "a mark that stands nowhere else" in line)
    return 1


def test_the_good_configuration_is_good(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    assert read(good).repairs == []


@pytest.mark.parametrize(("path", "value", "where", "what", "expected"), MUTATIONS)
def test_a_fault_is_reported_where_it_is(
    good: dict[str, Any],
    problems: Callable[[Any], list[Problem]],
    path: str,
    value: Any,
    where: str,
    what: str,
    expected: str,
) -> None:
    mutate(good, path, value)
    found = problems(good)
    problem = next((problem for problem in found if problem.where == where), None)
    assert problem is not None, [str(other) for other in found]
    assert what in problem.what
    assert expected in problem.expected
    assert problem.line == line_of(json.dumps(good, indent=2), where)
    assert problem.file.endswith("config.json")


def test_there_are_enough_of_them() -> None:
    assert len(MUTATIONS) >= 60


def independent() -> Iterator[tuple[str, Any, str]]:
    """One fault per place, so that none hides another."""
    taken: set[str] = set()
    for path, value, where, *_ in MUTATIONS:
        top = ".".join(path.split(".")[:3])
        if path.count(".") >= 2 and value is not REMOVE and top not in taken and ".params." in path:
            taken.add(top)
            yield path, value, where


def test_all_faults_are_reported_at_once_in_the_order_of_the_file(
    good: dict[str, Any], problems: Callable[[Any], list[Problem]]
) -> None:
    wanted = set()
    for path, value, where in independent():
        mutate(good, path, deepcopy(value))
        wanted.add(where)
    found = problems(good)
    assert wanted <= {problem.where for problem in found}
    assert len(wanted) >= 8
    lines = [problem.line for problem in found]
    assert lines == sorted(lines)


def test_a_key_at_fault_is_pointed_at_not_its_value(
    write: Callable[[Any], Any], problems: Callable[[Any], list[Problem]]
) -> None:
    (problem,) = problems('{"General": {},\n  "Trainig":\n    {}}')
    assert (problem.line, problem.column) == (2, 3)


def test_the_report_reads_as_one_line_per_problem(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    mutate(good, "Training.Transforms[0].params.feilds", ["image"])
    with pytest.raises(ConfigError) as caught:
        read(good)
    title, line = str(caught.value).splitlines()
    assert title == "1 problem in the configuration"
    assert "config.json:65:11 " not in title
    assert line.endswith(
        "Training.Transforms[0].params.feilds: unknown parameter 'feilds' of Crop – did you mean 'fields'?"
    )


def test_names_that_no_step_can_have_made(good: dict[str, Any], problems: Callable[[Any], list[Problem]]) -> None:
    last = {"type": "eisen.transforms.FilterFields", "params": {"fields": ["image", "label"]}}
    good["Training"]["Transforms"].append(last)
    good["Training"]["Losses"][0]["params"]["input_names"] = ["predictions", "lable"]
    good["General"]["Models"][0]["params"]["input_names"] = ["imag"]
    found = [(problem.where, problem.expected) for problem in problems(good)]
    assert found == [
        ("General.Models[0].params.input_names[0]", "Training leaves the fields: image, label; did you mean 'image'?"),
        (
            "Training.Losses[0].params.input_names[1]",
            "there are: image, label, predictions; did you mean 'label'?",
        ),
    ]


def test_without_certainty_about_the_fields_nothing_is_said(
    good: dict[str, Any], read: Callable[..., Experiment]
) -> None:
    good["Training"]["Losses"][0]["params"]["input_names"] = ["predictions", "who_knows"]
    assert read(good).phases["Training"].losses[0].input_names == ("predictions", "who_knows")
