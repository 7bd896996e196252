from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest

from eisen._core.errors import DataError, GeometryError, MissingFileError
from eisen.io import LoadDICOMSeries, list_dicom_series, read_dicom_series, write_dicom_series

AFFINE = np.diag([-1.0, -1.0, 3.0, 1.0])
ARRAY = np.arange(4 * 5 * 8, dtype="int16").reshape(4, 5, 8)


def edit(file: Path, **attributes) -> None:
    dataset = pydicom.dcmread(file)
    for keyword, value in attributes.items():
        if value is None:
            del dataset[keyword]
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(file)


def scout(folder: Path) -> None:
    first = pydicom.dcmread(folder / "000.dcm")
    uids = {name: first[name].value for name in ("SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")}
    sagittal = np.array([[0, 0, 1.0, 0], [-1, 0, 0, 0], [0, -1, 0, 0], [0, 0, 0, 1]])
    (file,) = write_dicom_series(folder / "extra", np.zeros((7, 9, 1)), sagittal, attributes=uids)
    Path(file).rename(folder / "scout.dcm")
    (folder / "extra").rmdir()


def gap(folder: Path) -> None:
    (folder / "005.dcm").unlink()


def duplicate(folder: Path) -> None:
    shutil.copy(folder / "003.dcm", folder / "copy.dcm")


def other_copy(folder: Path) -> None:
    duplicate(folder)
    edit(folder / "copy.dcm", SOPInstanceUID=pydicom.uid.generate_uid(), InstanceNumber=99)


def orientation(folder: Path) -> None:
    edit(folder / "002.dcm", ImageOrientationPatient=[1, 0, 0, 0, 0.8, 0.6])


def spacing(folder: Path) -> None:
    edit(folder / "002.dcm", PixelSpacing=[1, 1.01])


def size(folder: Path) -> None:
    edit(folder / "002.dcm", Rows=4, Columns=5)


def frame_of_reference(folder: Path) -> None:
    edit(folder / "002.dcm", FrameOfReferenceUID=pydicom.uid.generate_uid())


def second_series(folder: Path) -> None:
    edit(folder / "002.dcm", SeriesInstanceUID=pydicom.uid.generate_uid(), SeriesDescription="late")


def position(folder: Path) -> None:
    edit(folder / "002.dcm", ImagePositionPatient=None)


SPLITTING = {  # defect: the file that the refusal must name, a word of it
    scout: ("scout.dcm", "orientation|size"),
    gap: ("004.dcm", "gap"),
    duplicate: ("copy.dcm", "same position"),
    other_copy: ("copy.dcm", "same position"),
    orientation: ("002.dcm", "orientation"),
    spacing: ("002.dcm", "different sizes"),
    size: ("002.dcm", "size"),
    frame_of_reference: ("002.dcm", "frames of reference"),
    second_series: ("002.dcm", "series"),
    position: ("002.dcm", "where they are"),
}


@pytest.fixture
def folder(tmp_path):
    write_dicom_series(tmp_path / "s", ARRAY, AFFINE)
    return tmp_path / "s"


@pytest.mark.parametrize("defect", SPLITTING, ids=lambda defect: defect.__name__)
def test_what_is_not_one_volume_is_refused_naming_the_files(folder, defect):
    defect(folder)
    name, word = SPLITTING[defect]
    with pytest.raises(GeometryError, match=word) as caught:
        LoadDICOMSeries(["image"], folder.parent)({"image": "s"})
    card = caught.value.card
    assert name in card.what
    assert card.file == str(folder)
    assert card.field == "image"
    assert "split=" in card.to_do


@pytest.mark.parametrize(
    "defect", [defect for defect in SPLITTING if defect is not second_series], ids=lambda defect: defect.__name__
)
def test_the_scan_finds_the_same_problem_from_the_headers(folder, defect):
    defect(folder)
    name, word = SPLITTING[defect]
    (series,) = list_dicom_series(folder.parent)
    assert name in series.problems[0]
    assert any(part in series.problems[0] for part in word.split("|"))
    assert series.shape is None
    assert len(series.stacks) > 1


@pytest.mark.parametrize("defect", [scout, duplicate, other_copy], ids=lambda defect: defect.__name__)
def test_the_largest_volume_is_the_one_without_the_odd_file(folder, defect):
    defect(folder)
    image = read_dicom_series(folder, split="largest")
    assert np.array_equal(np.asanyarray(image.dataobj), ARRAY)
    assert np.allclose(image.affine, AFFINE)


