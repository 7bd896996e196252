"""Any part of any array in a store, in any form, is what NumPy would cut out."""

import pickle

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core.errors import ArgumentError, DataError, MissingFieldError
from eisen._core.types import Geometry
from eisen.datasets import ListDataset
from eisen.storage import Store, create_store
from eisen.storage.reading import blocks
from eisen.storage.reading import contiguous as readers

SHAPE = (2, 11, 13, 17)


@pytest.fixture(scope="module")
def cases():
    draw = np.random.default_rng(0)
    grid = Geometry.of(np.diag([1.0, 2.0, 3.0, 1.0]), SHAPE[1:], "brain.nii.gz")
    return [
        {
            "image": draw.normal(size=SHAPE).astype("float32"),
            "image_meta": grid,
            "label": draw.integers(0, 5, (1, *SHAPE[1:])).astype("uint8"),
            "age": 60 + n,
            "report": f"Größe {n}",
        }
        for n in range(3)
    ]


@pytest.fixture(scope="module", params=["raw", "int16", "blosc2", "pymia"])
def store(request, cases, tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / f"{request.param}.h5"
    pymia = {"layout": "pymia"} if request.param == "pymia" else {"form": request.param}
    with Store(create_store(ListDataset(cases), path, **pymia)) as opened:
        yield opened


def expected(store, cases, number, field):
    """Return the array as the store gives it: pymia's files have the axes of space the other way round."""
    array = cases[number][field]
    return array.transpose(0, 3, 2, 1) if store.contents.layout == "pymia" else array


def field_of(store, field):
    return f"{field}s" if store.contents.layout == "pymia" else field


def regions(shape):
    ends = [st.tuples(st.integers(0, n), st.integers(0, n)).map(sorted) for n in shape]
    return st.tuples(*ends).map(lambda pairs: tuple(slice(*pair) for pair in pairs))


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_any_region_is_what_numpy_cuts_out(store, cases, data):
    number, field = data.draw(st.integers(0, 2)), data.draw(st.sampled_from(["image", "label"]))
    array = expected(store, cases, number, field)
    region = data.draw(regions(array.shape))
    part = store.read(number, field_of(store, field), region)
    assert part.dtype == array.dtype
    np.testing.assert_allclose(part, array[region], atol=1e-4)
    assert part.flags.writeable


@settings(max_examples=40, deadline=None)
@given(data=st.data(), dtype=st.sampled_from(["float32", "float64", "float16"]), strided=st.booleans())
def test_values_go_into_an_array_of_any_type_and_layout(store, cases, data, dtype, strided):
    array = expected(store, cases, 1, "image")
    region = data.draw(regions(array.shape))
    shape = array[region].shape
    out = np.full((*shape, 2), 7, dtype)[..., 0] if strided else np.full(shape, 7, dtype)
    assert store.read(1, field_of(store, "image"), region, out) is not None
    np.testing.assert_allclose(out, array[region], atol=3e-3)


@pytest.mark.parametrize("way", ["map", "in memory", "blocks", "tiny blocks", "no positioned reads"])
def test_all_ways_of_reading_give_the_same(way, cases, tmp_path, monkeypatch):
    if "blocks" in way:
        monkeypatch.setattr(readers, "_MANY_TIMES", 1 << 30)
        monkeypatch.setattr(readers, "_NO_DISK", None)
    if way == "tiny blocks":
        monkeypatch.setattr(readers, "BUFFER", 2000)
        monkeypatch.setattr(blocks, "BUFFER", 2000)
        monkeypatch.setattr(blocks, "_CALL", 100)
        monkeypatch.setattr(readers, "_SLOW", 0)  # asks ahead for blocks, as if they came from a disk
    if way == "no positioned reads":
        monkeypatch.setattr(readers, "_CAN_READ_AT", False)
    for form in ("raw", "int16"):
        store = Store(create_store(ListDataset(cases), tmp_path / f"{form}.h5", form=form))
        draw = np.random.default_rng(3)
        for _ in range(25):
            source = Store(store.path).source(2, "image") if way != "map" else store.source(2, "image")
            ends = [np.sort(draw.integers(0, n + 1, 2)) for n in SHAPE]
            region = tuple(slice(int(a), int(b)) for a, b in ends)
            np.testing.assert_allclose(source.read(region), cases[2]["image"][region], atol=1e-4)


def test_a_raw_region_has_the_very_bytes(cases, tmp_path):
    store = Store(create_store(ListDataset(cases), tmp_path / "raw.h5"))
    for region in [None, np.s_[0:2, 3:4, 0:13, 0:17], np.s_[0:2, 0:11, 0:13, 5:6], np.s_[1:2, 2:8, 3:9, 4:12]]:
        array = cases[0]["image"] if region is None else cases[0]["image"][region]
        assert store.read(0, "image", region).tobytes() == array.tobytes()


def test_large_arrays_begin_on_a_cache_line_and_may_be_anywhere(tmp_path):
    big = np.random.default_rng(0).normal(size=(1, 80, 90, 100)).astype("float32")
    store = Store(create_store(ListDataset([{"image": big}]), tmp_path / "big.h5"))
    part = store.read(0, "image")
    assert part.ctypes.data % 64 == 0
    assert part.tobytes() == big.tobytes()
    crooked = np.empty(big.nbytes + 64, "uint8")[17:][: big.nbytes].view("float32").reshape(big.shape)
    assert store.read(0, "image", out=crooked).tobytes() == big.tobytes()


@pytest.mark.skipif(readers._NO_DISK is None, reason="the system cannot tell what is in memory")
def test_parts_that_are_in_memory_are_mapped_and_others_are_not(tmp_path, monkeypatch):
    image = np.random.default_rng(0).normal(size=(1, 40, 50, 60)).astype("float32")
    path, region = create_store(ListDataset([{"image": image}]), tmp_path / "raw.h5"), np.s_[0:1, 3:33, 4:40, 5:45]
    ways = []
    for name in ("_fill_blocks", "_fill_from_map"):
        real = getattr(readers.ContiguousSource, name)
        told = lambda *given, name=name, real=real: (ways.append(name), real(*given))  # noqa: E731
        monkeypatch.setattr(readers.ContiguousSource, name, told)
    path.read_bytes()
    np.testing.assert_array_equal(Store(path).source(0, "image").read(region), image[region])
    assert ways == ["_fill_from_map"]

    def waits(number, buffers, position, flags=0):
        if flags:
            raise BlockingIOError
        return real_read(number, buffers, position)

    real_read = readers.os.preadv
    monkeypatch.setattr(readers.os, "preadv", waits)
    ways.clear()
    np.testing.assert_array_equal(Store(path).source(0, "image").read(region), image[region])
    assert ways == ["_fill_blocks"]


def test_only_the_bytes_of_a_region_are_read(cases, tmp_path, monkeypatch):
    store = Store(create_store(ListDataset(cases), tmp_path / "raw.h5"))
    source, sizes, real = store.source(0, "image"), [], readers.os.preadv

    def counted(number, buffers, position):
        sizes.append(sum(len(buffer) for buffer in buffers))
        return real(number, buffers, position)

    monkeypatch.setattr(readers.os, "preadv", counted)
    source.read(None)
    assert sizes == [cases[0]["image"].nbytes]
    sizes.clear()
    source.read(np.s_[0:2, 4:5, 0:13, 0:17])
    assert sum(sizes) <= 2 * 13 * 17 * 4


def test_what_a_store_knows_without_reading(store, cases):
    image = field_of(store, "image")
    assert store.cases == ("case_0000", "case_0001", "case_0002")
    assert len(store) == 3
    assert store.shape("case_0001", image) == expected(store, cases, 1, "image").shape
    assert store.value(2, "age") == 62
    assert store.value(-1, "report") == "Größe 2"
    assert store.kind("age") == "number"
    assert len(store.digest) == 64
    grid = store.geometry(0, image)
    if store.contents.layout == "pymia":
        assert grid.spacing == (3.0, 2.0, 1.0)
    else:
        assert grid == cases[0]["image_meta"]


def test_a_pickled_store_is_small_and_works(store, cases):
    store.read(0, field_of(store, "image"))
    text = pickle.dumps(store)
    assert len(text) < 1000
    copy = pickle.loads(text)
    np.testing.assert_array_equal(copy.read(0, field_of(store, "label")), expected(store, cases, 0, "label"))


def test_a_closed_store_opens_again(store, cases):
    store.close()
    np.testing.assert_array_equal(store.read(1, field_of(store, "label")), expected(store, cases, 1, "label"))


@pytest.mark.parametrize(
    "region",
    [
        np.s_[0:2, 0:11, 0:13],
        np.s_[0:2, 0:11, 0:13, 0:99],
        np.s_[-1:2, 0:11, 0:13, 0:17],
        np.s_[0:2, 5:3, 0:13, 0:17],
        np.s_[0:2, 0:11:2, 0:13, 0:17],
        np.s_[0:2, :, 0:13, 0:17],
        np.s_[0, 0:11, 0:13, 0:17],
        7,
    ],
)
def test_regions_that_are_not_inside_are_refused(region, cases, tmp_path):
    for form in ("raw", "blosc2"):
        store = Store(create_store(ListDataset(cases[:1]), tmp_path / f"{form}.h5", form=form))
        with pytest.raises(ArgumentError, match="is not inside an array of shape") as caught:
            store.read("case_0000", "image", region)
        assert (caught.value.card.case, caught.value.card.field) == ("case_0000", "image")


def test_arrays_that_do_not_fit_the_region_are_refused(store):
    image = field_of(store, "image")
    with pytest.raises(ArgumentError, match="out has the shape"):
        store.read(0, image, out=np.empty((1, 2), "float32"))
    with pytest.raises(ArgumentError, match="out is int32"):
        store.read(0, image, out=np.empty(store.shape(0, image), "int32"))


def test_wrong_names_are_answered_with_the_nearest(store):
    image = field_of(store, "image")
    with pytest.raises(MissingFieldError, match="did you mean 'report'"):
        store.value(0, "raport")
    with pytest.raises(ArgumentError, match="did you mean 'case_000"):
        store.read("case_001", image)
    with pytest.raises(ArgumentError, match="no case 3"):
        store.shape(3, image)
    with pytest.raises(DataError, match=r"use Store\.value"):
        store.source(0, "age")
    with pytest.raises(DataError, match=r"use Store\.read"):
        store.value(0, image)


def test_arrays_that_hdf5_itself_has_to_read_are_read_through_it(tmp_path, cases):
    path = create_store(ListDataset(cases), tmp_path / "store.h5")
    with h5py.File(path, "r+") as file:
        del file["data/image/0"]
        file.create_dataset("data/image/0", data=cases[0]["image"], chunks=(1, 5, 5, 5), compression="gzip")
    part = Store(path).read(0, "image", np.s_[0:1, 2:9, 3:9, 4:9])
    np.testing.assert_array_equal(part, cases[0]["image"][0:1, 2:9, 3:9, 4:9])


def test_big_endian_arrays_come_in_the_order_of_the_machine(tmp_path, cases):
    path = create_store(ListDataset(cases), tmp_path / "store.h5")
    with h5py.File(path, "r+") as file:
        del file["data/image/0"]
        file.create_dataset("data/image/0", data=cases[0]["image"].astype(">f4"))
    part = Store(path).read(0, "image")
    assert part.dtype.isnative
    np.testing.assert_array_equal(part, cases[0]["image"])
