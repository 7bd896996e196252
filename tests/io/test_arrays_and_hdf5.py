from __future__ import annotations

import h5py
import numpy as np
import pytest
import torch

from eisen._core.errors import (
    ArgumentError,
    ArtifactError,
    CorruptFileError,
    DataError,
    GeometryError,
    MissingFieldError,
    MissingFileError,
)
from eisen._core.types import Geometry
from eisen.io import LoadHDF5FromFilename, LoadNumpyFromFilename, WriteNumpyToFile, write_numpy

AFFINE = np.array([[0.0, -2.0, 0.0, 5.0], [1.0, 0.0, 0.0, -7.0], [0.0, 0.0, 3.0, 11.5], [0, 0, 0, 1]])
ARRAY = np.arange(240, dtype="int16").reshape(2, 4, 5, 6)


@pytest.fixture
def store(tmp_path):
    with h5py.File(tmp_path / "store.h5", "w") as file:
        file["007/ct"], file["007/label"] = ARRAY, ARRAY.astype("uint8")
        file["007"].attrs["affine"] = AFFINE
        file["007/label"].attrs["affine"] = np.eye(4)
        file["008/ct"] = ARRAY
        file["names"] = [b"007", b"008"]
    with h5py.File(tmp_path / "one.h5", "w") as file:
        file["ct"] = ARRAY
    return tmp_path


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "uint64", "float16", "float32", "float64", "complex64"])
@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_numpy_files_hold_what_was_written(tmp_path, name, dtype):
    write_numpy(tmp_path / name, ARRAY.astype(dtype))
    data = LoadNumpyFromFilename(["x"], tmp_path)({"x": name})
    assert data["x"].dtype == dtype
    assert np.array_equal(data["x"], ARRAY.astype(dtype))
    assert "x_meta" not in data


def test_an_affine_in_the_archive_becomes_the_geometry_of_the_last_three_axes(tmp_path):
    write_numpy(tmp_path / "a.npz", ARRAY, AFFINE)
    data = LoadNumpyFromFilename(["x"], tmp_path)({"x": "a.npz"})
    assert data["x_meta"] == Geometry.of(AFFINE, (4, 5, 6))
    assert data["x_meta"].source == str(tmp_path / "a.npz")


@pytest.mark.parametrize(("reader", "name"), [(LoadNumpyFromFilename, "a.npy"), (LoadHDF5FromFilename, "one.h5")])
def test_a_field_may_hold_the_affine(store, reader, name):
    write_numpy(store / "a.npy", ARRAY)
    read = reader(["x"], store, affine_field="place")
    assert read({"x": name, "place": AFFINE.tolist()})["x_meta"] == Geometry.of(AFFINE, (4, 5, 6))
    with pytest.raises(GeometryError, match="no field 'place'"):
        read({"x": name, "plaice": AFFINE})
    with pytest.raises(GeometryError, match="does not span space"):
        read({"x": name, "place": np.zeros((4, 4))})
    with pytest.raises(ArgumentError, match="affine_field"):
        reader(["x"], store, affine_field=AFFINE)


def test_pictures_have_no_geometry(tmp_path):
    write_numpy(tmp_path / "a.npz", ARRAY[0, 0], AFFINE)
    assert "x_meta" not in LoadNumpyFromFilename(["x"], tmp_path)({"x": "a.npz"})


def test_arrays_of_an_archive_are_named_by_argument_or_in_the_field(tmp_path):
    np.savez(tmp_path / "a.npz", images=ARRAY, labels=ARRAY + 1)
    by_argument = LoadNumpyFromFilename(["x"], tmp_path, key="labels")
    assert np.array_equal(by_argument({"x": "a.npz"})["x"], ARRAY + 1)
    assert np.array_equal(by_argument({"x": "a.npz:images"})["x"], ARRAY)
    with pytest.raises(DataError, match="holds 2 keys") as caught:
        LoadNumpyFromFilename(["x"], tmp_path)({"x": "a.npz"})
    assert "images, labels" in caught.value.card.expected
    with pytest.raises(DataError, match="has no key 'image'") as caught:
        LoadNumpyFromFilename(["x"], tmp_path)({"x": "a.npz:image"})
    assert "images" in caught.value.card.to_do


def test_memory_mapped_arrays_stay_on_disk(tmp_path):
    write_numpy(tmp_path / "a.npy", ARRAY)
    array = LoadNumpyFromFilename(["x"], tmp_path, memory_map=True)({"x": "a.npy"})["x"]
    assert isinstance(array, np.memmap)
    assert not array.flags.writeable
    assert np.array_equal(array, ARRAY)


def test_arrays_of_python_objects_are_never_unpickled(tmp_path):
    objects = np.array([{"a": 1}], dtype=object)
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "a.npz", x=objects)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(CorruptFileError, match="cannot be read as a NumPy file"):
            LoadNumpyFromFilename(["x"], tmp_path)({"x": name})
    with pytest.raises(ArgumentError, match="Python objects"):
        write_numpy(tmp_path / "b.npy", objects)


