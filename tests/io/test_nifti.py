from __future__ import annotations

import gzip
import pickle
from pathlib import Path

import nibabel
import numpy as np
import pytest

from eisen._core.errors import CorruptFileError, DataError, EisenError, GeometryError, MissingFileError
from eisen._core.types import Geometry
from eisen.io import LoadNiftiFromFilename, geometry_of, read_nifti

AFFINE = np.array([[1.9, 0.3, -0.2, -11.0], [-0.3, 1.4, 0.5, 7.5], [0.1, -0.4, 2.9, 3.25], [0, 0, 0, 1]])
DTYPES = ["uint8", "int8", "int16", "uint16", "int32", "int64", "float32", "float64"]


def saved(path: Path, array: np.ndarray, kind=nibabel.Nifti1Image, endian="<", slope=None, inter=None) -> Path:
    header = kind.header_class(endianness=endian)
    header.set_data_dtype(array.dtype)
    image = kind(array, AFFINE, header)
    if slope is not None:
        image.header.set_slope_inter(slope, inter)
    image.to_filename(path)
    return path


def voxels(shape, dtype):
    return (np.random.default_rng(0).standard_normal(shape) * 50).astype(np.float64).astype(dtype)


def assert_same_as_nibabel(path: Path) -> None:
    ours, theirs = read_nifti(path), nibabel.load(path)
    assert type(ours) is type(theirs)
    assert ours.header == theirs.header
    assert np.array_equal(ours.affine, theirs.affine)
    mine, reference = np.asanyarray(ours.dataobj), np.asanyarray(theirs.dataobj)
    assert mine.dtype == reference.dtype
    assert mine.tobytes() == reference.tobytes()
    assert np.asarray(ours.dataobj, "float32").tobytes() == np.asarray(theirs.dataobj, "float32").tobytes()
    assert ours.get_filename() == str(path)


@pytest.mark.parametrize("suffix", [".nii", ".nii.gz"])
@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("dtype", DTYPES)
def test_voxels_are_bit_identical_to_nibabels(tmp_path, dtype, endian, suffix):
    assert_same_as_nibabel(saved(tmp_path / f"a{suffix}", voxels((5, 6, 7), dtype), endian=endian))


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize(("slope", "inter"), [(2.5, -1024.0), (1.0, -1024.0), (0.001, 0.0)])
def test_scaling_of_the_header_is_applied_like_nibabel_does(tmp_path, kind, slope, inter):
    path = saved(tmp_path / "a.nii.gz", voxels((4, 5, 6), "float32"), kind)
    raw = bytearray(gzip.decompress(path.read_bytes()))
    header = kind.header_class(bytes(raw[: 348 if kind is nibabel.Nifti1Image else 540]))
    header.set_data_dtype("int16")
    header["scl_slope"], header["scl_inter"] = slope, inter
    raw[: len(header.binaryblock)] = header.binaryblock
    path.write_bytes(gzip.compress(bytes(raw)))
    assert_same_as_nibabel(path)
    image, reference = read_nifti(path), nibabel.load(path)
    assert (image.dataobj.slope, image.dataobj.inter) == (reference.dataobj.slope, reference.dataobj.inter)
    assert np.array_equal(image.get_fdata(), reference.get_fdata())
    assert np.array_equal(image.dataobj[1:3, ..., 2], reference.dataobj[1:3, ..., 2])
    assert np.array_equal(image.slicer[:2].get_fdata(), reference.slicer[:2].get_fdata())
    assert np.array_equal(np.asarray(image.dataobj.copy()), np.asarray(reference.dataobj))
    assert np.array_equal(image.dataobj.reshape((20, 6)), np.asarray(reference.dataobj.reshape((20, 6))))


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 7, 3), (5, 6, 7, 1, 2), (1, 1, 1)])
def test_any_number_of_axes_is_read(tmp_path, shape):
    assert_same_as_nibabel(saved(tmp_path / "a.nii.gz", voxels(shape, "int16")))


def test_header_extensions_survive(tmp_path):
    image = nibabel.Nifti1Image(voxels((3, 4, 5), "int16"), AFFINE)
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"made for a test"))
    image.to_filename(tmp_path / "a.nii.gz")
    assert_same_as_nibabel(tmp_path / "a.nii.gz")
    assert read_nifti(tmp_path / "a.nii.gz").header.extensions == image.header.extensions


