from __future__ import annotations

import pickle

import numpy as np
import pydicom
import pytest

import eisen.io
import eisen.io.imaging
from eisen._core.errors import CorruptFileError, MissingFileError
from eisen.io import LoadDICOMFromFilename, write_dicom_series

AFFINE = np.array([[-0.9, 0, 0, 40.0], [0, -1.1, 0, 31.5], [0, 0, 2.5, -700.25], [0, 0, 0, 1]])
ARRAY = np.arange(4 * 5 * 3, dtype="int16").reshape(4, 5, 3)


@pytest.fixture
def folder(tmp_path):
    write_dicom_series(tmp_path, ARRAY, AFFINE)
    return tmp_path


def test_the_old_dotted_path_leads_to_the_same_class():
    assert eisen.io.imaging.LoadDICOMFromFilename is eisen.io.LoadDICOMFromFilename


def test_one_file_becomes_a_data_set_with_its_pixels_and_its_place(folder):
    data = {"image": "001.dcm", "age": 61}
    result = LoadDICOMFromFilename(["image"], folder)(data)
    assert data == {"image": "001.dcm", "age": 61}
    assert isinstance(result["image"], pydicom.FileDataset)
    assert np.array_equal(result["image_pixel_array"], ARRAY[:, :, 1].T)
    assert result["image_pixel_array"].dtype == np.int16
    assert result["image_meta"].shape == (4, 5, 1)
    assert np.allclose(result["image_meta"].affine[:3, :3], AFFINE[:3, :3])
    assert np.allclose(result["image_meta"].affine[:3, 3], AFFINE[:3, 3] + AFFINE[:3, 2])


def test_the_pixels_are_as_stored(folder):
    dataset = pydicom.dcmread(folder / "000.dcm")
    dataset.RescaleIntercept = -1024
    dataset.save_as(folder / "000.dcm")
    result = LoadDICOMFromFilename(["image"], folder)({"image": "000.dcm"})
    assert np.array_equal(result["image_pixel_array"], ARRAY[:, :, 0].T)


def test_the_array_is_left_out_on_request(folder):
    result = LoadDICOMFromFilename(["image"], folder, store_data_array=False)({"image": "000.dcm"})
    assert "image_pixel_array" not in result
    assert "image_meta" in result


def test_a_picture_that_says_nothing_of_its_place_has_no_geometry(folder):
    dataset = pydicom.dcmread(folder / "000.dcm")
    del dataset.ImagePositionPatient
    dataset.save_as(folder / "000.dcm")
    result = LoadDICOMFromFilename(["image"], folder)({"image": "000.dcm"})
    assert "image_meta" not in result
    assert result["image_pixel_array"].shape == (5, 4)


def test_a_data_set_survives_pickling(folder):
    result = LoadDICOMFromFilename(["image"], folder)({"image": "000.dcm"})
    assert pickle.loads(pickle.dumps(result))["image"] == result["image"]


@pytest.mark.parametrize("content", [b"", b"hello" * 100, bytes(128) + b"DICM"])
def test_what_is_not_dicom_is_an_error_that_names_the_file(tmp_path, content):
    (tmp_path / "x.dcm").write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"x\.dcm"):
        LoadDICOMFromFilename(["image"], tmp_path)({"image": "x.dcm"})


def test_a_missing_file_names_the_nearest(folder):
    with pytest.raises(MissingFileError) as caught:
        LoadDICOMFromFilename(["image"], folder)({"image": "01.dcm"})
    assert "001.dcm" in caught.value.card.to_do
