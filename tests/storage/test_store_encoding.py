"""How arrays lie in a store, and geometry as text."""

import json

import h5py
import numpy as np
import pytest

from eisen._core.errors import ArgumentError, CorruptFileError
from eisen._core.types import Geometry, Warp
from eisen.storage.encoding import FILE_OPTIONS, decode, encode, scale_of, value_dtype, write_array
from eisen.storage.geometry_text import geometry_from_json, geometry_to_json
from eisen.storage.quantize import quantized


def round_trip(array, form, tmp_path):
    path = tmp_path / "arrays.h5"
    with h5py.File(path, "w", **FILE_OPTIONS) as file:
        write_array(file, "a", array, form)
    with h5py.File(path) as file:
        dataset = file["a"]
        return decode(dataset[()], scale_of(dataset), np.empty(dataset.shape, value_dtype(dataset))), dataset.dtype


@pytest.mark.parametrize("form", ["raw", "blosc2"])
@pytest.mark.parametrize("dtype", ["bool", "uint8", "int16", "uint16", "int32", "int64", "f2", "f4", "f8", ">f4", "c8"])
def test_raw_and_compressed_arrays_come_back_bit_for_bit(form, dtype, tmp_path):
    array = (np.random.default_rng(0).normal(size=(2, 5, 40, 7)) * 50).astype(dtype)
    back, _ = round_trip(array, form, tmp_path)
    assert back.dtype == array.dtype.newbyteorder("=")
    assert back.tobytes() == array.astype(back.dtype).tobytes()


@pytest.mark.parametrize("array", [np.float32(3.5), np.zeros((0, 3)), np.zeros((2, 0, 4), "int16")], ids=str)
@pytest.mark.parametrize("form", ["raw", "int16", "blosc2"])
def test_arrays_without_axes_or_elements_are_stored_too(array, form, tmp_path):
    back, _ = round_trip(array, form, tmp_path)
    np.testing.assert_array_equal(back, array)


def test_16_bits_are_exact_for_whole_numbers(tmp_path):
    ct = np.random.default_rng(0).integers(-1024, 3071, (1, 8, 9, 10)).astype("float32")
    back, stored = round_trip(ct, "int16", tmp_path)
    assert stored == "int16"
    np.testing.assert_array_equal(back, ct)


def test_16_bits_keep_a_normalised_ct_to_within_its_own_rounding(tmp_path):
    ct = np.random.default_rng(0).integers(-1024, 3071, (2, 20, 30, 10)).astype("float32")
    normalised = (ct - ct.mean()) / ct.std()
    back, stored = round_trip(normalised, "int16", tmp_path)
    assert stored == "int16"
    np.testing.assert_allclose(back, normalised, atol=2e-6)


def test_16_bits_round_by_half_a_step_at_most_and_keep_zero_per_channel(tmp_path):
    draw = np.random.default_rng(1)
    array = draw.normal(size=(2, 12, 13, 14)).astype("float32") * np.array([1, 1000], "float32").reshape(2, 1, 1, 1)
    array[:, :4] = 0
    back, stored = round_trip(array, "int16", tmp_path)
    assert stored == "int16"
    for before, after in zip(array, back, strict=True):
        assert np.abs(before - after).max() <= 0.501 * np.ptp(before) / 65534
    assert (back[:, :4] == 0).all()


@pytest.mark.parametrize("special", [np.nan, np.inf, 1e38])
def test_what_16_bits_cannot_hold_stays_raw(special):
    array = np.random.default_rng(0).normal(size=(1, 4, 5)).astype("float32")
    array[0, 0, 0] = special
    encoded = encode(array, "int16")
    if encoded.form == "raw":
        assert encoded.stored.tobytes() == array.tobytes()
    else:
        assert np.isfinite(encoded.scale.apply(encoded.stored, np.empty_like(array))).all()


def test_a_label_beyond_16_bits_is_never_rounded(tmp_path):
    label = np.array([[0, 1, 70_000], [5, 6, 7]], "int32")
    back, _ = round_trip(label, "int16", tmp_path)
    np.testing.assert_array_equal(back, label)


def test_the_compressed_form_takes_16_bits_only_if_nothing_is_lost():
    noise = np.random.default_rng(0).normal(size=(1, 9, 9)).astype("float32")
    assert quantized(noise, lossless=True) is None
    assert quantized(np.round(noise * 100), lossless=True) is None  # it has a negative zero
    assert quantized(np.abs(np.round(noise * 100)), lossless=True) is not None


def test_raw_arrays_have_their_place_on_a_page_at_once(tmp_path):
    with h5py.File(tmp_path / "a.h5", "w", **FILE_OPTIONS) as file:
        write_array(file, "a", np.ones((3, 50, 60)))
        assert file["a"].id.get_offset() % 4096 == 0


def test_unknown_forms_and_things_that_are_no_numbers_are_refused():
    with pytest.raises(ArgumentError, match="did you mean 'int16'"):
        encode(np.zeros(3), "int6")
    with pytest.raises(ArgumentError, match="cannot be stored"):
        encode(np.array(["a"]))


def test_every_part_of_a_geometry_comes_back_to_the_last_bit():
    draw = np.random.default_rng(0)
    affine = np.eye(4)
    affine[:3] += draw.normal(size=(3, 4)) / 7
    warp = Warp(draw.normal(size=(4, 5, 6, 3)).astype("float32"), affine * 2, (9, 9, 9))
    grid = Geometry.of(affine, (4, 5, 6), "scan é.nii.gz").moved(affine / 3, (7, 8, 9), "Bend", warp=warp)
    back = geometry_from_json(geometry_to_json(grid))
    assert back == grid
    assert (back.source, back.history, back.invertible) == (grid.source, grid.history, True)
    assert back.warps[0].points.dtype == np.float32


@pytest.mark.parametrize("text", ["{", "[]", '{"affine": [[1]], "shape": [1]}', "null", '{"affine": 3}'])
def test_damaged_geometry_is_an_error_card(text):
    with pytest.raises(CorruptFileError, match="geometry record"):
        geometry_from_json(text)


def test_a_geometry_that_is_not_there_is_an_empty_text():
    assert geometry_to_json(None) == ""
    assert geometry_from_json("") is None
    assert json.loads(geometry_to_json(Geometry.of(np.eye(4), (1, 2, 3))))["shape"] == [1, 2, 3]