def test_several_gzip_members_are_one_file(tmp_path):
    path = saved(tmp_path / "a.nii.gz", voxels((5, 6, 7), "int16"))
    whole = gzip.decompress(path.read_bytes())
    path.write_bytes(b"".join(gzip.compress(whole[n : n + 100]) for n in range(0, len(whole), 100)))
    assert_same_as_nibabel(path)


def test_without_isal_the_result_is_the_same(tmp_path, monkeypatch):
    path = saved(tmp_path / "a.nii.gz", voxels((5, 6, 7), "int16"))
    monkeypatch.setattr("eisen.io.inflate._fast_reader", None)
    assert_same_as_nibabel(path)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CorruptFileError, match="truncated"):
        read_nifti(path)


def test_image_survives_pickling(tmp_path):
    image = read_nifti(saved(tmp_path / "a.nii.gz", voxels((5, 6, 7), "int16")))
    assert np.array_equal(pickle.loads(pickle.dumps(image)).get_fdata(), image.get_fdata())


def test_a_copy_of_the_voxels_is_independent(tmp_path):
    image = read_nifti(saved(tmp_path / "a.nii.gz", voxels((5, 6, 7), "int16")))
    copy = np.array(image.dataobj)
    copy[:] = 0
    assert np.asanyarray(image.dataobj).any()


def test_the_file_is_not_needed_after_reading(tmp_path):
    path = saved(tmp_path / "a.nii.gz", voxels((5, 6, 7), "int16"))
    image, expected = read_nifti(path), nibabel.load(path).get_fdata()
    path.unlink()
    assert np.array_equal(image.get_fdata(), expected)


def test_pairs_of_header_and_image_are_left_to_nibabel(tmp_path):
    nibabel.Nifti1Pair(voxels((5, 6, 7), "int16"), AFFINE).to_filename(tmp_path / "a.img")
    assert np.array_equal(read_nifti(tmp_path / "a.img").get_fdata(), nibabel.load(tmp_path / "a.img").get_fdata())


@pytest.mark.parametrize("kept", [0, 1, 10, 60, 300, -9, -4, -1])
def test_truncated_gz_is_an_error_that_names_the_file(tmp_path, kept):
    path = saved(tmp_path / "case_7.nii.gz", voxels((9, 9, 9), "int16"))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CorruptFileError, match=r"case_7\.nii\.gz") as caught:
        read_nifti(path)
    card = caught.value.card
    assert card.file == str(path)
    assert card.expected
    assert card.to_do


@pytest.mark.parametrize("kept", [0, 100, 352, 400, -1])
def test_truncated_nii_is_an_error(tmp_path, kept):
    path = saved(tmp_path / "a.nii", voxels((9, 9, 9), "int16"))
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(CorruptFileError, match=r"truncated"):
        read_nifti(path)


@pytest.mark.parametrize(("place", "name"), [(-8, "checksum"), (-4, "length")])
def test_wrong_checksum_or_length_is_an_error(tmp_path, place, name):
    path = saved(tmp_path / "a.nii.gz", voxels((9, 9, 9), "int16"))
    content = bytearray(path.read_bytes())
    content[place] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(CorruptFileError, match=r"a\.nii\.gz"):
        read_nifti(path)


@pytest.mark.parametrize("content", [b"", b"hello", b"version https://git-lfs.github.com/spec/v1\n" * 20, b"\0" * 999])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_what_is_not_nifti_is_an_error(tmp_path, content, name):
    for data in (content, gzip.compress(content)):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(CorruptFileError, match="not a NIfTI file"):
            read_nifti(tmp_path / name)


def test_a_format_nibabel_does_not_know_is_an_error(tmp_path):
    (tmp_path / "a.png").write_bytes(b"hello")
    with pytest.raises(CorruptFileError, match=r"a\.png"):
        read_nifti(tmp_path / "a.png")


@pytest.mark.parametrize("shape", [(0, 4, 4), (4, 4, 0), (4, -3, 4)])
def test_zero_dimensions_are_an_error(tmp_path, shape):
    header = nibabel.Nifti1Header()
    header["dim"][:4] = (3, *shape)
    header["magic"], header["vox_offset"] = b"n+1", 352
    (tmp_path / "a.nii").write_bytes(header.binaryblock + bytes(1000))
    with pytest.raises(CorruptFileError, match="no voxels"):
        read_nifti(tmp_path / "a.nii")


