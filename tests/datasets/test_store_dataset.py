"""A store as a data set."""

import json
import pickle

import numpy as np
import pytest

from eisen._core.case_names import case_names
from eisen._core.errors import ArgumentError, MissingFieldError, MissingFileError
from eisen._core.types import Geometry
from eisen.config.build import build
from eisen.config.experiment import Entry
from eisen.datasets import ListDataset, Loader, StoreDataset
from eisen.io import LoadNiftiFromFilename, write_nifti
from eisen.storage import create_store
from eisen.transforms import AddChannelDimension, Compose, NiftiToNumpy

FIELDS = ["image", "label"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder, draw = tmp_path_factory.mktemp("cases"), np.random.default_rng(0)
    for n in range(5):
        write_nifti(folder / f"p{n}.nii.gz", draw.integers(0, 99, (4, 5, 6)).astype("int16"), np.eye(4))
        write_nifti(folder / f"p{n}_seg.nii.gz", draw.integers(0, 2, (4, 5, 6)).astype("uint8"), np.eye(4))
    create_store(original(folder), folder / "store.h5")
    return folder


def original(folder):
    cases = [{"image": f"p{n}.nii.gz", "label": f"p{n}_seg.nii.gz", "age": 50 + n} for n in range(5)]
    steps = [LoadNiftiFromFilename(FIELDS, folder), NiftiToNumpy(FIELDS), AddChannelDimension(FIELDS)]
    return ListDataset(cases, transform=Compose(steps))


def test_items_are_those_of_the_data_set_it_was_made_from(folder):
    stored, dataset = StoreDataset(folder, "store.h5"), original(folder)
    assert len(stored) == 5
    for here, there in zip((stored[n] for n in range(5)), (dataset[n] for n in range(5)), strict=True):
        assert set(here) == {"image", "label", "age", "image_meta", "label_meta"}
        assert here["age"] == there["age"]
        for field in FIELDS:
            np.testing.assert_array_equal(here[field], there[field])
            assert here[f"{field}_meta"] == there[f"{field}_meta"]


def test_parts_and_the_rest_of_a_case_are_what_the_item_has(folder):
    dataset = StoreDataset(folder, cases=["p3", "p1"])
    point, sources, rest = dataset[1], dataset.case_sources(1), dataset.case_rest(-1)
    assert list(sources) == FIELDS
    region = (slice(0, 1), slice(1, 3), slice(0, 5), slice(2, 4))
    for field, source in sources.items():
        assert source.shape == point[field].shape
        assert source.dtype == point[field].dtype
        np.testing.assert_array_equal(source.read(region), point[field][region])
    assert set(rest) == {"age", "image_meta", "label_meta"}
    assert rest["age"] == 51
    assert isinstance(rest["image_meta"], Geometry)


def test_nothing_that_is_changed_comes_back(folder):
    dataset = StoreDataset(folder)
    before = dataset[0]["image"].copy()
    dataset[0]["image"][:] = -1
    np.testing.assert_array_equal(dataset[0]["image"], before)


def test_cases_keep_their_names_with_files_and_without(folder, tmp_path):
    dataset = StoreDataset(folder)
    assert dataset.case_name(2) == "#2 (p2)"
    assert case_names(dataset) == ["p0", "p1", "p2", "p3", "p4"]
    assert dataset.peek(1) == {"image": "p1.nii.gz", "label": "p1_seg.nii.gz", "age": 51}
    secret = create_store(original(folder), tmp_path / "anonymous.h5", anonymous=True)
    hidden = StoreDataset(tmp_path, secret.name)
    assert case_names(hidden) == list(hidden.store.cases)
    assert not any("p1" in json.dumps(hidden.peek(n)) for n in range(5))


def test_fields_cases_and_splits_can_be_chosen(folder):
    assert set(StoreDataset(folder, fields=["label"])[0]) == {"label", "label_meta"}
    train, held_out = (StoreDataset(folder, split=side) for side in ("train", "validation"))
    assert len(train), len(held_out) == (4, 1)
    assert set(case_names(train)) | set(case_names(held_out)) == {f"p{n}" for n in range(5)}
    np.testing.assert_array_equal(held_out[0]["image"], original(folder)[int(case_names(held_out)[0][1])]["image"])


def test_it_stands_in_a_configuration(folder):
    entry = Entry("eisen.datasets.StoreDataset", {"file": "store.h5", "fields": ["image"]}, "Training.Datasets[0]")
    dataset = build(entry, "Datasets", data_dir=str(folder), transform=None)
    assert (len(dataset), list(dataset[0])) == (5, ["image", "image_meta"])


def test_workers_read_it(folder):
    dataset = pickle.loads(pickle.dumps(StoreDataset(folder, fields=["image", "age"])))
    expected = [StoreDataset(folder)[n]["image"] for n in range(5)]
    for n_workers in (0, 2):
        batches = list(Loader(dataset, batch_size=5, n_workers=n_workers))
        np.testing.assert_array_equal(np.asarray(batches[0]["image"]), expected)
        assert batches[0].cases[0] == "#0 (p0)"


def test_errors_name_case_and_file(folder):
    def fail(point):
        raise ValueError("no")

    with pytest.raises(Exception, match="no") as caught:
        StoreDataset(folder, transform=fail)[1]
    assert caught.value.card.case == "#1 (p1)"


@pytest.mark.parametrize(
    ("arguments", "error", "hint"),
    [
        ({"file": "stor.h5"}, MissingFileError, "did you mean 'store.h5'"),
        ({"fields": ["imag"]}, MissingFieldError, "did you mean 'image'"),
        ({"fields": "image"}, ArgumentError, "a list of field names"),
        ({"cases": ["p1 "]}, ArgumentError, "no case 'p1 '"),
        ({"cases": "p1"}, ArgumentError, "a list of names"),
        ({"split": "test"}, ArgumentError, "one of 'all', 'train', 'validation'"),
    ],
)
def test_wrong_arguments_are_answered(folder, arguments, error, hint):
    with pytest.raises(error) as caught:
        StoreDataset(folder, **arguments)
    assert hint in str(caught.value)