@pytest.mark.parametrize("kept", [0, 5, 40, 100, -1])
@pytest.mark.parametrize("name", ["a.npy", "a.npz", "one.h5"])
def test_truncated_files_are_errors_that_name_them(store, name, kept):
    if name != "one.h5":
        write_numpy(store / name, ARRAY)
    content = (store / name).read_bytes()
    (store / name).write_bytes(content[:kept])
    reader = LoadHDF5FromFilename if name == "one.h5" else LoadNumpyFromFilename
    with pytest.raises(CorruptFileError, match=name.replace(".", r"\.")) as caught:
        reader(["x"], store)({"x": name})
    assert caught.value.card.file == str(store / name)


@pytest.mark.parametrize("reader", [LoadHDF5FromFilename, LoadNumpyFromFilename])
def test_missing_files_are_named_without_their_member(tmp_path, reader):
    with pytest.raises(MissingFileError, match=r"gone\.h5 does not exist"):
        reader(["x"], tmp_path)({"x": "gone.h5:/a/b"})


@pytest.mark.parametrize(
    ("value", "dataset"), [("store.h5:/007/ct", None), ("store.h5:007/ct", "008/ct"), ("store.h5", "/007/ct")]
)
def test_datasets_are_named_in_the_field_or_by_argument(store, value, dataset):
    data = LoadHDF5FromFilename(["x"], store, dataset=dataset)({"x": value})
    assert np.array_equal(data["x"], ARRAY)
    assert data["x"].dtype == "int16"
    assert data["x_meta"] == Geometry.of(AFFINE, (4, 5, 6))  # the attribute of the group around it


def test_the_attribute_of_the_dataset_comes_before_that_of_its_group(store):
    data = LoadHDF5FromFilename(["x"], store)({"x": "store.h5:/007/label"})
    assert np.array_equal(data["x_meta"].affine, np.eye(4))
    other = LoadHDF5FromFilename(["x"], store, affine_attribute="place")({"x": "store.h5:/007/label"})
    assert "x_meta" not in other


def test_the_only_dataset_needs_no_name_and_others_are_listed(store):
    read = LoadHDF5FromFilename(["x"], store)
    assert np.array_equal(read({"x": "one.h5"})["x"], ARRAY)
    for value, what in (
        ("store.h5", "holds 4 datasets"),
        ("store.h5:/007", "has no dataset"),
        ("store.h5:/7/ct", "has no"),
    ):
        with pytest.raises(DataError, match=what) as caught:
            read({"x": value})
        assert "/007/ct (2, 4, 5, 6) int16" in caught.value.card.expected


def test_text_is_not_voxels(store):
    with pytest.raises(CorruptFileError, match="names of store"):
        LoadHDF5FromFilename(["x"], store)({"x": "store.h5:names"})
    with pytest.raises(ArgumentError, match="dataset"):
        LoadHDF5FromFilename(["x"], store, dataset=3)


def test_a_file_with_a_colon_in_its_name_is_a_file(tmp_path):
    write_numpy(tmp_path / "10.30:15.npy", ARRAY)
    assert LoadNumpyFromFilename(["x"], tmp_path)({"x": "10.30:15.npy"})["x"].shape == ARRAY.shape


def test_the_writer_keeps_the_geometry_in_archives_and_changes_nothing(tmp_path):
    data = {"x": torch.from_numpy(ARRAY), "x_meta": Geometry.of(AFFINE, (4, 5, 6)), "id": "case_1.nii.gz"}
    prefix = str(tmp_path / "out")
    assert WriteNumpyToFile(["x"], ["id"], prefix, file_format="npz")(data) == data
    assert WriteNumpyToFile(["x"], None, prefix)(data) == data
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out_x.npy", "out_x_case_1.npz"]
    back = LoadNumpyFromFilename(["x"], tmp_path)({"x": "out_x_case_1.npz"})
    assert np.array_equal(back["x"], ARRAY)
    assert back["x_meta"] == data["x_meta"]
    with pytest.raises(MissingFieldError, match="'name'"):
        WriteNumpyToFile(["x"], ["name"], prefix)(data)


def test_wrong_names_and_formats_are_refused_and_nothing_is_left(tmp_path):
    with pytest.raises(ArgumentError, match="cannot write a"):
        write_numpy(tmp_path / "a.txt", ARRAY)
    with pytest.raises(ArgumentError, match="cannot hold an affine"):
        write_numpy(tmp_path / "a.npy", ARRAY, AFFINE)
    with pytest.raises(ArgumentError, match="file_format"):
        WriteNumpyToFile(["x"], file_format="csv")
    with pytest.raises(ArtifactError, match="could not be written"):
        write_numpy(tmp_path / "no" / "a.npy", ARRAY)
    assert not list(tmp_path.iterdir())
