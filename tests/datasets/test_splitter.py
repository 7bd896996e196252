from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eisen._core.errors import ArgumentError
from eisen.datasets import EisenDatasetSplitter, ListDataset


def whole(n=10, transform=None):
    return ListDataset([{"number": i, "image": f"case_{i}.nii.gz"} for i in range(n)], transform)


def sizes(parts):
    return tuple(len(part) for part in parts)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ((0.8,), (8, 2, 0)),
        ((0.8, 0.1), (8, 1, 1)),
        ((0.8, 0.1, 0.1), (8, 1, 1)),
        ((0.7, 0.2, 0.1), (7, 2, 1)),
        ((1.0,), (10, 0, 0)),
        ((0.8, None, 0.2), (8, 0, 2)),
        ((0.5, None, 0.2), (5, 3, 2)),
        ((0, 0, 1), (0, 0, 10)),
    ],
)
def test_shares_become_the_sizes_one_expects(shares, expected):
    assert sizes(EisenDatasetSplitter(*shares)(whole())) == expected


@given(st.integers(0, 60), st.integers(0, 100), st.integers(0, 100))
def test_every_case_is_in_exactly_one_part(n, a, b):
    first, second = sorted((a, b))
    splitter = EisenDatasetSplitter(first / 100, (second - first) / 100, 1 - second / 100)
    parts = splitter(whole(n))
    assert sorted(item["number"] for part in parts for item in part) == list(range(n))


@pytest.mark.parametrize("shares", [(0.8, 0.1, 0.2), (1.2,), (0.5, 0.6), (-0.1,), (0.5, 0.2, 0.2)])
def test_shares_that_do_not_add_up_are_refused(shares):
    with pytest.raises(AssertionError) as caught:
        EisenDatasetSplitter(*shares)
    assert isinstance(caught.value, ArgumentError)


def test_empty_parts_are_empty_data_sets():
    _, _, test = EisenDatasetSplitter(0.8)(whole())
    assert isinstance(test, ListDataset)
    assert len(test) == 0
    assert list(test) == []


def test_numpys_global_generator_decides():
    def numbers():
        np.random.seed(5)
        return [item["number"] for item in EisenDatasetSplitter(0.5)(whole())[0]]

    assert numbers() == numbers()
    assert [item["number"] for item in EisenDatasetSplitter(0.5)(whole(50))[0]] != list(range(25))


def test_nothing_is_read_by_splitting():
    def refuse(data):
        raise RuntimeError("read")

    parts = EisenDatasetSplitter(0.5)(whole(10, refuse))
    assert sizes(parts) == (5, 5, 0)


def test_each_part_has_its_transform_after_that_of_the_whole():
    def add(text):
        return lambda data: {**data, "path": data.get("path", "") + text}

    parts = EisenDatasetSplitter(0.4, 0.3, 0.3, add("b"), add("c"), add("d"))(whole(10, add("a")))
    assert [part[0]["path"] for part in parts] == ["ab", "ac", "ad"]


def test_parts_of_a_plain_list_are_copies():
    def double(data):
        data["array"] *= 2
        return data

    items = [{"array": np.ones(2)} for _ in range(4)]
    train, _, _ = EisenDatasetSplitter(1.0, transform_train=double)(items)
    assert [train[0]["array"].tolist() for _ in range(2)] == [[2, 2], [2, 2]]
    assert train.case_name(0) == f"#{train.numbers[0]}"
    assert items[0]["array"].tolist() == [1, 1]


def test_a_case_keeps_the_name_it_has_in_the_whole():
    train, _, _ = EisenDatasetSplitter(0.5)(whole())
    assert train.case_name(2) == f"#{train[2]['number']} (case_{train[2]['number']}.nii.gz)"
