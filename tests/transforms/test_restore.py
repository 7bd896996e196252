"""Results come back to the grid of their file."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eisen._core.errors import GeometryError, ShapeError
from eisen._core.types import Geometry
from eisen.transforms.functional.regridding import field_of_view, is_exact
from eisen.transforms.functional.restore import native_slabs, restore_to_native


def oblique(spacing=(0.8, 1.1, 3.0), angles=(0.3, -0.2, 0.5), origin=(-40.0, 12.5, 7.0)):
    """Return the affine of a tilted anisotropic scan."""
    from scipy.spatial.transform import Rotation

    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", angles).as_matrix() @ np.diag(spacing)
    affine[:3, 3] = origin
    return affine


def ball(grid: Geometry, radius_mm=18.0):
    """Return a ball in the middle of the file's grid, as seen from any grid."""
    centre = grid.native.corners().mean(axis=0)
    index = np.indices(grid.shape).reshape(3, -1).T
    places = index @ grid.affine[:3, :3].T + grid.affine[:3, 3]
    return (np.linalg.norm(places - centre, axis=1) < radius_mm).reshape(grid.shape)


def dice(a, b):
    return 2 * np.logical_and(a, b).sum() / (a.sum() + b.sum())


@st.composite
def exact_moves(draw):
    """Return an image, and the image and geometry after flips, a permutation, and crops or pads."""
    shape = draw(st.tuples(*[st.integers(2, 7)] * 3))
    image = np.arange(1, np.prod(shape) + 1, dtype=np.int32).reshape(shape)
    order = draw(st.permutations(range(3)))
    signs = draw(st.tuples(*[st.sampled_from((1, -1))] * 3))
    starts = draw(st.tuples(*[st.integers(-3, 2)] * 3))
    sizes = draw(st.tuples(*[st.integers(1, 8)] * 3))
    moved = image.transpose(order)[tuple(slice(None, None, s) for s in signs)]
    index = np.eye(4)  # new index -> old index, built axis by axis
    index[:3] = 0
    for new, (old, sign) in enumerate(zip(order, signs, strict=True)):
        index[old, new] = sign
        index[old, 3] = (shape[old] - 1 if sign < 0 else 0) + sign * starts[new]
    result = np.zeros(sizes, np.int32)
    for place in np.ndindex(sizes):
        source = [p + s for p, s in zip(place, starts, strict=True)]
        if all(0 <= q < n for q, n in zip(source, moved.shape, strict=True)):
            result[place] = moved[tuple(source)]
    affine = draw(st.sampled_from([np.eye(4), oblique()])).astype(np.float32)
    native = Geometry.of(affine, shape)
    return image, result, native.moved(affine.astype(float) @ index, sizes, "Moves")


@settings(max_examples=150, deadline=None)
@given(exact_moves())
def test_flips_permutations_crops_and_pads_are_copied_voxel_by_voxel(case):
    image, moved, geometry = case
    back = restore_to_native(moved, geometry)
    assert is_exact(geometry, geometry.native)
    kept = np.isin(image, moved)
    np.testing.assert_array_equal(back, np.where(kept, image, 0))


def test_leading_channel_axes_and_the_type_are_kept():
    native = Geometry.of(np.eye(4), (3, 4, 5))
    values = np.random.default_rng(0).random((2, 6, 3, 4, 5)).astype("float32")
    back = restore_to_native(values, native)
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back, values)


@pytest.mark.parametrize("affine", [np.diag([1.0, 1.0, 3.0, 1.0]), oblique()], ids=["anisotropic", "oblique"])
@pytest.mark.parametrize("scale", [0.5, 1.5])
def test_a_resampled_ball_comes_back(affine, scale):
    native = Geometry.of(affine, (60, 50, 20))
    axis_aligned = np.diag([scale, scale, scale, 1.0])
    corners = native.corners()
    axis_aligned[:3, 3] = corners.min(axis=0)
    size = np.ceil((corners.max(axis=0) - corners.min(axis=0)) / scale).astype(int) + 1
    resampled = native.moved(axis_aligned, size, "Resample")
    back = restore_to_native(ball(resampled).astype("float32"), resampled)
    assert back.shape == native.shape
    assert not is_exact(resampled, native)
    assert dice(back > 0.5, ball(native)) > 0.97


def test_border_voxels_survive_resampling_to_a_coarser_grid():
    native = Geometry.of(np.eye(4), (8, 8, 8))
    coarse = np.diag([2.0, 2.0, 2.0, 1.0])
    coarse[:3, 3] = 0.5
    back = restore_to_native(np.ones((4, 4, 4), "float32"), native.moved(coarse, (4, 4, 4), "Downsample"))
    np.testing.assert_array_equal(back, 1)


def test_outside_the_field_of_view_is_fill():
    native = Geometry.of(np.eye(4), (9, 9, 9))
    affine = np.eye(4) * [1.5, 1.5, 1.5, 1]
    affine[:3, 3] = 2
    small = native.moved(affine, (3, 3, 3), "CropAndZoom")
    back = restore_to_native(np.ones((3, 3, 3), "float32"), small, fill=-7)
    seen = field_of_view(small, native)
    assert set(np.unique(back)) == {-7, 1}
    np.testing.assert_array_equal(back == 1, seen)
    assert seen.sum() == 4**3  # voxels 2, 3, 4 and 5 (5.0 mm lies within half a voxel of the last centre)


def test_pieces_make_up_the_whole(monkeypatch):
    monkeypatch.setattr("eisen.transforms.functional.regridding._SLAB_VOXELS", 100)
    native = Geometry.of(oblique(), (11, 9, 7))
    grid = native.moved(oblique((1.0, 1.0, 1.0)), (9, 10, 21), "Resample")
    values = np.random.default_rng(1).random((2, 9, 10, 21)).astype("float32")
    pieces = list(native_slabs(values, grid))
    assert len(pieces) == 11
    monkeypatch.undo()
    np.testing.assert_allclose(np.concatenate(pieces, axis=-3), restore_to_native(values, grid), rtol=1e-5)


def test_labels_are_not_mixed_by_nearest_restoration():
    native = Geometry.of(oblique(), (12, 12, 6))
    grid = native.moved(oblique((1.0, 1.0, 1.0)), (10, 13, 18), "Resample")
    labels = np.random.default_rng(2).choice([0, 5], (10, 13, 18)).astype("uint8")
    back = restore_to_native(labels, grid, order=0)
    assert back.dtype == np.uint8
    assert set(np.unique(back)) <= {0, 5}


def test_a_result_of_another_size_is_refused():
    with pytest.raises(ShapeError, match=r"\(4, 4, 4\)"):
        restore_to_native(np.zeros((4, 4, 4)), Geometry.of(np.eye(4), (8, 8, 8), "a.nii.gz"))


def test_a_deformed_image_is_refused_and_the_step_is_named():
    deformed = Geometry.of(np.eye(4), (4, 4, 4)).moved(np.eye(4), (4, 4, 4), "Elastic", invertible=False)
    with pytest.raises(GeometryError) as caught:
        restore_to_native(np.zeros((4, 4, 4)), deformed)
    assert "Elastic" in str(caught.value)
