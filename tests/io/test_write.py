from __future__ import annotations

import gzip
import os

import nibabel
import numpy as np
import pytest
import SimpleITK

from eisen._core.errors import ArgumentError, ArtifactError, DataError, MissingFieldError
from eisen.io import LoadNiftiFromFilename, WriteNiftiToFile, read_nifti, write_nifti
from eisen.io.encode import encode

RIGID = np.array([[0.0, -2.0, 0.0, 5.0], [1.0, 0.0, 0.0, -7.0], [0.0, 0.0, 3.0, 11.5], [0, 0, 0, 1]])


def image(dtype="int16"):
    return nibabel.Nifti1Image(np.arange(120).reshape(4, 5, 6).astype(dtype), RIGID)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16", "int32", "float32", "float64"])
def test_what_is_written_is_read_again(tmp_path, dtype, name):
    array = np.arange(120).reshape(4, 5, 6).astype(dtype)
    write_nifti(tmp_path / name, array, RIGID)
    for reader in (nibabel.load, read_nifti):
        back = reader(tmp_path / name)
        assert back.get_data_dtype() == array.dtype
        assert np.array_equal(np.asanyarray(back.dataobj), array)
        assert np.array_equal(back.affine, RIGID)


def test_both_forms_are_coded_and_itk_sees_the_same_place(tmp_path):
    write_nifti(tmp_path / "a.nii.gz", np.zeros((4, 5, 6), "uint8"), RIGID)
    header = nibabel.load(tmp_path / "a.nii.gz").header
    assert header.get_sform(coded=True)[1] == header.get_qform(coded=True)[1] == 1
    assert np.allclose(header.get_qform(), RIGID, atol=1e-5)
    assert header.get_xyzt_units()[0] == "mm"
    corner = SimpleITK.ReadImage(str(tmp_path / "a.nii.gz")).TransformIndexToPhysicalPoint((3, 4, 5))
    assert np.allclose(np.multiply(corner, (-1, -1, 1)), (RIGID @ (3, 4, 5, 1))[:3])


def test_the_same_volume_gives_the_same_bytes(tmp_path):
    for name in ("a.nii.gz", "b.nii.gz"):
        write_nifti(tmp_path / name, np.ones((4, 5, 6), "int16"), RIGID)
    assert (tmp_path / "a.nii.gz").read_bytes() == (tmp_path / "b.nii.gz").read_bytes()
    assert (tmp_path / "a.nii.gz").read_bytes()[4:8] == bytes(4)


def test_without_isal_writing_works(tmp_path, monkeypatch):
    monkeypatch.setattr("eisen.io.inflate._fast_reader", None)
    write_nifti(tmp_path / "a.nii.gz", np.ones((4, 5, 6), "int16"), RIGID)
    assert nibabel.load(tmp_path / "a.nii.gz").get_fdata().sum() == 120


@pytest.mark.parametrize(
    ("given", "stored"), [("bool", "uint8"), ("int64", "int32"), ("uint64", "int32"), ("float16", "float32")]
)
def test_types_that_other_programs_cannot_read_are_widened_or_narrowed(tmp_path, given, stored):
    write_nifti(tmp_path / "a.nii", np.ones((2, 3, 4), given), RIGID)
    assert nibabel.load(tmp_path / "a.nii").get_data_dtype() == stored


def test_floats_are_rounded_into_integer_types(tmp_path):
    write_nifti(tmp_path / "a.nii", np.full((2, 2, 2), 1.9999), RIGID, dtype="uint8")
    assert np.asanyarray(nibabel.load(tmp_path / "a.nii").dataobj).max() == 2


@pytest.mark.parametrize("value", [300, -1, np.nan, np.inf])
def test_values_that_do_not_fit_are_refused(tmp_path, value):
    with pytest.raises(ArgumentError, match="do not fit into uint8"):
        write_nifti(tmp_path / "a.nii", np.full((2, 2, 2), value), RIGID, dtype="uint8")
    assert not list(tmp_path.iterdir())


def test_very_long_axes_need_nifti_2(tmp_path):
    write_nifti(tmp_path / "a.nii.gz", np.zeros((33000, 1, 2), "uint8"), RIGID)
    assert isinstance(read_nifti(tmp_path / "a.nii.gz"), nibabel.Nifti2Image)
    assert read_nifti(tmp_path / "a.nii.gz").shape == (33000, 1, 2)


