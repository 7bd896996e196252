"""NIfTI files as they should not be: only our errors, and memory bounded by the size of the file."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from contextlib import suppress
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK  # noqa: F401  # its import is not to be counted as memory of a reader
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eisen._core.errors import CorruptFileError, GeometryError, VoxelValueError
from eisen.io import LoadITKFromFilename, LoadNiftiFromFilename, read_nifti

EXAMPLES = 5000 if os.environ.get("EISEN_HYPOTHESIS") == "searching" else 200
VOXELS = np.arange(60, dtype="int16").reshape(3, 4, 5)
RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])


def content(kind=nibabel.Nifti1Image, **entries) -> bytes:
    """Return the bytes of a small file, with entries of its header changed after it was written."""
    raw = bytearray(kind(VOXELS, np.eye(4)).to_bytes())
    header = kind.header_class(bytes(raw[: kind.header_class.sizeof_hdr]))
    for name, value in entries.items():
        header[name] = value
    raw[: len(header.binaryblock)] = header.binaryblock
    return bytes(raw)


def written(path: Path, raw: bytes) -> Path:
    path.write_bytes(gzip.compress(raw, 1) if path.suffix == ".gz" else raw)
    return path


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize("inter", [0.0, np.nan, np.inf, -1024.0])
@pytest.mark.parametrize("slope", [np.nan, 0.0, 1e-38, np.inf, -np.inf, -2.0, 1.0])
def test_strange_scales_mean_what_they_mean_to_nibabel(tmp_path, slope, inter):
    path = written(tmp_path / "a.nii.gz", content(scl_slope=slope, scl_inter=inter))
    try:
        expected = np.asanyarray(nibabel.load(path).dataobj)
    except nibabel.spatialimages.HeaderDataError:  # a slope and no intercept
        with pytest.raises(CorruptFileError, match="intercept"):
            read_nifti(path)
        return
    found = np.asanyarray(read_nifti(path).dataobj)
    assert found.dtype == expected.dtype
    assert np.array_equal(found, expected, equal_nan=True)


@pytest.mark.parametrize("dtype", ["int64", "uint64", "complex64", "complex128", RGB], ids=str)
@pytest.mark.parametrize("endian", ["<", ">"])
def test_rare_types_are_read_as_by_nibabel(tmp_path, dtype, endian):
    header = nibabel.Nifti1Header(endianness=endian)
    header.set_data_dtype(np.dtype(dtype))
    array = np.zeros((3, 4, 5), dtype) if dtype is RGB else VOXELS.astype(dtype)
    nibabel.Nifti1Image(array, np.eye(4), header).to_filename(tmp_path / "a.nii.gz")
    found, expected = read_nifti(tmp_path / "a.nii.gz"), nibabel.load(tmp_path / "a.nii.gz")
    assert np.asanyarray(found.dataobj).tobytes() == np.asanyarray(expected.dataobj).tobytes()
    assert found.get_data_dtype() == expected.get_data_dtype()


@pytest.mark.parametrize("shape", [(7,), (7, 8), (7, 8, 1), (3, 4, 5, 2), (3, 4, 5, 1, 2), (2, 2, 2, 2, 2, 2, 2)])
def test_one_to_seven_axes_are_read(tmp_path, shape):
    array = np.arange(np.prod(shape), dtype="int32").reshape(shape)
    nibabel.Nifti1Image(array, np.eye(4)).to_filename(tmp_path / "a.nii.gz")
    assert np.array_equal(np.asanyarray(read_nifti(tmp_path / "a.nii.gz").dataobj), array)


@pytest.mark.parametrize("without_isal", [False, True])
@pytest.mark.parametrize("padding", [b"", bytes(1), bytes(512)])
def test_zeros_after_the_last_gzip_member_are_padding(tmp_path, monkeypatch, padding, without_isal):
    if without_isal:
        monkeypatch.setattr("eisen.io.inflate._fast_reader", None)
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(content()) + padding)
    assert np.array_equal(np.asanyarray(read_nifti(tmp_path / "a.nii.gz").dataobj), VOXELS)


@pytest.mark.parametrize("without_isal", [False, True])
def test_other_bytes_after_the_last_gzip_member_are_damage(tmp_path, monkeypatch, without_isal):
    if without_isal:
        monkeypatch.setattr("eisen.io.inflate._fast_reader", None)
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(content()) + b"leftover")
    with pytest.raises(CorruptFileError, match=r"a\.nii\.gz"):
        read_nifti(tmp_path / "a.nii.gz")


def test_a_stream_far_longer_than_its_header_says_needs_no_memory(tmp_path):
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(content() + bytes(100_000_000), 1))
    tracemalloc.start()
    read_nifti(tmp_path / "a.nii.gz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_header_that_lies_about_the_size_is_found_before_memory_is_asked_for(tmp_path, kind, name):
    path = written(tmp_path / name, content(kind, dim=[3, 30000, 30000, 30000, 1, 1, 1, 1]))
    with pytest.raises(CorruptFileError, match="cannot be in it"):
        read_nifti(path)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_headers_give_documented_errors_only_and_bounded_memory(tmp_path, data):
    raw = bytearray(content(data.draw(st.sampled_from([nibabel.Nifti1Image, nibabel.Nifti2Image]))))
    place = st.integers(0, len(raw) - VOXELS.nbytes - 1)
    byte = st.one_of(st.sampled_from([0, 1, 2, 4, 8, 16, 64, 127, 128, 255]), st.integers(0, 255))
    for where, value in data.draw(st.lists(st.tuples(place, byte), min_size=1, max_size=6)):
        raw[where] = value
    path = written(tmp_path / data.draw(st.sampled_from(["a.nii", "a.nii.gz"])), bytes(raw))
    reader = data.draw(st.sampled_from([LoadNiftiFromFilename, LoadITKFromFilename]))
    tracemalloc.start()
    with suppress(CorruptFileError, GeometryError, VoxelValueError):
        reader(["image"], tmp_path)({"image": path.name})
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1032 * len(raw) + 4_000_000


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_gzip_streams_are_found(tmp_path, data):
    packed = bytearray(gzip.compress(content(), 6, mtime=0))
    where = data.draw(st.integers(10, len(packed) - 1))
    packed[where] ^= data.draw(st.integers(1, 255))
    (tmp_path / "a.nii.gz").write_bytes(packed)
    with pytest.raises(CorruptFileError, match=r"a\.nii\.gz"):
        read_nifti(tmp_path / "a.nii.gz")
