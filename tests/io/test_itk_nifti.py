"""NIfTI files through the ITK reader: exactly the named file, verified, at the place every other reader gives."""

from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest
import SimpleITK

from eisen._core.errors import CorruptFileError, GeometryError, MissingFileError, VoxelValueError
from eisen.io import LoadITKFromFilename, LoadNiftiFromFilename, write_nifti

OBLIQUE = np.array([[1.2, -1.2, 0.0, -20.0], [1.6, 0.9, 0.0, 7.5], [0.0, 0.0, 3.0, 31.25], [0, 0, 0, 1]])


def load(path: Path):
    return LoadITKFromFilename(["image"], path.parent)({"image": path.name})


def saved(path: Path, array, affine=OBLIQUE) -> Path:
    nibabel.save(nibabel.Nifti1Image(array, affine), path)
    return path


def voxels(shape, dtype="int16"):
    return np.random.default_rng(0).integers(0, 99, shape).astype(dtype)


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 1), (5, 6, 7), (5, 6, 7, 1), (5, 6, 7, 3), (5, 6, 7, 1, 2)])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint32", "float64"])
def test_pixels_and_place_are_itks_own(tmp_path, shape, dtype):
    path = saved(tmp_path / "a.nii.gz", voxels(shape, dtype))
    ours, reference = load(path)["image"], SimpleITK.ReadImage(str(path), SimpleITK.sitkFloat32)
    assert ours.GetSize() == reference.GetSize()
    assert ours.GetPixelID() == SimpleITK.sitkFloat32
    assert np.array_equal(SimpleITK.GetArrayFromImage(ours), SimpleITK.GetArrayFromImage(reference))
    for get in ("GetSpacing", "GetOrigin", "GetDirection"):
        assert np.allclose(getattr(ours, get)(), getattr(reference, get)(), atol=1e-5)


def test_scaling_is_applied(tmp_path):
    image = nibabel.Nifti1Image(np.linspace(-3, 900, 210).reshape(5, 6, 7), OBLIQUE)
    image.set_data_dtype("int16")
    image.to_filename(tmp_path / "a.nii")
    expected = SimpleITK.GetArrayFromImage(SimpleITK.ReadImage(str(tmp_path / "a.nii"), SimpleITK.sitkFloat32))
    assert np.allclose(SimpleITK.GetArrayFromImage(load(tmp_path / "a.nii")["image"]), expected, rtol=1e-6, atol=1e-4)


def test_colours_are_vectors_in_their_place(tmp_path):
    colours = np.zeros((5, 6, 7), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    colours["G"] = 9
    data = load(saved(tmp_path / "a.nii.gz", colours))
    assert data["image"].GetPixelID() == SimpleITK.sitkVectorFloat32
    assert data["image"].GetPixel(1, 2, 3) == (0.0, 9.0, 0.0)
    assert np.allclose(data["image_meta"].affine, OBLIQUE, atol=1e-5)


@pytest.mark.parametrize("dtype", ["int16", "rgb"])
@pytest.mark.parametrize("asked", ["a.nii", "a.nii.gz"])
def test_exactly_the_named_file_is_read_though_both_exist(tmp_path, asked, dtype):
    kind = [("R", "u1"), ("G", "u1"), ("B", "u1")] if dtype == "rgb" else dtype
    for name, value in (("a.nii", 1), ("a.nii.gz", 2)):
        array = np.zeros((4, 5, 6), kind)
        array[...] = (value,) * 3 if dtype == "rgb" else value
        saved(tmp_path / name, array)
    assert SimpleITK.GetArrayFromImage(load(tmp_path / asked)["image"]).max() == (1 if asked == "a.nii" else 2)


@pytest.mark.parametrize(("there", "asked"), [("a.nii", "a.nii.gz"), ("a.nii.gz", "a.nii")])
def test_a_file_of_nearly_the_same_name_is_not_read_instead(tmp_path, there, asked):
    saved(tmp_path / there, voxels((4, 5, 6)))
    with pytest.raises(MissingFileError, match="does not exist"):
        load(tmp_path / asked)


@pytest.mark.parametrize("kept", [0.3, 0.9, -8, -1])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_truncated_file_is_an_error_where_itk_gives_wrong_voxels(tmp_path, name, kept):
    path = saved(tmp_path / name, voxels((20, 20, 20)))
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content)) if kept > 0 else kept])
    with pytest.raises(CorruptFileError, match="truncated"):
        load(path)


def test_sform_comes_before_qform_as_in_the_nifti_reader(tmp_path):
    image = nibabel.Nifti1Image(voxels((4, 5, 6)), None)
    image.header.set_sform(np.diag([2.0, 3.0, 4.0, 1.0]), code=1)
    image.header.set_qform(np.diag([1.5, 2.5, 3.5, 1.0]), code=1)
    image.to_filename(tmp_path / "a.nii")
    nifti = LoadNiftiFromFilename(["image"], tmp_path)({"image": "a.nii"})["image_meta"]
    assert nifti.spacing == (2.0, 3.0, 4.0)
    assert np.allclose(load(tmp_path / "a.nii")["image_meta"].affine, nifti.affine)


