import numpy as np
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen.transforms import functional

few = settings(max_examples=20, deadline=None)


def direct_grid(shape, matrix, points):
    """Evaluate affine and tensor-product spline voxel by voxel in float64."""
    d = len(shape)
    index = np.stack([*np.indices(shape), np.ones(shape)]).reshape(d + 1, -1)
    at = (matrix @ index).reshape(d, *shape)
    if points is not None:
        weights = [
            functional.bspline_weights(n, k).astype(np.float64) for n, k in zip(shape, points.shape, strict=False)
        ]
        letters = "zyx"[:d]
        inputs = ",".join(f"{a}{b}" for a, b in zip(letters, "ijk", strict=False))
        at = at + np.einsum(f"{inputs},{'ijk'[:d]}c->c{letters}", *weights, points)
    normal = [(2 * a + 1) / n - 1 for a, n in zip(at, shape, strict=True)]
    return np.stack(normal[::-1], axis=-1)[None]


@few
@given(
    st.integers(0, 10_000), st.sampled_from([(5, 6, 7), (8, 9), (1, 4, 3), (12, 12, 12)]), st.sampled_from([0, 4, 7])
)
def test_the_composed_grid_is_the_affine_grid_of_torch_plus_the_spline(seed, shape, control_points):
    rng = np.random.default_rng(seed)
    d = len(shape)
    matrix = np.eye(d, d + 1) + rng.normal(size=(d, d + 1)) * 0.3
    points = rng.normal(size=(control_points,) * d + (d,)) if control_points else None
    grid = functional.sampling_grid(shape, matrix, points).numpy()
    assert grid.dtype == np.float32
    np.testing.assert_allclose(grid, direct_grid(shape, matrix, points), atol=1e-5)


@few
@given(st.integers(0, 10_000), st.sampled_from([(5, 6, 7), (8, 9)]))
def test_the_affine_part_is_that_of_torch(seed, shape):
    d = len(shape)
    theta = np.eye(d, d + 1) + np.random.default_rng(seed).normal(size=(d, d + 1)) * 0.3
    expected = F.affine_grid(torch.tensor(theta)[None], [1, 1, *shape], align_corners=False)
    half = np.asarray(shape) / 2
    linear = theta[::-1, :d][:, ::-1] * half[:, None] / half  # last axis first, -1...1 -> voxels
    offset = theta[::-1, d] * half + half - 0.5 - linear @ (half - 0.5)
    grid = functional.sampling_grid(shape, np.column_stack([linear, offset]))
    np.testing.assert_allclose(grid, expected, atol=1e-5)


def test_weights_of_the_spline_sum_to_1_and_reproduce_straight_lines():
    weights = functional.bspline_weights(11, 7).astype(np.float64)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    assert ((weights > 0).sum(axis=1) <= 4).all()
    np.testing.assert_allclose(weights @ np.arange(-1, 6), np.linspace(0, 4, 11), atol=1e-6)


@few
@given(st.integers(0, 10_000), st.sampled_from(["zeros", "border"]), st.sampled_from([(6, 7, 8), (9, 10)]))
def test_labels_are_looked_up_as_grid_sample_does(seed, padding, shape):
    rng = np.random.default_rng(seed)
    d = len(shape)
    label = rng.integers(0, 5, (2, *shape)).astype("uint8")
    grid = functional.sampling_grid(shape, np.eye(d, d + 1) + rng.normal(size=(d, d + 1)) * 0.3)
    result = functional.warp_label(label, grid, padding)
    tensor = torch.from_numpy(label[None].astype("float32"))
    expected = F.grid_sample(tensor, grid, "nearest", padding, align_corners=False)[0].numpy()
    assert result.dtype == np.uint8
    assert (result != expected).mean() < 0.01  # rounding at half way


def test_what_comes_in_from_outside_can_be_the_smallest_value_of_each_channel():
    image = np.random.default_rng(0).normal(size=(2, 6, 7)).astype("float32")
    away = functional.warp.sampling_grid((6, 7), np.array([[1.0, 0, 3], [0, 1, 0]]))
    moved = functional.warp.warp_image(image, away, "min")
    np.testing.assert_allclose(moved[:, 3:], np.broadcast_to(image.min((1, 2))[:, None, None], (2, 3, 7)), rtol=1e-6)
    np.testing.assert_allclose(moved[:, :3], image[:, 3:], atol=1e-6)
    label = np.ones((1, 6, 7), "uint8")
    assert functional.warp.warp_image(label, away, "min", "nearest")[:, 3:].max() == 0
