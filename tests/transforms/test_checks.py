import nibabel
import numpy as np
import pytest
import SimpleITK
import torch

from eisen._core.errors import ArgumentError, GeometryError, ShapeError, VoxelValueError
from eisen._core.types import Geometry
from eisen.transforms import CheckFinite, CheckLabels, CheckSameGrid, RandomElastic


def nifti(array, affine=None):
    return nibabel.Nifti1Image(array, np.eye(4) if affine is None else affine)


@pytest.mark.parametrize("wrap", [np.asarray, torch.from_numpy, nifti, SimpleITK.GetImageFromArray])
def test_nan_voxels_are_counted_and_the_first_is_located(wrap):
    array = np.zeros((3, 4, 5), "float32")
    assert CheckFinite(["x"])({"x": wrap(array)})
    array[1, 2, 3] = array[2, 0, 0] = np.nan
    with pytest.raises(VoxelValueError, match=r"2 of 60 voxels of 'x' are NaN; the first is at index \(1, 2, 3\)"):
        CheckFinite(["x"])({"x": wrap(array)})


def test_infinite_voxels_are_found_and_large_ones_are_not_mistaken_for_them():
    with pytest.raises(VoxelValueError, match="NaN or infinite"):
        CheckFinite(["x"])({"x": np.array([np.inf, -np.inf, 0])})
    assert CheckFinite(["x"])({"x": np.full(10, 3e38, "float32")})
    assert CheckFinite(["x"])({"x": np.full(10, 255, "uint8")})
    assert CheckFinite(["x"])({"x": np.zeros(0)})


@pytest.mark.parametrize("wrap", [np.asarray, torch.from_numpy, nifti])
def test_labels_that_are_expected_pass_unchanged(wrap):
    data = {"x": wrap(np.array([[[0, 1, 2]]], "uint8"))}
    assert CheckLabels(["x"], [1, 2, 3])(data)["x"] is data["x"]


def test_unknown_labels_are_listed_with_their_counts():
    label = np.array([0, 1, 1, 5, 5, 5, 9], "float32")
    with pytest.raises(VoxelValueError, match=r"5 \(3 voxels\), 9 \(1 voxel\)") as caught:
        CheckLabels(["x"], [1, 2])({"x": label})
    assert "0 and 1, 2; the map holds 0 (1 voxel), 1 (2 voxels)" in caught.value.card.expected
    with pytest.raises(VoxelValueError, match="and 12 more"):
        CheckLabels(["x"], [1])({"x": np.arange(22)})


@pytest.mark.parametrize("value", [0.5, -1.5, np.nan, np.inf])
def test_labels_are_whole_numbers(value):
    with pytest.raises(VoxelValueError, match=r"not expected: .* \(1 voxel\)"):
        CheckLabels(["x"])({"x": np.array([0, 1, value])})
    assert CheckLabels(["x"])({"x": np.array([0, -1, 70_000])})


def test_an_empty_label_is_an_error_unless_allowed():
    data = {"x": np.zeros((2, 3), "uint8")}
    with pytest.raises(VoxelValueError, match="'x' is empty: all 6 voxels are 0"):
        CheckLabels(["x"])(data)
    assert CheckLabels(["x"], allow_empty=True)(data) == data
    with pytest.raises(ArgumentError):
        CheckLabels(["x"], values=3)


def test_grids_are_compared_by_the_distance_of_their_corners():
    near, far = np.eye(4), np.diag([1.0, 1.0, 1.1, 1.0])
    near[0, 3] = 0.05
    image = nifti(np.zeros((4, 5, 11), "float32"))
    assert CheckSameGrid(["a", "b"])({"a": image, "b": nifti(np.zeros((4, 5, 11), "uint8"), near)})
    data = {"a": image, "b": nifti(np.zeros((4, 5, 11), "uint8"), far)}
    with pytest.raises(GeometryError, match="'a' and 'b' are up to 1 mm apart") as caught:
        CheckSameGrid(["a", "b"])(data)
    assert "[0.0, 0.0, 1.1, 0.0]" in caught.value.card.expected
    assert CheckSameGrid(["a", "b"], tolerance_mm=1.01)(data)


def test_different_shapes_name_both():
    data = {"a": nifti(np.zeros((4, 5, 6), "uint8")), "b": nifti(np.zeros((4, 5, 7), "uint8"))}
    with pytest.raises(ShapeError, match=r"'a' has the spatial shape \(4, 5, 6\) and 'b' has \(4, 5, 7\)"):
        CheckSameGrid(["a", "b"])(data)


def test_arrays_with_geometry_are_compared_too_and_channels_do_not_count():
    data = {
        "a": np.zeros((2, 4, 5, 6)),
        "b": torch.zeros(4, 5, 6),
        "a_meta": Geometry.of(np.eye(4), (4, 5, 6)),
        "b_meta": Geometry.of(np.diag([1.0, 1, 1, 1]), (4, 5, 6)),
    }
    assert CheckSameGrid(["a", "b"])(data) == data
    data["b_meta"] = Geometry.of(np.diag([1.0, -1, 1, 1]), (4, 5, 6))
    with pytest.raises(GeometryError):
        CheckSameGrid(["a", "b"])(data)
    del data["b_meta"]
    with pytest.raises(GeometryError, match="only one of 'a' and 'b' has geometry"):
        CheckSameGrid(["a", "b"])(data)


def test_arrays_without_geometry_are_compared_by_shape():
    assert CheckSameGrid(["a", "b"])({"a": np.zeros((3, 8, 8)), "b": np.zeros((8, 8))})
    with pytest.raises(ShapeError):
        CheckSameGrid(["a", "b"])({"a": np.zeros((3, 8, 8)), "b": np.zeros((8, 9))})


def test_itk_images_of_two_and_three_dimensions():
    for size in [(4, 5), (4, 5, 6)]:
        image = SimpleITK.Image(size, SimpleITK.sitkUInt8)
        assert CheckSameGrid(["a", "b"])({"a": image, "b": image})


@pytest.mark.parametrize("tolerance", [-1, "x", None, float("nan")])
def test_tolerance_is_checked_in_the_constructor(tolerance):
    with pytest.raises(ArgumentError, match="tolerance_mm is"):
        CheckSameGrid(["a"], tolerance)


def test_fields_that_were_bent_one_by_one_are_not_on_the_same_grid():
    grid = Geometry.of(np.eye(4), (8, 8, 8))
    data = {name: np.zeros((8, 8, 8), "float32") for name in ("image", "label")}
    data |= {"image_meta": grid, "label_meta": grid}
    together = RandomElastic(["image", "label"], elastic_mm=0.3)(data)
    CheckSameGrid(["image", "label"])(together)
    with pytest.raises(GeometryError, match="bent differently"):
        CheckSameGrid(["image", "label"])(RandomElastic(["label"], elastic_mm=0.3)(data))
