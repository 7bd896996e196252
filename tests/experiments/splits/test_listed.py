"""Cases under names that do not depend on the order in which they are listed."""

from __future__ import annotations

import numpy as np
import pytest

from eisen._core.errors import ArgumentError, DataError
from eisen.datasets import EisenDataset, ListDataset, MedMNISTDataset
from eisen.experiments.case_names import case_names
from eisen.experiments.splits import kfold, list_cases
from eisen.experiments.splits.fold_dataset import FoldDataset
from eisen.experiments.splits.listed import Source, joined


def test_cases_are_called_like_their_files_with_folders_where_needed():
    files = ["b/ct.nii.gz", "a/ct.nii.gz", "a/mr.nii.gz"]
    cases = [{"image": file} for file in files]
    assert list_cases(cases).names == ["a_ct", "b_ct", "mr"]
    assert list_cases(cases[::-1]).entries == list_cases(EisenDataset(cases)).entries


def test_cases_without_files_are_called_by_their_id_or_content():
    assert list_cases([{"id": 7}, {"name": "x"}]).names == ["7", "x"]
    one, other = ([{"age": 61}, {"age": 47}][::step] for step in (1, -1))
    assert list_cases(one).entries == list_cases(other).entries
    arrays = [{"image": np.full(3, n)} for n in range(3)]
    assert list_cases(arrays).names == list_cases(arrays[::-1]).names


def test_several_cases_of_one_file_are_told_apart_by_what_is_listed():
    rows = [{"image": "scan.nii.gz", "slice": n} for n in (3, 1, 2)]
    entries = list_cases(rows).entries
    assert [entries[name]["slice"] for name in ("scan", "scan_2", "scan_3")] == [1, 2, 3]


def test_a_case_that_is_there_twice_is_refused():
    for cases in ([{"image": "a.nii.gz"}, {"image": "a.nii.gz"}], ["a", "a"]):
        with pytest.raises(DataError, match="lists a case twice"):
            list_cases(cases)


@pytest.mark.parametrize("cases", [3, "abc", iter([1]), None])
def test_what_holds_no_cases_is_refused(cases):
    with pytest.raises(ArgumentError):
        kfold(cases, 2, no_group=True)


@pytest.mark.parametrize("cases", [[], {}])
def test_nothing_cannot_be_split(cases):
    with pytest.raises(ArgumentError, match="no cases to split"):
        kfold(cases, 2, no_group=True)


def test_a_case_in_two_data_sets_is_one_case_also_when_they_list_different_fields():
    train = EisenDataset([{"image": "./a.nii.gz", "label": "la.nii.gz"}, {"image": "b.nii.gz"}])
    rest = EisenDataset([{"image": "a.nii.gz"}, {"image": "c.nii.gz"}])
    pool = joined([Source(train), Source(rest)])
    assert pool.names == ["a", "b", "c"]
    assert pool.places == {"a": (0, 0), "b": (0, 1), "c": (1, 1)}


@pytest.fixture
def medmnist(tmp_path):
    random = np.random.default_rng(0)
    parts = {}
    for phase, count in (("train", 8), ("val", 4)):
        parts[f"{phase}_images"] = random.integers(0, 255, (count, 5, 5), dtype=np.uint8)
        parts[f"{phase}_labels"] = np.arange(count, dtype=np.uint8)[:, None] % 2
    np.savez(tmp_path / "a.npz", **parts)
    return tmp_path


def test_rows_of_arrays_are_told_apart_by_data_set_and_row(medmnist):
    train, val = (MedMNISTDataset(medmnist, "a.npz", phase) for phase in ("train", "val"))
    pool = joined([Source(train, "train", "1"), Source(val, "val", "2")])
    assert pool.names[:2] == ["train_00000", "train_00001"]
    assert pool.names[-1] == "val_00003"
    same = joined([Source(train, "train", "1"), Source(train, "train", "1")])
    assert len(same) == 8


def test_the_labels_of_medmnist_need_no_reading(medmnist, monkeypatch):
    dataset = MedMNISTDataset(medmnist, "a.npz", "train")
    monkeypatch.setattr(dataset, "read", None)
    splits = kfold(dataset, 4, no_group=True, stratify="label")
    assert all({splits.cases[name]["class"] for name in fold.test} == {0, 1} for fold in splits)


def test_a_part_of_a_fold_reads_the_cases_of_its_data_sets(medmnist):
    train, val = (MedMNISTDataset(medmnist, "a.npz", phase) for phase in ("train", "val"))
    pool = joined([Source(train, "train", "1"), Source(val, "val", "2")])
    part = FoldDataset(pool, ["val_00002", "train_00001"], lambda case: {**case, "seen": True})
    assert len(part) == 2
    assert np.array_equal(part[0]["image"], val[2]["image"])
    assert part[1]["seen"]
    assert part.case_name(0) == "#0 (val_00002)"
    assert case_names(part) == ["val_00002", "train_00001"]
    assert part.cases[0] == {"case": "val_00002", "label": 0}


def test_a_part_hands_out_copies():
    pool = list_cases(ListDataset([{"image": "a.nii.gz", "box": [1, 2]}, {"image": "b.nii.gz", "box": [3]}]))
    part = FoldDataset(pool, ["a"])
    part[0]["box"].append(9)
    assert part[0]["box"] == [1, 2]
