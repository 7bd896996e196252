"""Stores behind URLs, and as Zarr groups."""

import pickle
import sys

import numpy as np
import pytest

from eisen._core.errors import ArgumentError, CorruptFileError, MissingExtraError, MissingFileError
from eisen._core.types import Geometry
from eisen.datasets import ListDataset, StoreDataset
from eisen.storage import Store, create_store, write_zarr

fsspec = pytest.importorskip("fsspec")


@pytest.fixture(scope="module")
def cases():
    draw = np.random.default_rng(0)
    grid = Geometry.of(np.eye(4), (20, 21, 22))
    return [
        {"image": draw.normal(size=(2, 20, 21, 22)).astype("float32"), "image_meta": grid, "age": n, "note": f"ä{n}"}
        for n in range(2)
    ]


@pytest.fixture(scope="module", params=["raw", "int16", "blosc2"])
def path(request, cases, tmp_path_factory):
    return create_store(ListDataset(cases), tmp_path_factory.mktemp("store") / "store.h5", form=request.param)


def in_memory(path, name):
    with fsspec.open(f"memory://eisen/{name}", "wb") as file:
        file.write(path.read_bytes())
    return f"memory://eisen/{name}"


def assert_same(store, cases):
    assert store.cases == ("case_0000", "case_0001")
    assert store.value(1, "note") == "ä1"
    assert store.geometry(1, "image") == cases[1]["image_meta"]
    for region in (None, np.s_[1:2, 3:9, 0:21, 5:6]):
        expected = cases[1]["image"] if region is None else cases[1]["image"][region]
        np.testing.assert_allclose(store.read(1, "image", region), expected, atol=1e-4)


def test_a_url_reads_as_a_file_does(path, cases):
    url = in_memory(path, f"{path.parent.name}.h5")
    store = Store(url)
    assert store.path == url
    assert_same(store, cases)
    assert_same(pickle.loads(pickle.dumps(store)), cases)
    store.close()
    assert_same(store, cases)


def test_only_blocks_that_are_needed_are_fetched(cases, tmp_path):
    many = ListDataset([{"image": np.random.default_rng(n).normal(size=(1, 128, 128, 32))} for n in range(4)])
    path = create_store(many, tmp_path / "store.h5")
    store = Store(f"file://{path}")
    part = store.read(2, "image", np.s_[0:1, 5:6, 0:128, 0:32])
    np.testing.assert_array_equal(part, many[2]["image"][:, 5:6])


def test_a_zarr_group_holds_the_same(path, cases, tmp_path):
    write_zarr(path, tmp_path / "store.zarr")
    store = Store(tmp_path / "store.zarr")
    assert_same(store, cases)
    assert store.digest == Store(path).digest
    assert_same(pickle.loads(pickle.dumps(store)), cases)
    with pytest.raises(ArgumentError, match="is there already"):
        write_zarr(path, tmp_path / "store.zarr")


def test_a_data_set_may_be_far_away(path, cases):
    in_memory(path, "data.h5")
    dataset = StoreDataset("memory://eisen", "data.h5", fields=["age", "image"])
    np.testing.assert_allclose(dataset[0]["image"], cases[0]["image"], atol=1e-4)


def test_what_is_not_there_or_no_store_is_an_error_card(tmp_path):
    with pytest.raises(MissingFileError, match="cannot be opened"):
        Store("memory://eisen/nothing.h5")
    with pytest.raises(MissingFileError):
        Store("memory://eisen/nothing.zarr")
    with fsspec.open("memory://eisen/text.h5", "wb") as file:
        file.write(b"no HDF5")
    with pytest.raises(CorruptFileError, match="cannot be opened as HDF5"):
        Store("memory://eisen/text.h5")
    with pytest.raises(CorruptFileError, match="cannot be opened"):
        Store("nosuchthing://eisen/text.h5")
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises((CorruptFileError, MissingFileError)):
        Store(tmp_path / "empty.zarr")


@pytest.mark.parametrize(("package", "url"), [("fsspec", "memory://eisen/a.h5"), ("zarr", "memory://eisen/a.zarr")])
def test_a_package_that_is_missing_is_named_with_its_extra(package, url, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'eisen\[remote\]'"):
        Store(url)
