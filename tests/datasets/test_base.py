from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.utils.data import Dataset

from eisen._core.errors import ArgumentError, MissingFileError, StepError
from eisen.datasets import EisenDataset, ListDataset
from eisen.io import LoadNiftiFromFilename


def cases(n=3):
    return [{"image": f"imagesTr/case_{i}.nii.gz", "number": i, "array": np.full(3, i)} for i in range(n)]


def test_it_is_a_torch_data_set():
    assert isinstance(ListDataset(cases()), Dataset)


@pytest.mark.parametrize("index", [1, -2, np.int64(1), torch.tensor(1), torch.tensor([1])])
def test_any_kind_of_integer_is_an_index(index):
    assert ListDataset(cases())[index]["number"] == 1


@pytest.mark.parametrize("index", [3, -4])
def test_outside_is_an_index_error_so_that_for_loops_end(index):
    dataset = ListDataset(cases())
    with pytest.raises(IndexError):
        dataset[index]
    assert [item["number"] for item in dataset] == [0, 1, 2]


@pytest.mark.parametrize("kind", [EisenDataset, ListDataset])
def test_a_transform_in_place_never_reaches_the_stored_case(kind):
    def double(data):
        data["array"] *= 2
        data["number"] += 1
        return data

    stored = cases()
    dataset = kind(stored, double)
    for _ in range(3):
        item = dataset[1]
        assert (item["number"], item["array"].tolist()) == (2, [2, 2, 2])
    assert stored[1]["number"] == 1


def test_the_list_is_still_there():
    stored = cases()
    assert ListDataset(stored).data_list is stored


def test_case_name_is_index_and_first_file():
    assert ListDataset(cases(20)).case_name(-8) == "#12 (case_12.nii.gz)"
    assert ListDataset([{"id": "sex F", "age": 3}]).case_name(0) == "#0"
    assert ListDataset([(1, 2)]).case_name(0) == "#0"


def test_an_error_names_case_and_file(tmp_path):
    dataset = ListDataset(cases(), LoadNiftiFromFilename(["image"], tmp_path))
    with pytest.raises(MissingFileError) as caught:
        dataset[2]
    card = caught.value.card
    assert card.case == "#2 (case_2.nii.gz)"
    assert card.file == str(tmp_path / "imagesTr" / "case_2.nii.gz")
    assert card.field == "image"


def test_an_error_about_a_field_names_the_file_of_that_field():
    def refuse(data):
        raise StepError("no", field="image")

    with pytest.raises(StepError) as caught:
        ListDataset(cases(), refuse)[1]
    assert caught.value.card.file == "imagesTr/case_1.nii.gz"


def test_a_foreign_error_becomes_a_card_and_stays_its_cause():
    def divide(data):
        return data["number"] / 0

    with pytest.raises(StepError, match="divide failed: ZeroDivisionError") as caught:
        ListDataset(cases(), divide)[1]
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert caught.value.card.case == "#1 (case_1.nii.gz)"


def test_wrong_arguments_are_refused():
    with pytest.raises(ArgumentError, match="cannot be called"):
        ListDataset(cases(), transform=[1])
    for wrong in (None, "abc", {"a": 1}, 7):
        with pytest.raises(ArgumentError, match="data_list"):
            ListDataset(wrong)


def test_an_empty_list_is_an_empty_data_set():
    assert len(ListDataset([])) == 0
