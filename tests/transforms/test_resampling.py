import nibabel
import numpy as np
import pytest
import SimpleITK
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from eisen._core.errors import ArgumentError, ShapeError
from eisen.transforms import ResampleITKVolumes, ResampleNiftiVolumes, functional


def nifti(array, affine):
    return {"x": nibabel.Nifti1Image(array, affine)}


def run(data, resolution, interpolation="linear"):
    return ResampleNiftiVolumes(["x"], resolution, interpolation)(data)


@pytest.mark.parametrize(
    ("n", "spacing", "resolution", "size"), [(10, 2, 1, 19), (32, 1, 2, 17), (10, 2, 7, 4), (1, 1, 2, 1)]
)
def test_size_is_the_extent_between_first_and_last_centre_over_the_resolution_plus_1(n, spacing, resolution, size):
    data = run(nifti(np.zeros((n, n, n), "float32"), np.diag([spacing, spacing, spacing, 1.0])), [resolution] * 3)
    assert data["x"].shape == (size,) * 3
    np.testing.assert_allclose(data["x"].header.get_zooms(), resolution)


@pytest.mark.parametrize("spacing", [0.7, 0.8, 0.9375, 1.1])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_flips_and_permutations_come_out_as_ras_without_any_change_of_values(spacing, axis):
    array = np.random.default_rng(1).integers(-99, 99, (4, 5, 6)).astype("int16")
    affine = np.diag([spacing] * 3 + [1.0])
    affine[:3, 3] = [3, -7, 11]
    flip = np.eye(4)
    flip[axis, axis], flip[axis, 3] = -1, array.shape[axis] - 1
    turn = np.eye(4)[[1, 2, 0, 3]]
    turned = nibabel.Nifti1Image(np.flip(array, axis).transpose(1, 2, 0), affine @ flip @ np.linalg.inv(turn))
    for name in ("linear", "nearest", "continuous"):
        result = run({"x": turned}, [spacing] * 3, name)["x"]
        assert nibabel.aff2axcodes(result.affine) == ("R", "A", "S")
        np.testing.assert_allclose(result.affine, affine, atol=1e-12)
        np.testing.assert_array_equal(result.dataobj, array)


@settings(deadline=None, max_examples=30)
@given(st.tuples(*[st.floats(-180, 180)] * 3), st.tuples(*[st.floats(0.5, 4)] * 3), st.sampled_from([0, 1]))
def test_oblique_volumes_agree_with_a_direct_look_up(angles, spacing, order):
    affine = np.eye(4)
    affine[:3, :3] = functional.rotation(angles) @ np.diag(spacing)
    array = np.random.default_rng(1).normal(size=(5, 6, 7)).astype("float32")
    result = run(nifti(array, affine), [1.0, 1.5, 2.0], ["nearest", "linear"][order])["x"]
    index = np.stack([*np.indices(result.shape), np.ones(result.shape)]).reshape(4, -1)
    at = (np.linalg.inv(affine) @ result.affine @ index)[:3]
    limits = np.array(array.shape)[:, None] - 1
    clear = (np.abs(at) > 1e-4).all(axis=0) & (np.abs(at - limits) > 1e-4).all(axis=0)  # not on the rim
    clear &= (np.abs(at - np.floor(at) - 0.5) > 1e-4).all(axis=0)  # not half way
    expected = ndimage.map_coordinates(array, at, order=order, mode="constant")
    np.testing.assert_allclose(np.asarray(result.dataobj).ravel()[clear], expected[clear], atol=1e-4)
    assert np.diag(np.diag(result.affine[:3, :3])).tolist() == result.affine[:3, :3].tolist()


def test_the_spline_is_that_of_scipy_and_stays_in_the_range_of_the_image_and_0():
    array = np.random.default_rng(1).normal(size=(8, 8, 8)).astype("float32") + 10
    result = np.asarray(run(nifti(array, np.eye(4)), [0.5] * 3, "continuous")["x"].dataobj)
    expected = ndimage.affine_transform(array, [0.5] * 3, output_shape=(15, 15, 15), order=3, mode="constant")
    np.testing.assert_allclose(result, np.clip(expected, 0, array.max()), atol=1e-4)


def test_outside_is_0():
    result = np.asarray(run(nifti(np.ones((4, 1, 1), "float32"), np.eye(4)), [2, 1, 1])["x"].dataobj)
    assert result.ravel().tolist() == [1, 1, 0]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "int32", "float32", "float64"])
def test_types_are_kept_and_whole_numbers_rounded(dtype):
    result = run(nifti(np.array([0, 3], dtype).reshape(2, 1, 1), np.eye(4)), [0.25, 1, 1])["x"]
    values = np.asarray(result.dataobj).ravel()
    assert result.get_data_dtype() == dtype
    assert values.tolist() == ([0, 1, 2, 2, 3] if np.dtype(dtype).kind in "iu" else [0, 0.75, 1.5, 2.25, 3])


