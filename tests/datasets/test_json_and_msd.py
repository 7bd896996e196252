from __future__ import annotations

import json
import pickle

import pytest

from eisen._core.errors import ArgumentError, CorruptFileError, EmptyDatasetError, MissingFileError
from eisen.datasets import JsonDataset, MSDDataset
from eisen.io import LoadNiftiFromFilename

CASES = [{"image": f"./imagesTr/a_{n}.nii.gz", "label": f"./labelsTr/a_{n}.nii.gz"} for n in range(10)]
TASK = {
    "name": "Task",
    "labels": {"0": "background", "1": "organ"},
    "training": CASES,
    "test": ["./imagesTs/t_1.nii.gz", {"image": "./imagesTs/t_2.nii.gz"}],
}


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps(TASK))
    (tmp_path / "cases.json").write_text(json.dumps(CASES))
    return tmp_path


def test_json_cases_come_as_they_are(folder):
    dataset = JsonDataset(folder, "cases.json")
    assert [dataset[n] for n in range(10)] == CASES
    assert dataset.json_dataset == CASES


def test_an_absolute_list_overrides_the_folder(folder):
    assert len(JsonDataset("/nowhere", str(folder / "cases.json"))) == 10
    assert len(MSDDataset("/nowhere", folder / "dataset.json", "training")) == 10


def test_transform_is_the_last_positional_parameter(folder):
    def number(data):
        return {"n": 1}

    assert JsonDataset(folder, "cases.json", number)[0] == {"n": 1}
    assert MSDDataset(folder, "dataset.json", "training", number)[0] == {"n": 1}


def test_msd_training_cases_keep_their_paths(folder):
    dataset = MSDDataset(str(folder), "dataset.json", "training")
    assert dataset[3] == CASES[3]
    assert dataset.json_dataset == CASES
    assert dataset.attributes["labels"] == TASK["labels"]
    assert "training" not in dataset.attributes


def test_msd_test_cases_are_strings_or_dicts(folder):
    dataset = MSDDataset(folder, "dataset.json", "test")
    assert [dataset[0], dataset[1]] == [{"image": "./imagesTs/t_1.nii.gz"}, {"image": "./imagesTs/t_2.nii.gz"}]


@pytest.mark.parametrize("phase", ["train", "labels", "name", None])
def test_an_unknown_phase_names_the_phases(folder, phase):
    with pytest.raises(KeyError) as caught:
        MSDDataset(folder, "dataset.json", phase)
    assert isinstance(caught.value, ArgumentError)
    assert caught.value.card.expected == "'training', 'test'"
    if phase == "train":
        assert "training" in caught.value.card.to_do
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


@pytest.mark.parametrize("build", [lambda f, n: JsonDataset(f, n), lambda f, n: MSDDataset(f, n, "training")])
def test_a_missing_list_names_the_nearest_file(folder, build):
    with pytest.raises(FileNotFoundError) as caught:
        build(folder, "datasets.json")
    assert isinstance(caught.value, MissingFileError)
    assert "dataset.json" in caught.value.card.to_do


@pytest.mark.parametrize("build", [lambda f, n: JsonDataset(f, n), lambda f, n: MSDDataset(f, n, "training")])
def test_broken_json_names_line_and_column(folder, build):
    (folder / "broken.json").write_text('{"training": [\n  oops]}')
    with pytest.raises(CorruptFileError, match="line 2, column 3"):
        build(folder, "broken.json")
    (folder / "broken.json").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CorruptFileError, match="not text"):
        build(folder, "broken.json")


def test_the_wrong_kind_of_list_says_which_data_set_to_use(folder):
    with pytest.raises(CorruptFileError) as caught:
        JsonDataset(folder, "dataset.json")
    assert "MSDDataset" in caught.value.card.to_do
    with pytest.raises(CorruptFileError) as caught:
        MSDDataset(folder, "cases.json", "training")
    assert "JsonDataset" in caught.value.card.to_do
    (folder / "text.json").write_text('"hello"')
    with pytest.raises(CorruptFileError):
        JsonDataset(folder, "text.json")
    with pytest.raises(CorruptFileError):
        MSDDataset(folder, "text.json", "training")


def test_an_entry_that_is_no_case_is_named(folder):
    (folder / "odd.json").write_text(json.dumps([{"image": "a"}, 7]))
    with pytest.raises(CorruptFileError, match="entry 1 of the file is int"):
        JsonDataset(folder, "odd.json")


def test_an_empty_list_is_an_error(folder):
    (folder / "none.json").write_text("[]")
    with pytest.raises(EmptyDatasetError, match="lists no cases"):
        JsonDataset(folder, "none.json")
    (folder / "none.json").write_text('{"training": [], "test": ["a"]}')
    with pytest.raises(EmptyDatasetError, match="'training' lists no cases"):
        MSDDataset(folder, "none.json", "training")


def test_both_sides_of_a_split_make_the_whole(folder):
    train, held_out = (JsonDataset(folder, "cases.json", split=side) for side in ("train", "validation"))
    assert (len(train), len(held_out)) == (8, 2)
    both = [case["image"] for case in [*train.json_dataset, *held_out.json_dataset]]
    assert sorted(both) == sorted(case["image"] for case in CASES)


def test_msd_and_json_split_the_same_cases_alike(folder):
    arguments = {"split": "validation", "validation_fraction": 0.3, "split_seed": 4}
    assert (
        MSDDataset(folder, "dataset.json", "training", **arguments).json_dataset
        == JsonDataset(folder, "cases.json", **arguments).json_dataset
    )


@pytest.mark.realdata
def test_the_hippocampus_task_loads_and_splits(realdata):
    folder = realdata / "msd_hippocampus"
    readers = LoadNiftiFromFilename(["image", "label"], folder)
    train = MSDDataset(folder, "dataset.json", "training", readers, split="train")
    held_out = MSDDataset(folder, "dataset.json", "training", readers, split="validation")
    assert (len(train), len(held_out)) == (48, 12)
    item = held_out[0]
    assert item["image"].shape == item["label"].shape
    assert item["image_meta"] == item["label_meta"]
    with pytest.raises(EmptyDatasetError):
        MSDDataset(folder, "dataset.json", "test")
