from __future__ import annotations

import logging
import random

import numpy as np
import pytest
import torch

from eisen._core.errors import ArgumentError, DataError, EisenError, EmptyDatasetError, ShapeError, StepError
from eisen._core.random import generator
from eisen._core.types import Batch, Geometry
from eisen.datasets import ListDataset, Loader

AHEAD = [{"n_workers": 2}, {"n_workers": 2, "workers": "threads"}]
"""Ways of reading ahead, which must not be told apart by their batches."""


def augment(data):
    """As random as transforms of all libraries together."""
    noise = generator().random() + np.random.rand() + random.random() + torch.rand(1).item()
    scaled = torch.full((64, 64), 0.1).mul(torch.randn(64, 64)).sum()
    return {**data, "image": data["image"] + noise, "sum": scaled}


def cases(n=9, transform=augment):
    grid = Geometry.of(np.eye(4), (2, 3, 1))
    items = [
        {"image": np.full((1, 2, 3), i, ">f4"), "name": f"{i}.nii.gz", "i": i, "image_meta": grid} for i in range(n)
    ]
    return ListDataset(items, transform)


def passes(loader, n=2):
    return [batch for _ in range(n) for batch in loader]


def assert_identical(ours, theirs):
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.cases == b.cases
        assert a.keys() == b.keys()
        assert all(torch.equal(a[k], b[k]) if torch.is_tensor(a[k]) else a[k] == b[k] for k in a)


@pytest.mark.parametrize("workers", ["processes", "threads"])
@pytest.mark.parametrize("n_workers", [1, 4])
def test_any_number_of_workers_gives_identical_batches(n_workers, workers):
    here = passes(Loader(cases(), 2, shuffle=True, seed=3))
    assert_identical(passes(Loader(cases(), 2, shuffle=True, seed=3, n_workers=n_workers, workers=workers)), here)


@pytest.mark.parametrize("ahead", AHEAD)
def test_a_batch_is_a_dict_that_knows_its_cases(ahead):
    batch = next(iter(Loader(cases(transform=None), 2, **ahead)))
    assert isinstance(batch, Batch)
    assert isinstance(batch, dict)
    assert batch.cases == ["#0 (0.nii.gz)", "#1 (1.nii.gz)"]
    assert batch["image"].shape == (2, 1, 2, 3)
    assert batch["image_meta"][1].shape == (2, 3, 1)


def test_the_random_numbers_of_the_model_are_not_disturbed():
    for ahead in ({}, *AHEAD):
        torch.manual_seed(1), np.random.seed(1), random.seed(1)
        before = torch.rand(1).item(), np.random.rand(), random.random()
        torch.manual_seed(1), np.random.seed(1), random.seed(1)
        passes(Loader(cases(4), 2, shuffle=True, **ahead), 1)
        assert (torch.rand(1).item(), np.random.rand(), random.random()) == before


def test_reading_never_seeds_the_generators_of_gpus(monkeypatch):
    def refuse(_):
        raise AssertionError("torch.manual_seed reaches every device")

    monkeypatch.setattr(torch, "manual_seed", refuse)
    list(Loader(cases(2), 2))


def test_each_pass_is_an_epoch_and_each_epoch_repeats():
    loader = Loader(cases(), 3, shuffle=True)
    first, second = list(loader), list(loader)
    assert [batch.cases for batch in first] != [batch.cases for batch in second]
    loader.set_epoch(0)
    assert_identical(list(loader), first)
    assert_identical(list(loader), second)


def test_every_case_is_read_once_per_epoch():
    for shuffle in (False, True):
        loader = Loader(cases(10), 3, shuffle=shuffle, seed=1)
        numbers = [i for batch in loader for i in batch["i"].tolist()]
        assert sorted(numbers) == list(range(10))
        assert (numbers == list(range(10))) is not shuffle
        assert len(loader) == 4


def test_seeds_differ():
    first = next(iter(Loader(cases(), 9, shuffle=True, seed=0)))
    other = next(iter(Loader(cases(), 9, shuffle=True, seed=1)))
    assert first.cases != other.cases
    assert first["sum"].sort().values.tolist() != other["sum"].sort().values.tolist()


@pytest.mark.parametrize("ahead", [{}, *AHEAD])
def test_start_at_continues_an_interrupted_pass(ahead):
    whole = passes(Loader(cases(), 2, shuffle=True), 2)
    loader = Loader(cases(), 2, shuffle=True, **ahead)
    loader.start_at(3)
    assert_identical(passes(loader, 2), whole[3:])


def test_skipped_batches_are_not_read():
    seen = []
    loader = Loader(cases(6, lambda data: seen.append(data["i"]) or data), 2)
    loader.start_at(2)
    list(loader)
    assert seen == [4, 5]
    with pytest.raises(ArgumentError, match="start_at"):
        loader.start_at(4)


