"""DICOM trees: every way in which a series is not one volume is found, and patients are known by their ID."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from eisen.datasets.doctor import check_data
from eisen.io import write_dicom_series

AFFINE = np.diag([-1.0, -1.0, 2.5, 1.0])


def write_series(folder: Path, seed: int, patient: str = "7", **attributes: str) -> list[Path]:
    voxels = np.random.default_rng(seed).integers(-1000, 900, (8, 9, 10)).astype("int16")
    facts = {"PatientID": patient, **attributes}
    return [Path(name) for name in write_dicom_series(folder, voxels, AFFINE, attributes=facts)]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for number in range(3):
        write_series(tmp_path / f"case_{number}", number, patient=f"P{number}")
    return tmp_path


def codes(folder: Path) -> set[tuple[str, str]]:
    return {(entry.code, entry.case) for entry in check_data(folder).findings}


def test_a_clean_tree_has_no_findings(tree: Path) -> None:
    report = check_data(tree)
    assert report.findings == []
    assert [entry.case.patient for entry in report.cases] == ["P0", "P1", "P2"]
    assert [entry.headers["image"].shape for entry in report.cases] == [(8, 9, 10)] * 3


def test_a_missing_slice_is_a_gap(tree: Path) -> None:
    (tree / "case_1" / "004.dcm").unlink()
    assert codes(tree) == {("dicom-gap", "case_1")}


def test_a_slice_that_is_there_twice_is_found(tree: Path) -> None:
    import pydicom

    copy = pydicom.dcmread(tree / "case_1" / "004.dcm")
    copy.SOPInstanceUID = pydicom.uid.generate_uid()
    copy.file_meta.MediaStorageSOPInstanceUID = copy.SOPInstanceUID
    copy.InstanceNumber = 99
    copy.save_as(tree / "case_1" / "again.dcm")
    assert codes(tree) == {("dicom-duplicate-slice", "case_1")}


def test_a_scout_among_the_slices_is_a_mixed_series(tree: Path) -> None:
    import pydicom

    scout = pydicom.dcmread(tree / "case_1" / "001.dcm")
    scout.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
    scout.SOPInstanceUID = pydicom.uid.generate_uid()
    scout.file_meta.MediaStorageSOPInstanceUID = scout.SOPInstanceUID
    scout.save_as(tree / "case_1" / "scout.dcm")
    assert codes(tree) == {("dicom-mixed-series", "case_1")}


def test_a_file_without_its_last_pixels_is_found(tree: Path) -> None:
    path = tree / "case_2" / "003.dcm"
    path.write_bytes(path.read_bytes()[:-100])
    (found,) = check_data(tree).findings
    assert (found.code, found.case) == ("file-truncated", "case_2")
    assert "003.dcm" in found.what


def test_the_same_series_twice_is_a_duplicate(tree: Path) -> None:
    shutil.copytree(tree / "case_0", tree / "copy")
    found = check_data(tree).findings
    assert {entry.code for entry in found} <= {"duplicate-image", "dicom-duplicate-slice"}
    assert found
