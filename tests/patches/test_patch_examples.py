"""The examples of patches run, and what they write is where the scans are."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

from eisen.io import read_nifti

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def run(phantom_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    """Run an example on phantoms, with `tmp_path` as its output, and return what it prints."""

    def run_(name: str, *arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", [name, str(phantom_folder), str(tmp_path), *arguments])
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
        return capsys.readouterr().out

    return run_


def scan(phantom_folder: Path, number: int):
    """The scan of a validation case."""
    return read_nifti(sorted((phantom_folder / "imagesTr").iterdir())[4 + number])


def test_parts_of_all_kinds_become_volumes(run, phantom_folder: Path, tmp_path: Path) -> None:
    printed = run("extraction_assembly.py")
    assert printed.count("labels unchanged: True") == 5
    for number in (0, 1):
        original = scan(phantom_folder, number)
        raw = np.asarray(read_nifti(tmp_path / f"raw_{number}.nii.gz").dataobj)
        for way in ("raw", "slices", "slabs", "2.5-D", "patches"):
            written = read_nifti(tmp_path / f"{way}_{number}.nii.gz")
            assert written.shape == original.shape
            np.testing.assert_allclose(written.affine, original.affine, atol=1e-5)
            correlation = np.corrcoef(np.asarray(written.dataobj).ravel(), np.asarray(original.dataobj).ravel())[0, 1]
            assert correlation > 0.5, "a smoothed scan looks like the scan"
        slabs = np.asarray(read_nifti(tmp_path / f"slabs_{number}.nii.gz").dataobj)
        assert 0 < np.abs(slabs - raw).mean() < 0.1


def test_patches_with_a_margin_are_trained_on_and_put_together(run, phantom_folder: Path, tmp_path: Path) -> None:
    printed = run("patches_3d.py", "1")
    assert printed.startswith("1 {'dice_ce': ")
    for number in (0, 1):
        written, original = read_nifti(tmp_path / f"label_{number}.nii.gz"), scan(phantom_folder, number)
        assert f"case {number}: liver 0." in printed
        assert (written.shape, written.get_data_dtype()) == (original.shape, np.uint8)
        np.testing.assert_allclose(written.affine, original.affine, atol=1e-5)


def test_patches_come_from_files_with_and_without_a_store(run, tmp_path: Path) -> None:
    printed = run("from_files.py")
    assert printed.count("whole again and unchanged: True") == 4
    assert (tmp_path / "names_only.h5").is_file()
