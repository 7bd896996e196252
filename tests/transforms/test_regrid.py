"""Other voxel sizes and shapes: where the voxels end up, and what happens to fine patterns."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core.errors import ArgumentError, GeometryError
from eisen._core.types import Geometry
from eisen.transforms import Resample, ResampleToReference, Resize, functional

few = settings(max_examples=25, deadline=None)


@few
@given(st.tuples(*[st.integers(1, 12)] * 3), st.tuples(*[st.integers(1, 12)] * 3), st.permutations([0, 1, 2]))
def test_resize_is_the_interpolation_of_torch_whatever_the_order_in_memory(shape, size, order):
    image = np.random.default_rng(0).random((2, *shape)).astype("float32")
    laid_out = np.ascontiguousarray(image.transpose(0, *[1 + a for a in order]))
    image = laid_out.transpose(0, *[1 + order.index(a) for a in range(3)])
    result = Resize(["x"], size, spatial_dims=3)({"x": image})["x"]
    expected = F.interpolate(torch.from_numpy(image.copy())[None], size, mode="trilinear", align_corners=False)[0]
    np.testing.assert_allclose(result, expected, atol=1e-5)


@few
@given(st.tuples(*[st.integers(1, 12)] * 2), st.tuples(*[st.integers(1, 12)] * 2))
def test_pictures_are_resized_as_torch_does(shape, size):
    picture = np.random.default_rng(0).integers(0, 255, (3, *shape)).astype("uint8")
    result = Resize(["x"], size)({"x": picture})["x"]
    expected = F.interpolate(torch.from_numpy(picture[None]).float(), size, mode="bilinear", align_corners=False)[0]
    assert result.dtype == np.uint8
    np.testing.assert_allclose(result, expected, atol=0.51)


def test_resize_keeps_the_outer_edges_in_the_body():
    before = Geometry.of(np.diag([1.0, -2.0, 3.0, 1.0]), (10, 12, 8))
    after = Resize(["x"], [5, 30, 8])({"x": np.zeros(before.shape), "x_meta": before})["x_meta"]
    for geometry in (before, after):
        edges = [[-0.5] * 3 + [1], [n - 0.5 for n in geometry.shape] + [1]]
        np.testing.assert_allclose(np.array(edges) @ geometry.affine[:3].T, [[-0.5, 1, -1.5], [9.5, -23, 22.5]])


def test_anti_aliasing_removes_what_the_new_grid_cannot_show_and_leaves_labels_alone():
    stripes = np.tile(np.float32([0, 0, 1, 1]), 16)[None, None].repeat(8, 0).repeat(8, 1)
    geometry = Geometry.of(np.eye(4), stripes.shape)
    data = {"x": stripes, "x_meta": geometry, "label": stripes.astype("uint8"), "label_meta": geometry}
    spacing = [1, 1, 3.7]
    plain, smooth = Resample(["x"], spacing)(data)["x"], Resample(["x"], spacing, anti_aliasing=True)(data)["x"]
    assert plain.std() > 0.35
    assert smooth[..., 2:-2].std() < 0.1
    assert smooth.mean() == pytest.approx(0.5, abs=0.02)
    both = [Resample(["label"], spacing, anti_aliasing=flag)(data)["label"] for flag in (True, False)]
    np.testing.assert_array_equal(*both)
    reference = {**data, "r": plain, "r_meta": Resample(["x"], spacing)(data)["x_meta"]}
    moved = ResampleToReference(["x"], "r", anti_aliasing=True)(reference)["x"]
    np.testing.assert_allclose(moved, smooth, atol=1e-4)


def test_the_smoothing_is_the_gaussian_of_the_difference_of_voxel_sizes():
    point = np.zeros((1, 1, 101))
    point[..., 50] = 1
    profile = functional.antialias(point, (1, 1, 4)).ravel()
    variance = (profile * (np.arange(101) - 50) ** 2).sum()
    assert variance == pytest.approx((4**2 - 1) / (8 * np.log(2)), rel=0.01)
    assert functional.antialias(point, (1, 1, 1)) is point


def test_a_shifted_reference_of_the_same_grid_copies_voxels_and_keeps_whole_numbers():
    ct = np.random.default_rng(0).integers(-1000, 1000, (1, 6, 7, 8)).astype("int16")
    shifted = np.eye(4)
    shifted[:3, 3] = [2, -1, 0]
    data = {
        "ct": ct, "ct_meta": Geometry.of(np.eye(4), (6, 7, 8)), "r_meta": Geometry.of(shifted, (6, 7, 8)),
        "r": np.zeros((6, 7, 8)),
    }  # fmt: skip
    moved = ResampleToReference(["ct"], "r", value="min")(data)["ct"]
    np.testing.assert_array_equal(moved[:, :4, 1:], ct[:, 2:, :6])
    assert (moved[:, 4:] == ct.min()).all()
    assert moved.dtype == np.int16


def test_a_reference_without_geometry_is_named():
    data = {"x": np.zeros((4, 4, 4)), "x_meta": Geometry.of(np.eye(4), (4, 4, 4)), "r": np.zeros((4, 4, 4))}
    with pytest.raises(GeometryError, match="'r_meta'"):
        ResampleToReference(["x"], "r")(data)


@pytest.mark.parametrize(
    ("kind", "params"), [(Resize, {"size": -1}), (Resize, {"size": [4, 4], "spatial_dims": 3}),
                         (ResampleToReference, {"reference": "r", "interpolation": "cubic"}),
                         (ResampleToReference, {"reference": "r", "value": "max"})]
)  # fmt: skip
def test_wrong_arguments_are_refused_in_the_constructor(kind, params):
    with pytest.raises(ArgumentError, match=kind.__name__):
        kind(["x"], **params)
