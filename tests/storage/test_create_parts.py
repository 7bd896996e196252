"""The parts that make the making of a store fast keep its promises: places, flushing, turns of threads."""

from __future__ import annotations

import errno
import os
import random
import threading
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from eisen._core.errors import ArtifactError
from eisen.datasets import ListDataset
from eisen.storage import create_store
from eisen.storage.creation import flushing
from eisen.storage.creation.flushing import Flusher
from eisen.storage.creation.places import Places
from eisen.storage.creation.source_files import relative_to_root


def test_places_are_apart_and_their_datasets_are_as_h5py_makes_them(tmp_path: Path) -> None:
    facts = {"stored_shape": [2, 3, 4], "stored_dtype": "<f4", "dtype": "float32", "scale": None}
    scaled = {"stored_shape": [5], "stored_dtype": "<i2", "dtype": "float32", "scale": [0.5, 1.0]}
    with h5py.File(tmp_path / "a.h5", "w") as file:
        places = Places(file)
        first, second = places.reserve("data/image/0", facts), places.reserve("data/image/1", facts)
        places.reserve("data/other/0", scaled)
    assert abs(second - first) >= 2 * 3 * 4 * 4
    content = np.arange(24, dtype="<f4").reshape(2, 3, 4)
    with (tmp_path / "a.h5").open("r+b") as raw:
        raw.seek(second)
        raw.write(content.tobytes())
    with h5py.File(tmp_path / "a.h5") as file:
        assert np.array_equal(file["data/image/1"][()], content)
        assert dict(file["data/other/0"].attrs) == {"slope": 0.5, "inter": 1.0, "dtype": "float32"}


def test_what_was_written_is_flushed_while_work_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flushed, real = threading.Event(), os.fdatasync

    def fdatasync(handle: int) -> None:
        real(handle)
        flushed.set()

    monkeypatch.setattr(flushing.os, "fdatasync", fdatasync)
    path = tmp_path / "file"
    path.write_bytes(b"content")
    flusher = Flusher(path)
    flusher.wrote(100)
    assert not flushed.wait(0.05)
    flusher.wrote(2**30)
    assert flushed.wait(10)
    flusher.end()


def test_a_flush_that_fails_is_not_forgotten(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = threading.Event()

    def fail(handle: int) -> None:
        failed.set()
        raise OSError(errno.ENOSPC, "No space left on device")

    def wait_for_it(point: dict[str, Any]) -> dict[str, Any]:
        assert point["n"] < 2 or failed.wait(20)
        return {"image": np.ones((1, 8, 8), "float32")}

    monkeypatch.setattr(flushing.os, "fdatasync", fail)
    monkeypatch.setattr(flushing, "_ENOUGH", 10)
    cases = ListDataset([{"n": n} for n in range(3)], transform=wait_for_it)
    with pytest.raises(ArtifactError, match="the disk is full"):
        create_store(cases, tmp_path / "store.h5")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", [{}, {"n_workers": 2}, {"n_workers": 3, "executor": "threads"}])
def test_code_of_others_draws_the_same_everywhere_and_disturbs_nobody(tmp_path: Path, how: dict[str, Any]) -> None:
    def noisy(point: dict[str, Any]) -> dict[str, Any]:
        return {"image": np.random.random((1, 50)), "draw": random.random()}

    cases = ListDataset([{"n": n} for n in range(8)], transform=noisy)
    state = np.random.get_state()[1].copy()
    paths = [create_store(cases, tmp_path / "a.h5"), create_store(cases, tmp_path / "b.h5", **how)]
    assert np.array_equal(np.random.get_state()[1], state)
    found = []
    for path in paths:
        with h5py.File(path) as file:
            found.append((file["values/draw"][:].tolist(), [file[f"data/image/{n}"][()].tolist() for n in range(8)]))
    assert found[0] == found[1]
    assert len(set(found[0][0])) == 8


def test_files_are_relative_to_the_folder_they_share() -> None:
    root, files = relative_to_root([["/data/a/x.nii"], ["/data/a/b/y.nii", "/data/a/x.nii"]])
    assert (root, files) == ("/data/a", [["x.nii"], ["b/y.nii", "x.nii"]])
    assert relative_to_root([["/x.nii"], ["/y/z.nii"]]) == ("/", [["x.nii"], ["y/z.nii"]])
