from __future__ import annotations

import nibabel
import numpy as np
import PIL.Image
import pytest
import SimpleITK

from eisen._core.errors import CorruptFileError, MissingFileError
from eisen.io import LoadITKFromFilename, LoadNiftiFromFilename, LoadPILImageFromFilename, write_nifti

ROTATED = np.array([[0.0, -2.0, 0.0, 5.0], [1.0, 0.0, 0.0, -7.0], [0.0, 0.0, 3.0, 11.5], [0, 0, 0, 1]])


@pytest.mark.parametrize("kind", [SimpleITK.sitkUInt8, SimpleITK.sitkInt16, SimpleITK.sitkFloat64])
def test_itk_pixels_become_32_bit_floats(tmp_path, kind):
    source = SimpleITK.Image(4, 5, 6, kind) + 7
    SimpleITK.WriteImage(source, str(tmp_path / "a.mha"))
    image = LoadITKFromFilename(["image"], tmp_path)({"image": "a.mha"})["image"]
    assert image.GetPixelID() == SimpleITK.sitkFloat32
    assert image.GetPixel(1, 2, 3) == 7


def test_itk_colours_become_vectors_of_floats(tmp_path):
    SimpleITK.WriteImage(SimpleITK.Image([4, 5, 6], SimpleITK.sitkVectorUInt8, 3), str(tmp_path / "a.mha"))
    image = LoadITKFromFilename(["image"], tmp_path)({"image": "a.mha"})["image"]
    assert image.GetPixelID() == SimpleITK.sitkVectorFloat32


def test_itk_and_nifti_readers_agree_on_the_place(tmp_path):
    write_nifti(tmp_path / "a.nii.gz", np.zeros((4, 5, 6), "uint8"), ROTATED)
    itk = LoadITKFromFilename(["image"], tmp_path)({"image": "a.nii.gz"})["image_meta"]
    nifti = LoadNiftiFromFilename(["image"], tmp_path)({"image": "a.nii.gz"})["image_meta"]
    assert itk.shape == nifti.shape
    assert np.allclose(itk.affine, nifti.affine, atol=1e-5)
    assert np.allclose(itk.affine, ROTATED, atol=1e-5)


def test_itk_series_use_their_first_three_axes(tmp_path):
    affine = np.diag([1.0, 2.0, 3.0, 1.0])
    nibabel.Nifti1Image(np.zeros((4, 5, 6, 2), "uint8"), affine).to_filename(tmp_path / "a.nii.gz")
    meta = LoadITKFromFilename(["image"], tmp_path)({"image": "a.nii.gz"})["image_meta"]
    assert meta.shape == (4, 5, 6)
    assert np.allclose(meta.affine, affine)


def test_itk_pictures_have_no_geometry_record(tmp_path):
    SimpleITK.WriteImage(SimpleITK.Image(4, 5, SimpleITK.sitkUInt8), str(tmp_path / "a.png"))
    assert "image_meta" not in LoadITKFromFilename(["image"], tmp_path)({"image": "a.png"})


@pytest.mark.parametrize("name", ["a.mha", "a.xyz"])
def test_itk_says_which_file_it_cannot_read(tmp_path, name):
    (tmp_path / name).write_bytes(b"hello")
    with pytest.raises(CorruptFileError, match="cannot be read by ITK") as caught:
        LoadITKFromFilename(["image"], tmp_path)({"image": name})
    assert caught.value.card.file == str(tmp_path / name)


@pytest.mark.parametrize("mode", ["L", "RGB", "I;16"])
def test_pictures_are_opened_as_they_are(tmp_path, mode):
    PIL.Image.new(mode, (8, 6)).save(tmp_path / "a.png")
    image = LoadPILImageFromFilename(["image"], tmp_path)({"image": "a.png"})["image"]
    assert type(image).__name__ == "PngImageFile"
    assert (image.mode, image.size) == (mode, (8, 6))


def test_truncated_pictures_are_an_error(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64), np.uint8)
    PIL.Image.fromarray(pixels).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:2000])
    with pytest.raises(CorruptFileError, match=r"a\.png cannot be read as a picture"):
        LoadPILImageFromFilename(["image"], tmp_path)({"image": "a.png"})


@pytest.mark.parametrize("reader", [LoadITKFromFilename, LoadPILImageFromFilename])
def test_missing_files_are_named(tmp_path, reader):
    with pytest.raises(MissingFileError, match=r"b\.png does not exist"):
        reader(["image"], tmp_path)({"image": "b.png"})


@pytest.mark.realdata
def test_an_oblique_mha_is_where_its_header_says(realdata):
    path = sorted((realdata / "mha").glob("derived_*.mha"))[0]
    image = SimpleITK.ReadImage(str(path))
    meta = LoadITKFromFilename(["image"], realdata)({"image": str(path)})["image_meta"]
    index = (3, 5, 7)
    ras = np.multiply(image.TransformIndexToPhysicalPoint(index), (-1, -1, 1))
    assert np.allclose((meta.affine @ (*index, 1))[:3], ras)