def test_a_series_is_split_at_a_gap_on_request(folder):
    gap(folder)
    first, second = read_dicom_series(folder, split="part=1"), read_dicom_series(folder, split="part=2")
    assert np.array_equal(np.asanyarray(first.dataobj), ARRAY[:, :, :5])
    assert np.array_equal(np.asanyarray(second.dataobj), ARRAY[:, :, 6:])
    assert second.affine[2, 3] == 18


@pytest.mark.parametrize("keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"])
def test_what_says_where_a_slice_is_must_be_there(folder, keyword):
    for file in folder.iterdir():
        edit(file, **{keyword: None})
    for split in (None, "largest"):
        with pytest.raises(GeometryError, match=f"no {keyword} in 000.dcm") as caught:
            read_dicom_series(folder, split=split)
        assert "and 2 more" in caught.value.card.what


def test_uneven_distances_are_refused_naming_the_neighbours(folder):
    edit(folder / "004.dcm", ImagePositionPatient=[0, 0, 13])
    with pytest.raises(GeometryError, match=r"2 mm \(004\.dcm to 005\.dcm\) to 4 mm \(003\.dcm to 004\.dcm\)"):
        read_dicom_series(folder)


@pytest.mark.parametrize(
    ("keyword", "values", "names"),
    [
        ("EchoTime", [2.4, 4.9], ["echo=2.4", "echo=4.9"]),
        ("TemporalPositionIdentifier", [2, 10], ["time=2", "time=10"]),
        ("AcquisitionNumber", [1, 2], ["acquisition=1", "acquisition=2"]),
        ("ImageType", [["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "P"]],
         ["type=ORIGINAL/PRIMARY/M", "type=ORIGINAL/PRIMARY/P"]),
        ("DiffusionBValue", [0.0, 1000.0], ["b=0", "b=1000"]),
        ("InstanceNumber", [1, 2], ["repeat=1", "repeat=2"]),
    ],
)  # fmt: skip
def test_repeated_positions_are_told_apart(tmp_path, keyword, values, names):
    uids = {name: pydicom.uid.generate_uid() for name in ("SeriesInstanceUID", "FrameOfReferenceUID")}
    for n, value in enumerate(values):
        for file in write_dicom_series(tmp_path / f"{n}", ARRAY + n, AFFINE, attributes=uids):
            edit(Path(file), **{keyword: value})
            Path(file).rename(tmp_path / f"{Path(file).stem}_{n}.dcm")
    with pytest.raises(GeometryError, match=r"same position|repeated positions") as caught:
        read_dicom_series(tmp_path)
    for n, name in enumerate(names):
        assert name in caught.value.card.what
        assert np.array_equal(np.asanyarray(read_dicom_series(tmp_path, split=name).dataobj), ARRAY + n)
    both = np.asanyarray(read_dicom_series(tmp_path, split="channels").dataobj)
    assert np.array_equal(both, np.stack([ARRAY, ARRAY + 1], axis=-1))


def test_an_unknown_choice_names_the_nearest(folder):
    gap(folder)
    with pytest.raises(GeometryError, match="did you mean 'part=2'"):
        read_dicom_series(folder, split="parts=2")


def test_volumes_on_two_grids_cannot_be_channels(folder):
    gap(folder)
    with pytest.raises(GeometryError, match="not on one grid"):
        read_dicom_series(folder, split="channels")


def test_neither_of_two_equally_large_volumes_is_the_largest(folder):
    (folder / "003.dcm").unlink()
    (folder / "004.dcm").unlink()
    with pytest.raises(GeometryError, match="no volume is the largest"):
        read_dicom_series(folder, split="largest")


def test_a_mosaic_is_refused(folder):
    for file in folder.iterdir():
        edit(file, ImageType=["ORIGINAL", "PRIMARY", "M", "MOSAIC"])
    with pytest.raises(GeometryError, match="MOSAIC"):
        read_dicom_series(folder)


def test_a_folder_without_dicom_names_the_folder_that_has_some(folder):
    with pytest.raises(MissingFileError, match="no DICOM file") as caught:
        read_dicom_series(folder.parent)
    assert "e.g. s" in caught.value.card.to_do


def test_a_missing_folder_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        LoadDICOMSeries(["image"], tmp_path)({"image": "nowhere"})


def test_a_field_that_was_read_already_says_so(tmp_path):
    with pytest.raises(DataError, match="not the name of a folder"):
        LoadDICOMSeries(["image"], tmp_path)({"image": 7})
