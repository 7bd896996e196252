import nibabel
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core.errors import ArgumentError, GeometryError, ShapeError
from eisen._core.types import Geometry
from eisen.transforms import Compose, CropCenteredSubVolumes, PadToMultiple, Reorient, Resample, functional

few = settings(max_examples=25, deadline=None)

SIZES = st.tuples(*[st.integers(1, 9)] * 3)


@st.composite
def affines(draw):
    """Any rotation, any order and direction of the axes, anisotropic spacing, any place."""
    angles = draw(st.tuples(*[st.floats(-180, 180)] * 3))
    spacing = np.array(draw(st.tuples(*[st.floats(0.3, 6)] * 3))) * draw(st.sampled_from([1, -1]))
    affine = np.eye(4)
    affine[:3, :3] = functional.rotation(angles) @ np.diag(spacing)
    affine[:3, 3] = draw(st.tuples(*[st.floats(-300, 300)] * 3))
    return affine


def positions(affine, shape):
    """Return the position in mm of every voxel, as a volume per axis of the body."""
    index = np.stack([*np.indices(shape), np.ones(shape)]).reshape(4, -1)
    return (affine @ index)[:3].reshape(3, *shape)


def scan(affine, shape):
    """Return an image whose three channels are the position of each voxel in mm, with its geometry."""
    return {"image": positions(affine, shape), "image_meta": Geometry.of(affine, shape)}


def assert_voxels_are_where_they_say(data):
    image, geometry = data["image"], data["image_meta"]
    assert geometry.shape == image.shape[-3:]
    expected = positions(geometry.affine, geometry.shape)
    is_source = image.any(axis=0)
    np.testing.assert_allclose(image[:, is_source], expected[:, is_source], atol=1e-6 * abs(expected).max())


@few
@given(affines(), SIZES, SIZES)
def test_crop_and_pad_keep_world_coordinates(affine, shape, size):
    assert_voxels_are_where_they_say(CropCenteredSubVolumes(["image"], size)(scan(affine, shape)))


@few
@given(affines(), SIZES, st.integers(1, 5))
def test_pad_to_multiple_keeps_world_coordinates_and_all_voxels(affine, shape, multiple):
    data = PadToMultiple(["image"], multiple)(scan(affine, shape))
    assert_voxels_are_where_they_say(data)
    assert all(
        n % multiple == 0 and 0 <= n - old < multiple for n, old in zip(data["image"].shape[1:], shape, strict=True)
    )
    back = CropCenteredSubVolumes(["image"], shape)(data)["image"]
    np.testing.assert_array_equal(back, scan(affine, shape)["image"])


@few
@given(affines(), SIZES, st.permutations(["RL", "AP", "SI"]), st.tuples(*[st.integers(0, 1)] * 3))
def test_reorient_points_where_it_says_and_loses_nothing(affine, shape, pairs, ends):
    axes = "".join(pair[end] for pair, end in zip(pairs, ends, strict=True))
    before = scan(affine, shape)
    data = Reorient(["image"], axes)(before)
    assert_voxels_are_where_they_say(data)
    assert "".join(nibabel.aff2axcodes(data["image_meta"].affine)) == axes
    np.testing.assert_array_equal(np.sort(data["image"], None), np.sort(before["image"], None))
    assert data["image_meta"].native == before["image_meta"]


@few
@given(affines(), st.tuples(*[st.integers(4, 9)] * 3), st.tuples(*[st.floats(0.5, 5)] * 3))
def test_resample_keeps_world_coordinates_inside_the_volume(affine, shape, spacing):
    before = scan(affine, shape)
    data = Resample(["image"], spacing)(before)
    geometry = data["image_meta"]
    np.testing.assert_allclose(geometry.spacing, spacing, rtol=1e-9)
    at = np.linalg.inv(affine) @ np.concatenate(
        [positions(geometry.affine, geometry.shape).reshape(3, -1), np.ones((1, np.prod(geometry.shape)))]
    )
    inside = ((at[:3] >= 0) & (at[:3] <= np.array(shape)[:, None] - 1)).all(axis=0)
    expected = positions(geometry.affine, geometry.shape).reshape(3, -1)[:, inside]
    np.testing.assert_allclose(
        data["image"].reshape(3, -1)[:, inside], expected, atol=2e-6 * abs(before["image"]).max()
    )


