"""Files that are no stores, or damaged ones: an error card each, never a crash."""

import json
import sys

import h5py
import numpy as np
import pytest

from eisen._core.errors import CorruptFileError, EisenError, MissingExtraError, MissingFieldError, MissingFileError
from eisen.datasets import ListDataset
from eisen.storage import Store, create_store
from eisen.storage.reading.contiguous import ContiguousSource, Place
from eisen.storage.reading.opened import OpenFile


@pytest.fixture
def path(tmp_path):
    draw = np.random.default_rng(0)
    cases = [{"image": draw.normal(size=(1, 20, 21, 22)).astype("float32"), "age": n} for n in range(2)]
    return create_store(ListDataset(cases), tmp_path / "store.h5")


def change_record(path, **changes):
    with h5py.File(path, "r+") as file:
        record = json.loads(file["meta/record"].asstr()[()])
        record["fields"]["image"] |= changes
        del file["meta/record"]
        file["meta/record"] = json.dumps(record)


def test_a_file_that_is_not_there_names_the_nearest(path):
    with pytest.raises(MissingFileError, match=r"did you mean 'store\.h5'"):
        Store(path.with_name("stor.h5"))


def test_a_truncated_file_is_told_at_once(path):
    content = path.read_bytes()
    for length in (0, 10, 600, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with pytest.raises(CorruptFileError) as caught:
            Store(path).read(0, "image")
        assert str(path) in caught.value.card.file


@pytest.mark.slow
def test_no_damaged_byte_brings_the_process_down(path):
    content, draw = path.read_bytes(), np.random.default_rng(0)
    for place in draw.integers(0, len(content), 150):
        damaged = bytearray(content)
        damaged[place : place + 8] = draw.bytes(8)
        path.write_bytes(damaged[: len(content)])
        try:
            store = Store(path)
            for case in store.cases:
                for field in store.fields:
                    if store.kind(field) == "array":
                        store.read(case, field)
                        store.geometry(case, field)
                    else:
                        store.value(case, field)
        except EisenError as error:
            assert error.card.what  # noqa: PT017


def test_other_files_are_told_from_stores(tmp_path):
    text = tmp_path / "notes.h5"
    text.write_text("no HDF5")
    with pytest.raises(CorruptFileError, match="cannot be opened as HDF5"):
        Store(text)
    foreign = tmp_path / "weights.h5"
    with h5py.File(foreign, "w") as file:
        file["layer1/weight"] = np.zeros(3)
    with pytest.raises(CorruptFileError, match="is not a store: it has layer1"):
        Store(foreign)
    with pytest.raises(MissingFileError, match="is a folder"):
        Store(tmp_path)


@pytest.mark.parametrize(("version", "hint"), [(2, "upgrade"), (99, "upgrade"), ("x", "again"), (0, "again")])
def test_a_store_from_the_future_says_what_to_install(path, version, hint):
    with h5py.File(path, "r+") as file:
        file.attrs["version"] = version
    with pytest.raises(CorruptFileError, match=f"version {version}") as caught:
        Store(path)
    assert hint in caught.value.card.to_do


@pytest.mark.parametrize("change", [{"form": "zip9"}, {"kind": "film"}])
def test_unknown_forms_and_kinds_are_refused(path, change):
    change_record(path, **change)
    with pytest.raises(CorruptFileError, match=next(iter(change.values()))):
        Store(path)


@pytest.mark.parametrize("missing", ["meta/record", "meta/cases", "meta/shapes/image", "values/age"])
def test_a_store_without_a_part_of_its_directory_is_damaged(path, missing):
    with h5py.File(path, "r+") as file:
        del file[missing]
    with pytest.raises(CorruptFileError, match="is a damaged store"):
        Store(path)


def test_a_list_that_is_too_short_is_noticed(path):
    with h5py.File(path, "r+") as file:
        del file["values/age"]
        file["values/age"] = np.zeros(1)
    with pytest.raises(CorruptFileError, match="lists 1 cases of 2"):
        Store(path)


def test_a_case_without_a_field_is_named(path):
    with h5py.File(path, "r+") as file:
        del file["data/image/1"]
    store = Store(path)
    assert store.read(0, "image").shape == (1, 20, 21, 22)
    with pytest.raises(MissingFieldError, match="the case 'case_0001' has no 'image'") as caught:
        store.read(1, "image")
    assert caught.value.card.case == "case_0001"


@pytest.mark.parametrize("slope", [np.nan, np.inf, "steep", np.ones(7)])
def test_a_scale_that_cannot_be_used_is_refused(path, slope):
    with h5py.File(path, "r+") as file:
        file["data/image/0"].attrs["slope"] = slope
    with pytest.raises(CorruptFileError, match="the scale of the dataset"):
        Store(path).read(0, "image")


def test_a_type_that_does_not_exist_is_refused(path):
    with h5py.File(path, "r+") as file:
        file["data/image/0"].attrs["dtype"] = "float3"
    with pytest.raises(CorruptFileError, match="names the type 'float3'"):
        Store(path).read(0, "image")


def test_no_offset_is_trusted_beyond_the_end_of_the_file(path):
    file, kind = OpenFile(path), np.dtype("float32")
    for offset in (-4, file.size - 3, 2**62):
        with pytest.raises(CorruptFileError, match="would end beyond its end"):
            ContiguousSource(file, Place(offset, (1, 2), kind, kind))


def test_compressed_stores_name_the_package_they_need(tmp_path, monkeypatch):
    cases = [{"image": np.ones((1, 40, 40, 40), "float32") / 3}]
    path = create_store(ListDataset(cases), tmp_path / "small.h5", form="blosc2")
    monkeypatch.setitem(sys.modules, "hdf5plugin", None)
    store = Store(path)
    assert store.shape(0, "image") == (1, 40, 40, 40)
    with pytest.raises(MissingExtraError, match="pip install hdf5plugin"):
        store.read(0, "image")


def test_damage_in_compressed_pixels_is_an_error_card(tmp_path):
    cases = [{"image": np.random.default_rng(0).normal(size=(1, 40, 40, 40)).astype("float32")}]
    path = create_store(ListDataset(cases), tmp_path / "small.h5", form="blosc2")
    with h5py.File(path) as file:
        chunk = file["data/image/0"].id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset : chunk.byte_offset + 64] = bytes(64)
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match="cannot be read") as caught:
        Store(path).read(0, "image")
    assert caught.value.card.field == "image"