def test_4d_volumes_are_resampled_one_by_one():
    array = np.random.default_rng(1).normal(size=(4, 5, 6, 3)).astype("float32")
    data = run(nifti(array, np.diag([2.0, 2, 2, 1])), [1, 1, 1, 9])
    assert data["x"].shape == (7, 9, 11, 3)
    alone = run(nifti(array[..., 1].copy(), np.diag([2.0, 2, 2, 1])), [1, 1, 1])
    np.testing.assert_array_equal(np.asarray(data["x"].dataobj)[..., 1], alone["x"].dataobj)
    assert data["x_original_spacing"] == (2.0, 2.0, 2.0, 1.0)
    assert data["x_original_shape"] == (4, 5, 6, 3)


def test_geometry_remembers_the_grid_of_the_file():
    affine = np.diag([-2.0, 2, 2, 1])
    geometry = run(nifti(np.zeros((4, 5, 6), "float32"), affine), [1, 1, 1])["x_meta"]
    assert (geometry.shape, geometry.native_shape) == ((7, 9, 11), (4, 5, 6))
    np.testing.assert_array_equal(geometry.native_affine, affine)
    np.testing.assert_allclose(geometry.affine[:3, 3], [-6, 0, 0])


def test_interpolation_is_what_the_user_says_also_for_labels():
    label = np.array([0, 4], "uint8").reshape(2, 1, 1)
    step = {"label": nibabel.Nifti1Image(label, np.eye(4))}
    linear = ResampleNiftiVolumes(["label"], [0.5, 1, 1])(step)["label"]
    nearest = ResampleNiftiVolumes(["label"], [0.5, 1, 1], {"image": "linear"})(step)["label"]
    assert 2 in np.asarray(linear.dataobj)
    assert 2 not in np.asarray(nearest.dataobj)


@pytest.mark.parametrize("kind", [ResampleNiftiVolumes, ResampleITKVolumes])
def test_arguments_are_checked_in_the_constructor(kind):
    with pytest.raises(ValueError, match="did you mean 'linear'"):
        kind(["x"], [1, 1, 1], "linaer")
    for resolution in (None, [], [1, 0, 1], "abc"):
        with pytest.raises(ArgumentError, match="resolution is"):
            kind(["x"], resolution)


def test_two_numbers_are_not_enough_for_a_volume():
    with pytest.raises(ArgumentError, match="three numbers"):
        ResampleNiftiVolumes(["x"], [1, 1])
    with pytest.raises(ShapeError, match="3-D image and 2 numbers"):
        ResampleITKVolumes(["x"], [1, 1])({"x": SimpleITK.Image(4, 4, 4, SimpleITK.sitkUInt8)})
    with pytest.raises(ShapeError, match="a volume"):
        run(nifti(np.zeros((3, 3), "float32"), np.eye(4)), [1, 1, 1])


def itk_volume():
    image = SimpleITK.GetImageFromArray(np.random.default_rng(1).integers(0, 99, (6, 8, 10)).astype("int16"))
    image.SetSpacing((1.0, 2.0, 3.0))
    image.SetOrigin((4, 5, 6))
    image.SetDirection((0, 1, 0, -1, 0, 0, 0, 0, 1))
    return image


def test_itk_keeps_origin_direction_and_pixel_type():
    image = itk_volume()
    data = ResampleITKVolumes(["x"], [2, 2, 2])({"x": image})
    new = data["x"]
    assert new.GetSize() == (5, 8, 9)
    assert new.GetSpacing() == (2, 2, 2)
    assert (new.GetOrigin(), new.GetDirection()) == (image.GetOrigin(), image.GetDirection())
    assert new.GetPixelID() == image.GetPixelID()
    assert data["x_original_spacing"].tolist() == [1, 2, 3]
    assert data["x_original_shape"].tolist() == [10, 8, 6]
    assert data["x_meta"].shape == (5, 8, 9)
    assert data["x_meta"].native_shape == (10, 8, 6)


@pytest.mark.parametrize(("spacing", "size"), [(0.7, 15), (0.1, 100), (3, 4), (20, 1)])
def test_itk_loses_no_voxel_to_truncation(spacing, size):
    assert functional.resample_itk(SimpleITK.Image(10, 10, SimpleITK.sitkUInt8), [spacing] * 2).GetSize() == (
        size,
        size,
    )


def test_itk_pictures_need_two_resolutions_and_nearest_makes_no_new_values():
    image = SimpleITK.GetImageFromArray(np.array([[0, 9], [9, 0]], "uint8"))
    nearest = ResampleITKVolumes(["x"], [0.5, 0.5], "nearest")({"x": image})["x"]
    linear = ResampleITKVolumes(["x"], [0.5, 0.5], "linear")({"x": image})["x"]
    assert set(np.unique(SimpleITK.GetArrayFromImage(nearest))) == {0, 9}
    assert len(np.unique(SimpleITK.GetArrayFromImage(linear))) > 2
