from __future__ import annotations

import itertools
import shutil
from contextlib import suppress
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
import SimpleITK
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataelem import DataElement
from scipy.spatial.transform import Rotation

from eisen._core.errors import ArgumentError, CorruptFileError, EisenError, GeometryError
from eisen.io import (
    LoadDICOMSeries,
    LoadITKFromFilename,
    LoadNiftiFromFilename,
    read_dicom_series,
    write_dicom_series,
    write_nifti,
)
from eisen.transforms import CheckSameGrid, NiftiToNumpy, ResampleNiftiVolumes

AFFINE = np.array([[-0.9, 0, 0, 40.0], [0, -1.1, 0, 31.5], [0, 0, 2.5, -700.25], [0, 0, 0, 1]])
TURNS = [(*axes, signs) for axes in itertools.permutations(range(3)) for signs in itertools.product((1, -1), repeat=3)]


def voxels(shape=(4, 5, 6), low=-1000, high=3000) -> np.ndarray:
    return np.random.default_rng(0).integers(low, high, shape).astype("int16")


def edited(file: str | Path, **attributes) -> Path:
    dataset = pydicom.dcmread(file)
    for keyword, value in attributes.items():
        if value is None:
            del dataset[keyword]
        elif isinstance(value, DataElement):
            dataset.add(value)
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(file)
    return Path(file)


def array_of(image) -> np.ndarray:
    return np.asanyarray(image.dataobj)


def in_standard_order(array, affine):
    """The array with axes right, anterior, superior, and its affine: equal for equal volumes in the body."""
    image = nibabel.as_closest_canonical(nibabel.Nifti1Image(array, affine))
    return array_of(image), image.affine


def assert_all_formats_agree(folder: Path, array: np.ndarray, affine: np.ndarray) -> None:
    shutil.rmtree(folder / "series", ignore_errors=True)
    write_dicom_series(folder / "series", array, affine)
    write_nifti(folder / "a.nii.gz", array, affine)
    lps = np.diag([-1, -1, 1, 1]) @ affine
    image = SimpleITK.GetImageFromArray(array.T)
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    image.SetSpacing(spacing.tolist())
    image.SetDirection((lps[:3, :3] / spacing).ravel().tolist())
    image.SetOrigin(lps[:3, 3].tolist())
    for name in ("a.mha", "a.nrrd"):
        SimpleITK.WriteImage(image, folder / name)
    data = {"dicom": "series", "nifti": "a.nii.gz", "mha": "a.mha", "nrrd": "a.nrrd"}
    for step in (
        LoadDICOMSeries(["dicom"], folder),
        LoadNiftiFromFilename(["nifti"], folder),
        LoadITKFromFilename(["mha", "nrrd"], folder),
    ):
        data = step(data)
    reference, reference_affine = in_standard_order(array, affine)
    for name in ("dicom", "nifti", "mha", "nrrd"):
        itk = name in ("mha", "nrrd")
        found = SimpleITK.GetArrayFromImage(data[name]).T if itk else array_of(data[name])
        turned, turned_affine = in_standard_order(found, data[f"{name}_meta"].affine)
        assert np.array_equal(turned, reference), name
        assert np.allclose(turned_affine, reference_affine, atol=1e-4), name


@pytest.mark.parametrize("turn", TURNS, ids=str)
def test_one_volume_is_the_same_in_every_format_in_all_48_orientations(tmp_path, turn):
    *axes, signs = turn
    affine = np.eye(4)
    affine[:3, :3] = np.eye(3)[:, axes] * signs * (0.9, 1.1, 2.5)
    affine[:3, 3] = 12.5, -7.25, 100
    assert_all_formats_agree(tmp_path, voxels(), affine)


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_one_volume_is_the_same_in_every_format_at_any_angle(tmp_path, seed, mirrored):
    rng = np.random.default_rng(seed)
    affine = np.eye(4)
    affine[:3, :3] = Rotation.random(random_state=rng).as_matrix() * rng.uniform(0.3, 5, 3)
    affine[:3, 2] *= -1 if mirrored else 1
    affine[:3, 3] = rng.uniform(-500, 500, 3)
    assert_all_formats_agree(tmp_path, voxels((3, 4, 3)), affine)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(6)), st.permutations(range(6)))
def test_neither_file_names_nor_numbers_nor_their_order_matter(tmp_path, names, numbers):
    shutil.rmtree(tmp_path / "s", ignore_errors=True)
    files = write_dicom_series(tmp_path / "s", voxels(), AFFINE)
    renamed = [
        edited(file, InstanceNumber=n).rename(tmp_path / "s" / f"x{k}")
        for file, k, n in zip(files, names, numbers, strict=True)
    ]
    for image in (read_dicom_series(tmp_path / "s"), read_dicom_series([renamed[k] for k in numbers])):
        assert np.array_equal(array_of(image), voxels())
        assert np.allclose(image.affine, AFFINE, atol=1e-9)


def test_slices_go_along_the_normal_even_if_the_volume_was_written_backwards(tmp_path):
    backwards = AFFINE @ np.array([[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, -1, 5], [0, 0, 0, 1.0]])
    write_dicom_series(tmp_path, voxels(), backwards)
    image = read_dicom_series(tmp_path)
    assert np.array_equal(array_of(image), voxels()[:, :, ::-1])
    assert np.allclose(image.affine, AFFINE, atol=1e-9)