@few
@given(affines(), st.tuples(*[st.integers(2, 9)] * 3), st.tuples(*[st.floats(0.5, 5)] * 3))
def test_resample_starts_at_the_same_outer_edge_and_ends_within_half_a_voxel(affine, shape, spacing):
    grid, size = functional.spaced_grid(affine, shape, spacing)
    edge = [-0.5, -0.5, -0.5, 1]
    np.testing.assert_allclose(grid @ edge, affine @ edge, atol=1e-9 * 300)
    extent = np.array(shape) * np.linalg.norm(affine[:3, :3], axis=0)
    surplus = np.array(size) * spacing - extent
    assert (surplus[np.array(size) > 1] <= np.array(spacing)[np.array(size) > 1] / 2 + 1e-6).all()


@pytest.mark.parametrize("name", ["linear", "cubic", "nearest"])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint8"])
def test_resample_is_the_identity_at_the_same_spacing(name, dtype):
    image = np.random.default_rng(0).integers(0, 200, (2, 5, 6, 7)).astype(dtype)
    result = functional.resample_to_spacing(image, (1, 1, 1), (5, 6, 7), name)
    assert result.dtype == dtype
    np.testing.assert_allclose(result, image, atol=1e-3)


@pytest.mark.parametrize("name", ["linear", "cubic", "nearest"])
def test_resample_agrees_with_scipy(name):
    from scipy import ndimage

    image = np.random.default_rng(0).random((9, 8, 7)).astype("float32")
    ratio, shape = np.array([0.7, 1.3, 2.1]), (13, 6, 3)
    at = np.stack([(i + 0.5) * r - 0.5 for i, r in zip(np.indices(shape), ratio, strict=True)])
    order = {"nearest": 0, "linear": 1, "cubic": 3}[name]
    expected = ndimage.map_coordinates(image, at, order=order, mode="nearest")
    result = functional.resample_to_spacing(image, ratio, shape, name)
    np.testing.assert_allclose(result, np.clip(expected, image.min(), image.max()), atol=2e-5)


def test_labels_are_not_interpolated_unless_asked_for():
    label = np.zeros((1, 6, 6, 6), "uint8")
    label[:, 2:4] = 4
    data = {"label": label, "label_meta": Geometry.of(np.eye(4), (6, 6, 6))}
    assert set(np.unique(Resample(["label"], 0.7)(data)["label"])) == {0, 4}
    assert len(np.unique(Resample(["label"], 0.7, {"label": "linear"})(data)["label"])) > 2


def test_steps_that_need_geometry_say_so():
    for step in (Resample(["image"], 1), Reorient(["image"])):
        with pytest.raises(GeometryError, match="there is no 'image_meta'") as caught:
            step({"image": np.zeros((4, 4, 4))})
        assert "reader" in caught.value.card.to_do


def test_geometry_that_does_not_fit_any_more_is_forgotten_not_believed():
    data = scan(np.eye(4), (6, 6, 6))
    shrink = lambda d: {**d, "image": d["image"][..., ::2]}  # noqa: E731
    assert "image_meta" not in Compose([shrink, CropCenteredSubVolumes(["image"], 4)])(data)
    with pytest.raises(GeometryError):
        Compose([shrink, Resample(["image"], 2)])(data)


def test_history_and_native_grid_tell_the_way_back():
    steps = [Reorient(["image"]), Resample(["image"], 2), CropCenteredSubVolumes(["image"], 8)]
    geometry = Compose(steps)(scan(np.diag([-1.0, 1, 3, 1]), (10, 10, 10)))["image_meta"]
    assert geometry.history == ("Reorient", "Resample", "CropCenteredSubVolumes")
    assert geometry.native_shape == (10, 10, 10)
    assert geometry.invertible


