"""What a cached case was made with: the same for the same, and differences in words."""

from __future__ import annotations

import functools
import importlib
import sys
import threading

import numpy as np
import pytest

import eisen.storage.cache.recipe as recipes
from eisen._core.errors import ArgumentError
from eisen.io import LoadNiftiFromFilename
from eisen.storage.cache.code import code_of
from eisen.storage.cache.describe import describe
from eisen.storage.cache.recipe import Recipe
from eisen.transforms import AddChannelDimension, Compose, CropCenteredSubVolumes, HistogramStandardization, Lambda


def recipe(*steps, dataset=()):
    return Recipe.of(dataset, steps)


def test_the_same_steps_are_the_same_recipe():
    one, other = (recipe(LoadNiftiFromFilename(["image"], "data"), AddChannelDimension(["image"])) for _ in "ab")
    assert one.digest == other.digest
    assert one.differences(other) == []
    assert one.outdated() == []
    assert one.summary == "LoadNiftiFromFilename > AddChannelDimension"


def test_a_step_and_its_parameter_are_named():
    small, large = (recipe(AddChannelDimension(["i"]), CropCenteredSubVolumes(["i"], [n] * 3)) for n in (4, 8))
    assert small.differences(large) == ["step 2 (CropCenteredSubVolumes): size was [4, 4, 4], is [8, 8, 8]"]


def test_other_steps_are_named():
    changes = recipe(AddChannelDimension(["i"])).differences(recipe())
    assert changes[0] == "the steps were AddChannelDimension, are none"


def test_steps_inside_of_steps_and_arrays_count():
    def made(last):
        landmarks = np.array([0.0, 30, 60, last])
        return recipe(Compose([AddChannelDimension(["i"])]), Lambda(["i"], functools.partial(np.add, landmarks)))

    assert made(90).digest == made(90).digest
    assert "the numbers changed" in " ".join(made(90).differences(made(91)))
    assert HistogramStandardization  # a step of ours that holds such an array


def test_a_file_that_a_parameter_names_counts_with_its_content(tmp_path):
    table = tmp_path / "table.json"
    table.write_text("1")
    before = recipe(Lambda(["i"], functools.partial(open, str(table))))
    table.write_text("2")
    after = recipe(Lambda(["i"], functools.partial(open, str(table))))
    assert f"the content of {table} changed" in before.differences(after)[0]


def test_the_code_of_a_function_counts():
    changes = recipe(lambda case: case).differences(recipe(lambda case: dict(case)))
    assert "code has changed" in changes[0]
    factor = 2
    two = describe(lambda x: x * factor)
    factor = 3
    assert describe(lambda x: x * factor)["params"]["closure"] != two["params"]["closure"]


def test_the_modules_of_a_step_and_those_beside_it_count(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    (tmp_path / "my_helper.py").write_text("FACTOR = 2\ndef helped(case):\n    return case\n")
    (tmp_path / "my_steps.py").write_text(
        "from my_helper import helped\nclass Step:\n    def __call__(self, case):\n        return helped(case)\n"
    )
    step = importlib.import_module("my_steps").Step()
    before = recipe(step)
    (tmp_path / "my_helper.py").write_text("FACTOR = 3\ndef helped(case):\n    return dict(case)\n")
    after = recipe(step)
    assert before.differences(after) == [f"the code in {tmp_path}/my_helper.py has changed"]
    for name in ("my_helper", "my_steps"):
        monkeypatch.delitem(sys.modules, name)


def test_versions_are_named(monkeypatch):
    old = recipe()
    monkeypatch.setattr(recipes, "__version__", "99.0")
    monkeypatch.setattr(recipes, "library_versions", lambda: {"numpy": "99.1"})
    changes = old.differences(recipe())
    assert changes[0].startswith("eisen was ")
    assert changes[0].endswith(", is 99.0")
    assert any(change.startswith("numpy was ") and change.endswith("is 99.1") for change in changes)
    assert old.outdated()[0] == changes[0]


def test_the_code_of_eisen_counts():
    facts = recipe().facts
    changed = Recipe({**facts, "code": {**facts["code"], "eisen/transforms/crop.py": "0"}})
    assert changed.differences(Recipe(facts)) == ["the code in eisen/transforms/crop.py has changed"]
    assert changed.outdated() == ["the code in eisen/transforms/crop.py has changed"]
    assert "eisen/datasets/slices.py" in code_of([importlib.import_module("eisen.datasets.slices").SlicesDataset])


def test_what_nobody_can_compare_is_refused_with_the_step():
    class Step:
        def __init__(self):
            self.lock = threading.Lock()

        def __call__(self, case):
            return case

    with pytest.raises(ArgumentError, match="nobody can tell") as caught:
        recipe(AddChannelDimension(["i"]), Step())
    assert caught.value.card.step == "step 2 of 2: Step"
    assert "n_steps" in caught.value.card.to_do


def test_a_private_lock_does_not_matter():
    class Step:
        def __init__(self):
            self.size, self._lock = 3, threading.Lock()

        def __call__(self, case):
            return case

    assert describe(Step())["params"] == {"size": 3}


def test_a_recipe_is_read_back(tmp_path):
    made = recipe(CropCenteredSubVolumes(["i"], [4, 4, 4]))
    made.save(tmp_path)
    found, made_by = Recipe.load(tmp_path)
    assert found.digest == made.digest
    assert "command" in made_by
    (tmp_path / "recipe.json").write_text("{")
    assert Recipe.load(tmp_path) is None