def test_a_header_that_promises_more_than_can_be_there_needs_no_memory(tmp_path):
    header = nibabel.Nifti1Header()
    header.set_data_shape((30000, 30000, 30000))
    header["magic"], header["vox_offset"] = b"n+1", 352
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(header.binaryblock + bytes(1000)))
    with pytest.raises(CorruptFileError, match="cannot be in it"):
        read_nifti(tmp_path / "a.nii.gz")


def test_voxels_that_begin_inside_the_header_are_an_error(tmp_path):
    header = nibabel.Nifti1Header()
    header.set_data_shape((3, 3, 3))
    header["magic"], header["vox_offset"] = b"n+1", 16
    (tmp_path / "a.nii").write_bytes(header.binaryblock + bytes(1000))
    with pytest.raises(CorruptFileError, match="begin at byte 16"):
        read_nifti(tmp_path / "a.nii")


def test_missing_file_names_the_nearest_one(tmp_path):
    saved(tmp_path / "hippocampus_042.nii.gz", voxels((3, 3, 3), "int16"))
    with pytest.raises(FileNotFoundError) as caught:
        LoadNiftiFromFilename(["image"], tmp_path)({"image": "hippocampus_42.nii.gz"})
    assert isinstance(caught.value, MissingFileError)
    assert "hippocampus_042.nii.gz" in caught.value.card.to_do
    assert caught.value.card.field == "image"
    assert caught.value.card.step == "LoadNiftiFromFilename"


def test_missing_folder_is_named(tmp_path):
    (tmp_path / "imagesTr").mkdir()
    with pytest.raises(MissingFileError) as caught:
        read_nifti(tmp_path / "imageTr" / "sub" / "a.nii.gz")
    assert "imagesTr" in caught.value.card.to_do
    assert str(tmp_path / "imageTr") in caught.value.card.to_do


def test_a_folder_is_not_a_file(tmp_path):
    with pytest.raises(MissingFileError, match="is a folder"):
        read_nifti(tmp_path)


def test_only_the_named_file_is_read(tmp_path):
    saved(tmp_path / "a.nii.gz", voxels((3, 3, 3), "int16"))
    with pytest.raises(MissingFileError):
        read_nifti(tmp_path / "a.nii")


def test_reader_writes_image_affine_orientation_and_geometry(tmp_path):
    path = saved(tmp_path / "a.nii.gz", voxels((5, 6, 7), "int16"))
    data = {"image": "./sub/../a.nii.gz", "age": 61}
    result = LoadNiftiFromFilename(["image"], tmp_path)(data)
    assert data == {"image": "./sub/../a.nii.gz", "age": 61}
    stored = nibabel.load(path)
    assert np.array_equal(result["image_affines"], stored.affine)
    assert result["image_orientations"] == nibabel.aff2axcodes(stored.affine)
    assert result["image_meta"] == Geometry.of(stored.affine, (5, 6, 7))
    assert result["image_meta"].source == str(path)
    assert result["age"] == 61


def test_an_absolute_name_overrides_the_folder(tmp_path):
    path = saved(tmp_path / "a.nii.gz", voxels((3, 3, 3), "int16"))
    assert LoadNiftiFromFilename(["image"], "/nowhere")({"image": str(path)})["image"].shape == (3, 3, 3)


def test_first_three_axes_are_the_space_of_a_series(tmp_path):
    saved(tmp_path / "a.nii.gz", voxels((5, 6, 7, 3), "int16"))
    assert LoadNiftiFromFilename(["image"], tmp_path)({"image": "a.nii.gz"})["image_meta"].shape == (5, 6, 7)


def test_a_picture_has_no_geometry_record(tmp_path):
    saved(tmp_path / "a.nii.gz", voxels((5, 6), "int16"))
    result = LoadNiftiFromFilename(["image"], tmp_path)({"image": "a.nii.gz"})
    assert "image_meta" not in result
    assert result["image_affines"].shape == (4, 4)