@pytest.mark.parametrize(("unit", "factor"), [("meter", 1000), ("mm", 1), ("micron", 0.001), ("unknown", 1)])
def test_positions_are_in_mm_whatever_the_unit_of_the_header(tmp_path, unit, factor):
    image = nibabel.Nifti1Image(voxels((4, 5, 6)), np.diag([2.0, 3.0, 4.0, 1.0]) / factor)
    image.header.set_xyzt_units(unit)
    image.to_filename(tmp_path / "a.nii.gz")
    read = LoadNiftiFromFilename(["image"], tmp_path)({"image": "a.nii.gz"})
    assert read["image_meta"].spacing == pytest.approx((2, 3, 4))
    assert read["image"].header.get_zooms() == pytest.approx((2, 3, 4))
    assert load(tmp_path / "a.nii.gz")["image_meta"].spacing == pytest.approx((2, 3, 4))


def test_a_shear_is_refused_with_its_angle_and_a_way_out(tmp_path):
    affine = np.eye(4)
    affine[0, 1] = np.tan(np.radians(8))
    write_nifti(tmp_path / "a.nii.gz", voxels((4, 5, 6)), affine)
    with pytest.raises(GeometryError, match=r"sheared by 8\.0 degrees") as caught:
        load(tmp_path / "a.nii.gz")
    assert "LoadNiftiFromFilename" in caught.value.card.to_do
    assert LoadNiftiFromFilename(["image"], tmp_path)({"image": "a.nii.gz"})["image_meta"].shear_degrees > 7.9


def test_a_shear_of_rounding_is_read_where_itk_refuses(tmp_path):
    affine = np.eye(4)
    affine[0, 1] = np.tan(np.radians(0.05))
    write_nifti(tmp_path / "a.nii.gz", voxels((4, 5, 6)), affine)
    assert np.allclose(load(tmp_path / "a.nii.gz")["image_meta"].affine, affine, atol=1e-6)


def test_values_beyond_32_bit_floats_are_refused(tmp_path):
    saved(tmp_path / "a.nii.gz", np.full((4, 5, 6), 1e300))
    with pytest.raises(VoxelValueError, match="too large"):
        load(tmp_path / "a.nii.gz")


@pytest.mark.parametrize("name", ["a.mha", "a.mhd"])
@pytest.mark.parametrize("damage", ["flipped", "cut"])
def test_damaged_compressed_metaimages_are_an_error_where_itk_gives_wrong_voxels(tmp_path, name, damage):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(voxels((20, 20, 20))), str(tmp_path / name), useCompression=True)
    assert load(tmp_path / name)["image"].GetSize() == (20, 20, 20)
    path = tmp_path / ("a.mha" if name == "a.mha" else "a.zraw")
    content = bytearray(path.read_bytes())
    content[-100] ^= 0xFF
    path.write_bytes(content if damage == "flipped" else content[:-9])
    with pytest.raises(CorruptFileError, match=f"{path.name} are damaged"):
        load(tmp_path / name)


def test_missing_voxels_of_a_metaimage_are_named(tmp_path):
    SimpleITK.WriteImage(SimpleITK.Image(4, 5, 6, SimpleITK.sitkInt16), str(tmp_path / "a.mhd"), useCompression=True)
    (tmp_path / "a.zraw").unlink()
    with pytest.raises(MissingFileError, match=r"a\.zraw, which is not there"):
        load(tmp_path / "a.mhd")


def test_without_isal_metaimages_are_verified_as_well(tmp_path, monkeypatch):
    monkeypatch.setattr("eisen.io.inflate._fast_reader", None)
    test_damaged_compressed_metaimages_are_an_error_where_itk_gives_wrong_voxels(tmp_path, "a.mha", "flipped")


def test_a_gzipped_file_with_a_plain_name_is_read(tmp_path):
    saved(tmp_path / "b.nii", voxels((4, 5, 6)))
    (tmp_path / "a.nii").write_bytes(gzip.compress((tmp_path / "b.nii").read_bytes()))
    assert load(tmp_path / "a.nii")["image"].GetSize() == (4, 5, 6)


@pytest.mark.realdata
def test_real_scans_are_read_and_placed_as_by_itk(realdata):
    names = ["bigendian_nifti", "oblique_nifti", "spinal_cord_mr/t2", "totalseg_ct_mr"]
    for path in (path for name in names for path in sorted((realdata / name).rglob("*.nii*"))):
        ours, reference = load(path)["image"], SimpleITK.ReadImage(str(path), SimpleITK.sitkFloat32)
        assert np.array_equal(SimpleITK.GetArrayFromImage(ours), SimpleITK.GetArrayFromImage(reference)), path
        last = [n - 1 for n in ours.GetSize()]
        expected = reference.TransformIndexToPhysicalPoint(last)
        assert np.allclose(ours.TransformIndexToPhysicalPoint(last), expected, atol=1e-3), path
