"""The keywords of the base class are seen by name wherever signatures and docstrings are read."""

from __future__ import annotations

import inspect

import pytest

import eisen.datasets as datasets
from eisen.config import build
from eisen.config.docstrings import argument_texts
from eisen.config.experiment import Entry
from eisen.config.signature import signature_of
from eisen.datasets import EisenDataset

SPLIT = ("split", "validation_fraction", "split_seed", "group")
KINDS = [
    kind
    for name in datasets.__all__
    if inspect.isclass(kind := getattr(datasets, name)) and issubclass(kind, EisenDataset)
]
SOURCES = [kind for kind in KINDS if "dataset" not in inspect.signature(kind).parameters]
"""Without the wrappers, which leave the choice of cases to what they wrap."""


@pytest.mark.parametrize("kind", SOURCES)
def test_every_data_set_takes_the_split_by_name(kind):
    own, base = inspect.signature(kind).parameters, inspect.signature(EisenDataset).parameters
    assert [own[name].default for name in SPLIT] == [base[name].default for name in SPLIT]
    assert not any(parameter.kind is inspect.Parameter.VAR_KEYWORD for parameter in own.values())
    assert [p.name for p in own.values() if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD][-1] == "transform"


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind.__name__ != "ABCDataset"])
def test_every_argument_is_explained_once(kind):
    texts = argument_texts(inspect.getdoc(kind))
    assert list(texts) == list(inspect.signature(kind).parameters)
    assert all(texts.values())
    assert "\n    **" not in inspect.getdoc(kind)


def test_a_configuration_knows_the_choices():
    parameter = signature_of(datasets.PANDA).parameters["split"]
    assert set(parameter.hint.__args__) == {"all", "train", "validation"}


def test_a_data_set_of_a_user_may_hand_them_on_or_not():
    class Fixed(EisenDataset):
        """Mine.

        Args:
            n: How many.
        """

        def __init__(self, n, transform=None):
            super().__init__([{"n": i} for i in range(n)], transform)

    class Open(Fixed):
        def __init__(self, n, transform=None, **options):
            EisenDataset.__init__(self, [{"n": i} for i in range(n)], transform, **options)

    class Split(EisenDataset):
        """Mine.

        Args:
            n: How many.
            **options: As always.
        """

        def __init__(self, n, transform=None, **options):
            super().__init__([{"n": i} for i in range(n)], transform, **options)

    assert list(inspect.signature(Fixed).parameters) == ["n", "transform"]
    assert list(inspect.signature(Open).parameters) == ["n", "transform"]
    assert list(inspect.signature(Split).parameters) == ["n", "transform", *SPLIT]
    assert len(Split(10, split="train")) == 8
    assert "split_seed: Another number" in Split.__doc__


def test_a_field_keeps_cases_together():
    cases = [{"image": f"{n}.png", "patient": n // 3} for n in range(12)]
    sides = [EisenDataset(cases, split=side, group="patient") for side in ("train", "validation")]
    train, held_out = ({case["patient"] for case in side} for side in sides)
    assert train
    assert held_out
    assert not train & held_out


def test_a_configuration_builds_them(tmp_path):
    for name in ("images/a.png", "images/b.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "t.csv").write_text("scan,age\nimages/a.png,3\nimages/b.png,4\n")
    entries = {
        "eisen.datasets.FolderDataset": {"patterns": {"image": "images/*.png"}, "split": "train"},
        "eisen.datasets.table.TableDataset": {"table_file": "t.csv", "types": {"age": "int"}, "split": "validation"},
    }
    for path, params in entries.items():
        injected = {"data_dir": str(tmp_path), "transform": lambda case: {"seen": 1}}
        cases = build(Entry(path, params, "Training.Datasets[0]"), "Datasets", **injected)
        assert (len(cases), cases[0]) == (1, {"seen": 1})