@pytest.mark.parametrize(
    ("shape", "size", "start", "src", "dst"),
    [
        ((5, 6, 7), (2, 6, 10), (1, 0, -1), [-3, 0, 0], [0, 0, 3]),
        ((3, 5, 6, 7), (4, 9, 7), (0, -1, 0), [0, -1, 0, 0], [0, 0, 3, 0]),
        ((2, 3, 5, 6, 7), 6, (-0, 0, 0), [0, 0, 0, 0, -1], [0, 0, 1, 0, 0]),
        ((5, 6, 7), 4, (0, 1, 1), [-1, -2, -3], [0, 0, 0]),
        ((5, 6), 4, (0, 1), [-1, -2], [0, 0]),
        ((3, 5, 6), (8, 2), (-1, 2), [0, 0, -4], [0, 3, 0]),
        ((9, 9, 9), np.array([4, 4, 4]), (2, 2, 2), [-5, -5, -5], [0, 0, 0]),
    ],
)
def test_crop_starts_at_floor_and_reports_what_was_cut_and_filled(shape, size, start, src, dst):
    array = np.arange(1, np.prod(shape) + 1, dtype="int32").reshape(shape)
    data = CropCenteredSubVolumes(["x"], size)({"x": array})
    assert (data["x_src"], data["x_dst"]) == (src, dst)
    assert data["x"].dtype == np.int32
    spatial = len(start)
    target = (size,) * spatial if isinstance(size, int) else tuple(size)
    assert data["x"].shape == (*shape[:-spatial], *target)
    for index in np.ndindex(data["x"].shape[-spatial:]):
        source = tuple(i + s for i, s in zip(index, start, strict=True))
        inside = all(0 <= i < n for i, n in zip(source, shape[-spatial:], strict=True))
        expected = array[(..., *source)] if inside else 0
        np.testing.assert_array_equal(data["x"][(..., *index)], expected)


def test_crop_always_gives_a_fresh_array():
    array = np.ones((4, 4, 4))
    assert not np.shares_memory(CropCenteredSubVolumes(["x"], 4)({"x": array})["x"], array)


def test_crop_takes_tensors_and_follows_an_offset():
    assert isinstance(functional.crop_or_pad(torch.ones(4, 4), 2), torch.Tensor)
    assert functional.crop_or_pad(np.arange(6).reshape(1, 6), (1, 3), (0, 4)).tolist() == [[4, 5, 0]]
    assert functional.crop_or_pad(np.arange(6).reshape(1, 6), (1, 2), (0, 9)).tolist() == [[0, 0]]


@pytest.mark.parametrize("size", [0, -1, 2.5, "8", [4], [4, 0, 4], [1, 2, 3, 4], None])
def test_sizes_are_checked_in_the_constructor(size):
    with pytest.raises(ArgumentError, match="size is"):
        CropCenteredSubVolumes(["x"], size)


def test_a_size_for_more_axes_than_there_are_is_a_shape_error():
    with pytest.raises(ShapeError, match=r"\(4, 4\)"):
        CropCenteredSubVolumes(["x"], [2, 2, 2])({"x": np.zeros((4, 4))})


@pytest.mark.parametrize("axes", ["RA", "RRS", "XYZ", "", 5])
def test_axes_are_checked_in_the_constructor(axes):
    with pytest.raises(ArgumentError, match="axes is"):
        Reorient(["x"], axes)


@pytest.mark.parametrize("spacing", [0, -1, [1, 1], [1, 1, "a"], None, [1, 1, float("nan")]])
def test_spacings_are_checked_in_the_constructor(spacing):
    with pytest.raises(ArgumentError, match="spacing_mm is"):
        Resample(["x"], spacing)


def test_interpolation_names_are_checked_in_the_constructor():
    with pytest.raises(ArgumentError, match="did you mean 'linear'"):
        Resample(["x"], 1, "liner")
    with pytest.raises(ArgumentError, match="cubi"):
        Resample(["x"], 1, {"x": "cubi"})


def test_reorient_of_a_tensor_is_a_tensor():
    data = {"x": torch.arange(8).reshape(2, 2, 2), "x_meta": Geometry.of(np.diag([-1.0, 1, 1, 1]), (2, 2, 2))}
    assert torch.equal(Reorient(["x"])(data)["x"], data["x"].flip(0))
