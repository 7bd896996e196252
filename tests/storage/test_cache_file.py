"""Files of single cases: complete or not used, and safe to change in memory."""

from __future__ import annotations

import numpy as np
import pytest

from eisen._core.errors import CorruptFileError
from eisen.storage.cache.file import read_case, read_facts, write_case
from eisen.storage.cache.memory import SharedMemory
from eisen.storage.cache.values import pack, unpack

POINT = {"image": np.arange(50_000, dtype="float64").reshape(1, 50, 1000), "small": np.ones(3, "int8"), "name": "anna"}


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "anna.case"
    write_case(path, pack(POINT), {"case": "anna", "files": []})
    return path


def test_a_case_comes_back_mapped_and_safe_to_change(file):
    first = read_case(file).value
    assert (first["image"] == POINT["image"]).all()
    first["image"] += 1
    first["small"][...] = 9
    second = read_case(file, verify=True).value
    assert (second["image"] == POINT["image"]).all()
    assert (second["small"] == 1).all()
    assert read_facts(file) == {"case": "anna", "files": []}


def test_large_arrays_begin_at_pages(file):
    array = read_case(file).value["image"]
    assert array.ctypes.data % 4096 == 0
    assert not array.flags.owndata


@pytest.mark.parametrize("left", [0, 1, 63, 64, 500, 4096, 10_000, 404_000])
def test_a_truncated_file_is_refused(file, left):
    with file.open("r+b") as stream:
        stream.truncate(left)
    with pytest.raises(CorruptFileError, match="no complete file of the cache"):
        read_case(file)


@pytest.mark.parametrize("place", [0, 9, 20, 30, 40, 64, 100, 200])
def test_a_flipped_bit_in_the_header_is_found(file, place):
    content = bytearray(file.read_bytes())
    content[place] ^= 4
    file.write_bytes(content)
    with pytest.raises(CorruptFileError):
        read_case(file)


def test_a_flipped_bit_in_the_voxels_is_found_on_request(file):
    content = bytearray(file.read_bytes())
    content[-1000] ^= 4
    file.write_bytes(content)
    with pytest.raises(CorruptFileError, match="voxels are not those"):
        read_case(file, verify=True)


def test_a_long_header_is_read_completely(tmp_path):
    point = {f"field {n}": "x" * 50 for n in range(400)}
    write_case(tmp_path / "a.case", pack(point), {})
    assert read_case(tmp_path / "a.case").value == point


def test_open_files_are_not_needed_for_cases_that_are_kept(file):
    """More cases than a process may have open files: the last ones are read instead of mapped."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (120, hard))
        import os

        handle = os.open(file, os.O_RDONLY)
        from eisen.storage.cache.file import mapped

        held = [mapped(handle, 0, file.stat().st_size) for _ in range(150)]
        os.close(handle)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert {type(buffer).__name__ for buffer in held} == {"mmap", "bytearray"}
    assert bytes(held[0][:]) == bytes(held[-1])


def test_shared_memory_keeps_values_apart():
    memory = SharedMemory()
    values = [{"a": np.full(n, n, "int32")} for n in (1, 5, 100_000, 7, 200_000)]
    places = [(packed := pack(value), memory.add(packed)) for value in values]

    def read(place):
        packed, at = place
        return unpack(packed.tree, packed.table, (), memory.view(at, packed.size))

    for place, value in zip(places, values, strict=True):
        found = read(place)
        assert (found["a"] == value["a"]).all()
        found["a"] += 1
        assert (read(place)["a"] == value["a"]).all()