def test_one_file_stands_for_its_series_and_not_for_its_neighbours(tmp_path):
    write_dicom_series(tmp_path, voxels(), AFFINE)
    other = write_dicom_series(tmp_path / "other", voxels((4, 5, 3)), AFFINE)
    for file in other:
        Path(file).rename(tmp_path / f"b{Path(file).name}")
    (tmp_path / "notes.txt").write_text("not DICOM")
    (tmp_path / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    assert read_dicom_series(tmp_path / "002.dcm").shape == (4, 5, 6)
    assert read_dicom_series(tmp_path / "b002.dcm").shape == (4, 5, 3)


def test_the_nifti_transforms_work_on_a_series_as_it_is(tmp_path):
    write_dicom_series(tmp_path / "ct", voxels(), AFFINE)
    write_nifti(tmp_path / "ct.nii.gz", voxels(), AFFINE)
    data = LoadDICOMSeries(["a"], tmp_path)({"a": "ct", "b": "ct.nii.gz"})
    data = LoadNiftiFromFilename(["b"], tmp_path)(data)
    data = CheckSameGrid(["a", "b"])(data)
    data = ResampleNiftiVolumes(["a", "b"], [1.0, 1.0, 1.0])(data)
    data = NiftiToNumpy(["a", "b"])(data)
    assert np.allclose(data["a"], data["b"], atol=1e-3)
    assert data["a_meta"].shape == data["b_meta"].shape
    assert data["a_meta"].native_shape == (4, 5, 6)


def test_canonical_turns_the_axes_and_remembers_the_grid_of_the_files(tmp_path):
    write_dicom_series(tmp_path, voxels(), AFFINE)
    data = LoadDICOMSeries(["image"], tmp_path, canonical=True)({"image": "."})
    assert data["image_orientations"] == ("R", "A", "S")
    assert np.array_equal(array_of(data["image"]), voxels()[::-1, ::-1])
    assert np.allclose(data["image_meta"].native_affine, AFFINE)
    assert data["image_meta"].source == str(tmp_path / "000.dcm")


def test_a_gantry_tilt_stays_in_the_affine_and_is_reported_in_degrees(tmp_path):
    tilted = AFFINE.copy()
    tilted[1, 2] = 2.5 * np.tan(np.radians(12))
    write_dicom_series(tmp_path, voxels(), tilted)
    with pytest.warns(UserWarning, match=r"sheared by 12\.0 degrees"):
        data = LoadDICOMSeries(["image"], tmp_path)({"image": "."})
    assert np.allclose(data["image_meta"].affine, tilted)


def test_a_single_slice_needs_its_thickness(tmp_path):
    (file,) = write_dicom_series(tmp_path, voxels((4, 5, 1)), AFFINE)
    assert np.allclose(read_dicom_series(file).affine, AFFINE)
    edited(file, SliceThickness=None)
    with pytest.raises(GeometryError, match=r"000\.dcm is a single slice without SliceThickness"):
        read_dicom_series(file)


def test_positions_rounded_by_the_scanner_are_one_volume(tmp_path):
    for file in write_dicom_series(tmp_path, voxels(), AFFINE):
        position = pydicom.dcmread(file).ImagePositionPatient
        edited(file, ImagePositionPatient=[round(float(mm), 1) for mm in position])
    assert np.allclose(read_dicom_series(tmp_path).affine, AFFINE, atol=0.06)


@pytest.mark.parametrize("kept", [140, 400, 900, -1])
def test_a_truncated_file_is_named(tmp_path, kept):
    files = write_dicom_series(tmp_path, voxels(), AFFINE)
    content = Path(files[5]).read_bytes()
    Path(files[5]).write_bytes(content[:kept])
    with pytest.raises(CorruptFileError, match=r"005\.dcm") as caught:
        read_dicom_series(tmp_path)
    assert caught.value.card.file == files[5]


@pytest.fixture
def short_series(tmp_path):
    uids = {f"{name}InstanceUID": f"1.2.3.{k}" for k, name in enumerate(("Study", "Series"))}
    files = write_dicom_series(tmp_path, voxels((3, 4, 3)), AFFINE, attributes=uids | {"FrameOfReferenceUID": "1"})
    return [edited(name, SOPInstanceUID=f"1.2.3.4.{k}") for k, name in enumerate(files)]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(132, 800), st.integers(0, 255)), min_size=1, max_size=8))
def test_damaged_headers_give_documented_errors_only(short_series, changes):
    whole = short_series[1].read_bytes()
    content = bytearray(whole)
    for place, value in changes:
        content[place] = value
    short_series[1].write_bytes(content)
    with suppress(EisenError):
        read_dicom_series(short_series[0].parent)
    short_series[1].write_bytes(whole)


@pytest.mark.parametrize("split", ["", 3, True])
def test_a_wrong_split_is_refused_in_the_constructor(split):
    with pytest.raises(ArgumentError, match="split"):
        LoadDICOMSeries(["image"], ".", split=split)


@pytest.mark.parametrize(
    ("array", "affine", "modality", "match"),
    [
        (np.zeros((4, 5)), AFFINE, "CT", "three axes|is \\(4, 5\\)"),
        (np.full((4, 5, 6), np.nan), AFFINE, "CT", "array"),
        (np.zeros((4, 5, 6)), np.eye(3), "CT", "affine"),
        (np.zeros((4, 5, 6)), np.array([[1, 0.3, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]]), "CT", "degrees"),
        (np.zeros((4, 5, 6)), AFFINE, "XA", "modality"),
    ],
)
def test_what_cannot_be_a_series_is_not_written(tmp_path, array, affine, modality, match):
    with pytest.raises(ArgumentError, match=match):
        write_dicom_series(tmp_path, array, affine, modality)
    assert not list(tmp_path.iterdir())