def test_wrong_names_and_affines_are_refused(tmp_path):
    with pytest.raises(ArgumentError, match=r"cannot write a\.png"):
        write_nifti(tmp_path / "a.png", np.zeros((2, 2, 2)), RIGID)
    with pytest.raises(ArgumentError, match="the affine has shape"):
        write_nifti(tmp_path / "a.nii", np.zeros((2, 2, 2)), np.eye(3))


def test_a_missing_folder_is_an_artifact_error(tmp_path):
    with pytest.raises(ArtifactError, match="could not be written"):
        write_nifti(tmp_path / "no" / "a.nii.gz", np.zeros((2, 2, 2), "uint8"), RIGID)


def test_a_failed_write_leaves_the_old_file(tmp_path, monkeypatch):
    write_nifti(tmp_path / "a.nii.gz", np.zeros((2, 2, 2), "uint8"), RIGID)
    before = (tmp_path / "a.nii.gz").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArtifactError, match="disk is full"):
        write_nifti(tmp_path / "a.nii.gz", np.ones((2, 2, 2), "uint8"), RIGID)
    assert (tmp_path / "a.nii.gz").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.nii.gz"]


def test_writer_names_files_after_prefix_field_and_name(tmp_path):
    data = {"image": image(), "label": image("uint8"), "id": 7, "file": "./imagesTr/case_3.nii.gz"}
    prefix = str(tmp_path / "out")
    assert WriteNiftiToFile(["image"], filename_prefix=prefix)(data) == data
    WriteNiftiToFile(["image", "label"], ["id", "file"], prefix)(data)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["out_image.nii.gz", "out_image_7.nii.gz", "out_label_case_3.nii.gz"]
    back = nibabel.load(tmp_path / "out_label_case_3.nii.gz")
    assert back.get_data_dtype() == "uint8"
    assert np.array_equal(back.get_fdata(), data["label"].get_fdata())


def test_the_default_prefix_writes_into_the_current_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    WriteNiftiToFile(["image"])({"image": image()})
    assert (tmp_path / "_image.nii.gz").is_file()


def test_scaled_images_keep_their_values(tmp_path):
    source = nibabel.Nifti1Image(np.linspace(-3, 900, 120).reshape(4, 5, 6), RIGID)
    source.set_data_dtype("int16")
    source.to_filename(tmp_path / "a.nii.gz")
    data = LoadNiftiFromFilename(["image"], tmp_path)({"image": "a.nii.gz"})
    WriteNiftiToFile(["image"], filename_prefix=str(tmp_path / "b"))(data)
    back = nibabel.load(tmp_path / "b_image.nii.gz").get_fdata()
    assert np.allclose(back, data["image"].get_fdata(), atol=0.02)


def test_what_is_not_an_image_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds ndarray") as caught:
        WriteNiftiToFile(["image"], filename_prefix=str(tmp_path / "x"))({"image": np.zeros((2, 2, 2))})
    assert "NumpyToNifti" in caught.value.card.to_do


def test_name_fields_are_checked(tmp_path):
    with pytest.raises(ArgumentError, match="name_fields"):
        WriteNiftiToFile(["image"], ["a", "b"])
    with pytest.raises(MissingFieldError, match="'id'"):
        WriteNiftiToFile(["image"], ["id"], str(tmp_path / "x"))({"image": image()})


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_the_bytes_are_those_that_nibabel_writes(tmp_path, kind, order, name):
    source = kind(np.asarray(np.arange(120).reshape(4, 5, 6), "int16", order), RIGID)
    source.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"made for a test"))
    encode(source, tmp_path / name)
    content = (tmp_path / name).read_bytes()
    assert (gzip.decompress(content) if name.endswith(".gz") else content) == source.to_bytes()


@pytest.mark.parametrize(
    ("dtype", "stored"),
    [
        ("uint8", "int16"),
        ("uint8", "float32"),
        ("float32", "int16"),
        ("float32", "float32"),
        ("complex64", "complex64"),
    ],
)
def test_scaled_and_converted_images_too(tmp_path, dtype, stored):
    source = nibabel.Nifti1Image(np.linspace(0, 200, 120).reshape(4, 5, 6).astype(dtype), RIGID)
    source.set_data_dtype(stored)
    encode(source, tmp_path / "a.nii")
    assert (tmp_path / "a.nii").read_bytes() == source.to_bytes()


def test_big_endian_headers_keep_their_order(tmp_path):
    source = nibabel.Nifti1Image(
        np.arange(120, dtype=">i2").reshape(4, 5, 6), RIGID, nibabel.Nifti1Header(endianness=">")
    )
    encode(source, tmp_path / "a.nii")
    assert (tmp_path / "a.nii").read_bytes() == source.to_bytes()
