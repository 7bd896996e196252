from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from eisen._core.errors import MissingFileError
from eisen.io import list_dicom_series, write_dicom_series

AFFINE = np.diag([-1.0, -1.0, 2.5, 1.0])


def write(folder: Path, n: int = 4, **attributes) -> list[str]:
    return write_dicom_series(folder, np.zeros((5, 6, n), "int16"), AFFINE, "MR", attributes=attributes)


def test_series_are_found_by_patient_whatever_lies_beside_them(tmp_path):
    write(tmp_path / "x" / "deep", PatientID="B", SeriesNumber=10, SeriesDescription="late")
    write(tmp_path / "y", n=3, PatientID="B", SeriesNumber=9, SeriesDescription="early")
    write(tmp_path / "z", PatientID="A", SeriesDescription="t2")
    (tmp_path / "z" / "report.pdf").write_bytes(b"%PDF")
    (tmp_path / "z" / "DICOMDIR").write_bytes((tmp_path / "z" / "000.dcm").read_bytes())
    found = list_dicom_series(tmp_path)
    studies = [(s.patient_id, s.description, s.n_files, s.modality, s.shape, s.spacing, s.problems) for s in found]
    assert [study[:3] for study in studies if study[0] == "A"] == [("A", "t2", 4)]
    assert {study[1:3] for study in studies} == {("t2", 4), ("early", 3), ("late", 4)}
    assert studies[0][3:] == ("MR", (5, 6, 4), (1.0, 1.0, 2.5), ())
    assert [Path(file).name for file in found[0].files] == ["000.dcm", "001.dcm", "002.dcm", "003.dcm"]
    assert [series.description for series in list_dicom_series(tmp_path / "y", recursive=False)] == ["early"]
    assert list_dicom_series(tmp_path / "x", recursive=False) == []


def test_the_files_of_a_record_are_in_order_of_position(tmp_path):
    files = write(tmp_path)
    for file, name in zip(files, "dbca", strict=True):
        Path(file).rename(tmp_path / name)
    assert [Path(file).name for file in list_dicom_series(tmp_path)[0].files] == ["d", "b", "c", "a"]


def test_series_in_one_folder_are_told_apart(tmp_path):
    write(tmp_path, SeriesDescription="a")
    for file in write(tmp_path / "b", n=3, SeriesDescription="b"):
        Path(file).rename(tmp_path / f"b{Path(file).name}")
    assert {(s.description, s.n_files) for s in list_dicom_series(tmp_path)} == {("a", 4), ("b", 3)}


def test_a_truncated_file_is_a_problem_of_the_series_beside_it(tmp_path):
    last = Path(write(tmp_path)[-1])
    last.write_bytes(last.read_bytes()[:-5])
    (series,) = list_dicom_series(tmp_path)
    assert (series.n_files, series.shape) == (3, (5, 6, 3))
    assert "003.dcm is truncated" in series.problems[0]


def test_a_folder_of_nothing_but_damaged_files_is_reported(tmp_path):
    for file in write(tmp_path, n=1):
        Path(file).write_bytes(Path(file).read_bytes()[:300])
    (series,) = list_dicom_series(tmp_path)
    assert "000.dcm" in series.problems[0]
    assert series.shape is None


def test_no_pixel_is_read(tmp_path):
    for file in write(tmp_path):
        dataset = pydicom.dcmread(file)
        dataset.compress(pydicom.uid.RLELossless, generate_instance_uid=False)
        dataset.PixelData = pydicom.encaps.encapsulate([b"\0" * 10])
        dataset.save_as(file)
    assert list_dicom_series(tmp_path)[0].problems == ()


def test_objects_that_are_no_images_are_passed_over(tmp_path):
    files = write(tmp_path)
    dataset = pydicom.dcmread(files[0])
    for keyword in ("Rows", "Columns", "PixelData"):
        del dataset[keyword]
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = pydicom.uid.RTStructureSetStorage
    dataset.SeriesInstanceUID = pydicom.uid.generate_uid()
    dataset.save_as(tmp_path / "contours.dcm")
    assert [series.n_files for series in list_dicom_series(tmp_path)] == [4]


def test_a_gantry_tilt_is_a_note_and_no_problem(tmp_path):
    tilted = AFFINE.copy()
    tilted[1, 2] = 1.0
    write_dicom_series(tmp_path, np.zeros((5, 6, 4)), tilted)
    (series,) = list_dicom_series(tmp_path)
    assert series.problems == ()
    assert "21.8 degrees" in series.notes[0]


def test_series_without_identifiers_are_told_apart_by_folder(tmp_path):
    for name in "ab":
        for file in write(tmp_path / name):
            dataset = pydicom.dcmread(file)
            dataset.SeriesInstanceUID = ""
            dataset.save_as(file)
    assert [(s.uid, s.n_files, s.problems) for s in list_dicom_series(tmp_path)] == [("", 4, ())] * 2


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(MissingFileError, match="not a folder"):
        list_dicom_series(tmp_path / "nowhere")


def test_an_empty_folder_holds_no_series(tmp_path):
    assert list_dicom_series(tmp_path) == []