@pytest.mark.parametrize("code", ["LAS", "PSR", "ILA", "RAS"])
def test_canonical_turns_the_axes_and_remembers_the_grid_of_the_file(tmp_path, code):
    turn = nibabel.orientations.axcodes2ornt(code)
    image = nibabel.Nifti1Image(voxels((5, 6, 7), "int16"), np.diag([1.0, 2.0, 3.0, 1.0])).as_reoriented(turn)
    image.to_filename(tmp_path / "a.nii.gz")
    result = LoadNiftiFromFilename(["image"], tmp_path, canonical=True)({"image": "a.nii.gz"})
    stored = nibabel.load(tmp_path / "a.nii.gz")
    reference = nibabel.as_closest_canonical(stored)
    assert result["image_orientations"] == ("R", "A", "S")
    assert np.array_equal(result["image"].get_fdata(), reference.get_fdata())
    assert np.array_equal(result["image_affines"], reference.affine)
    grid = result["image_meta"]
    assert np.array_equal(grid.affine, reference.affine)
    assert grid.shape == reference.shape
    assert np.array_equal(grid.native_affine, stored.affine)
    assert grid.native_shape == stored.shape


@pytest.mark.parametrize(("sform", "qform"), [(1, 1), (0, 1), (1, 0), (0, 0)])
def test_sform_comes_before_qform_before_voxel_size(tmp_path, sform, qform):
    image = nibabel.Nifti1Image(voxels((5, 6, 7), "int16"), None)
    image.header.set_zooms((1.5, 2.5, 3.5))
    image.header.set_sform(np.diag([2.0, 3.0, 4.0, 1.0]), code=sform)
    image.header.set_qform(np.diag([1.5, 2.5, 3.5, 1.0]), code=qform)
    image.to_filename(tmp_path / "a.nii")
    spacing = read_nifti(tmp_path / "a.nii").affine[:3, :3].diagonal()
    assert np.allclose(np.abs(spacing), (2, 3, 4) if sform else (1.5, 2.5, 3.5))
    assert np.array_equal(read_nifti(tmp_path / "a.nii").affine, nibabel.load(tmp_path / "a.nii").affine)


def test_an_affine_that_does_not_span_space_is_an_error(tmp_path):
    image = nibabel.Nifti1Image(voxels((5, 6, 7), "int16"), None)
    image.header.set_sform(np.diag([1.0, 0.0, 1.0, 1.0]), code=1)
    image.to_filename(tmp_path / "a.nii")
    with pytest.raises(GeometryError, match="does not span space") as caught:
        LoadNiftiFromFilename(["image"], tmp_path)({"image": "a.nii"})
    assert caught.value.card.file == str(tmp_path / "a.nii")


def test_geometry_of_a_picture_is_one_voxel_thick():
    assert geometry_of(nibabel.Nifti1Image(np.zeros((4, 5), "uint8"), np.eye(4)), "a").shape == (4, 5, 1)


def test_a_field_read_twice_is_explained(tmp_path):
    saved(tmp_path / "a.nii.gz", voxels((3, 3, 3), "int16"))
    reader = LoadNiftiFromFilename(["image"], tmp_path)
    with pytest.raises(DataError, match="not a file name"):
        reader(reader({"image": "a.nii.gz"}))


def test_wrong_arguments_are_refused_at_once(tmp_path):
    with pytest.raises(EisenError, match="fields"):
        LoadNiftiFromFilename("image", tmp_path)
    with pytest.raises(EisenError, match="data_dir"):
        LoadNiftiFromFilename(["image"], None)


@pytest.mark.realdata
def test_real_scans_are_bit_identical_to_nibabels(realdata):
    names = ["bigendian_nifti", "oblique_nifti", "spinal_cord_mr", "totalseg_ct_mr"]
    paths = [path for name in names for path in (realdata / name).rglob("*.nii*")]
    paths += sorted((realdata / "msd_hippocampus").rglob("*.nii.gz"))[::10]
    assert len(paths) > 15
    for path in paths:
        assert_same_as_nibabel(path)


@pytest.mark.realdata
def test_big_endian_and_oblique_scans_keep_their_place(realdata):
    result = LoadNiftiFromFilename(["image", "oblique"], realdata)(
        {"image": "bigendian_nifti/anatomical.nii", "oblique": "oblique_nifti/CT_pitch.nii.gz"}
    )
    assert result["image_orientations"] == ("L", "A", "S")
    assert result["image"].get_data_dtype().byteorder == ">"
    assert result["oblique_meta"].spacing == pytest.approx((0.812, 0.812, 2.397), abs=1e-3)