@pytest.mark.parametrize("ahead", [{}, *AHEAD])
def test_an_abandoned_pass_does_not_disturb_the_next(ahead):
    loader = Loader(cases(), 2, **ahead)
    next(iter(loader))
    loader.set_epoch(0)
    assert_identical(list(loader), list(Loader(cases(), 2)))


@pytest.mark.parametrize("ahead", [{}, *AHEAD])
def test_two_passes_at_a_time_do_not_mix(ahead):
    loader = Loader(cases(5), 2, **ahead)
    pairs = list(zip(loader, loader, strict=True))
    reference = Loader(cases(5), 2)
    assert_identical([a for a, _ in pairs], list(reference))
    assert_identical([b for _, b in pairs], list(reference))


def test_drop_last_leaves_out_the_smaller_batch():
    loader = Loader(cases(7), 3, drop_last=True)
    assert len(loader) == len(list(loader)) == 2


def test_a_batch_larger_than_the_data_set(caplog):
    with caplog.at_level(logging.WARNING):
        loader = Loader(cases(3), 8)
    assert len(caplog.records) == 1
    assert [batch["i"].tolist() for batch in loader] == [[0, 1, 2]]
    with pytest.raises(EmptyDatasetError, match="drop_last"):
        Loader(cases(3), 8, drop_last=True)


def test_no_cases_are_an_error():
    with pytest.raises(EmptyDatasetError):
        Loader(ListDataset([]))


@pytest.mark.parametrize(
    "arguments", [{"batch_size": 0}, {"batch_size": 1.5}, {"n_workers": -1}, {"seed": -1}, {"workers": "thread"}]
)
def test_wrong_arguments_are_refused(arguments):
    with pytest.raises(ArgumentError, match=next(iter(arguments))):
        Loader(cases(), **arguments)


@pytest.mark.parametrize("ahead", [{}, *AHEAD])
def test_a_collate_of_your_own(ahead):
    loader = Loader(cases(transform=None), 3, collate=lambda samples: {"sum": sum(s["i"] for s in samples)}, **ahead)
    assert [batch["sum"] for batch in loader] == [3, 12, 21]
    assert next(iter(loader)).cases[0] == "#0 (0.nii.gz)"
    assert list(Loader(cases(4, None), 2, collate=lambda samples: len(samples), **ahead)) == [2, 2]


@pytest.mark.parametrize("ahead", [{}, *AHEAD])
def test_any_map_style_data_set_works(ahead):
    plain = [{"x": torch.ones(2) * n} for n in range(4)]
    batches = list(Loader(plain, 2, **ahead))
    assert batches[1]["x"].tolist() == [[2, 2], [3, 3]]
    assert batches[1].cases == ["#2", "#3"]
    with pytest.raises(DataError, match="gives tuple, not a dict") as caught:
        list(Loader([(1, 2), (3, 4)], 2, **ahead))
    assert "EisenDatasetWrapper" in caught.value.card.to_do


def failing(kind):
    """A transform that fails for case 5."""

    def fail(data):
        if data["i"] != 5:
            return data
        if kind == "foreign":
            return data["image"].reshape(7)
        if kind == "shape":
            return {**data, "image": data["image"][:, :1]}
        raise ShapeError("no", field="image", expected="yes")

    return fail


@pytest.mark.parametrize("kind", ["foreign", "shape", "ours"])
def test_an_error_has_the_same_card_with_0_and_2_workers_and_threads(kind):
    cards = []
    for ahead in ({}, *AHEAD):
        loader = Loader(cases(8, failing(kind)), 2, **ahead)
        seen = []
        with pytest.raises(StepError if kind == "foreign" else ShapeError) as caught:
            seen.extend(batch.cases for batch in loader)
        assert len(seen) == 2
        assert "#5 (5.nii.gz)" in caught.value.card.case
        cards.append(caught.value.card)
        with pytest.raises(EisenError):  # and the workers are fit for another pass
            list(loader)
    assert cards[0] == cards[1] == cards[2]


def test_an_error_in_a_foreign_data_set_names_the_index():
    class Broken:
        def __len__(self):
            return 3

        def __getitem__(self, index):
            raise OSError("gone")

    with pytest.raises(StepError, match="OSError: gone") as caught:
        list(Loader(Broken(), 1, n_workers=1))
    assert caught.value.card.case == "#0"
    assert any("in the data worker" in note and "gone" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("ahead", [{}, *AHEAD])
def test_a_collate_that_fails_is_an_error_card(ahead):
    with pytest.raises(StepError, match="putting a batch together failed: ZeroDivisionError"):
        list(Loader(cases(), collate=lambda samples: 1 / 0, **ahead))


def test_reading_here_leaves_the_number_of_threads_alone():
    before = torch.get_num_threads()
    seen = []
    torch.set_num_threads(2)
    try:
        list(Loader(cases(2, lambda data: seen.append(torch.get_num_threads()) or data), 2))
        assert seen == [1, 1]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
