"""Moving voxels between grids that hold the same voxels in another order: axes swapped, flipped, cut or padded."""

from __future__ import annotations

import numpy as np

from eisen._core.errors import GeometryError
from eisen._core.types import Affine, Array, Geometry

__all__ = ["off_grid_mm", "placed"]

_TOLERANCE_MM = 0.1


def off_grid_mm(affine: Affine, shape: tuple[int, ...], grid: Geometry) -> float:
    """Return how far, at most, a corner voxel lies from the centre of a voxel of the other grid, in mm.

    Example:
        >>> grid = Geometry.of(np.diag([2.0, 2.0, 2.0, 1.0]), (8, 8, 8))
        >>> shifted = np.diag([-2.0, 2.0, 2.0, 1.0])
        >>> shifted[0, 3] = 10.5
        >>> off_grid_mm(shifted, (4, 4, 4), grid)
        0.5
    """
    exact = _rounded(affine, grid)
    if exact is None:
        return float("inf")
    return Geometry.of(affine, shape).displacement_mm(Geometry.of(grid.affine @ exact, shape))


def placed(voxels: Array, affine: Affine, grid: Geometry, what: str) -> Array:
    """Return voxels on another grid that has a voxel where each of them is; the rest is 0.

    Args:
        voxels: Array whose first three axes are space.
        affine: 4 x 4, index of `voxels` to RAS+ mm.
        grid: Where to.
        what: What the voxels are, for messages, e.g. "the label map".

    Returns:
        An array of the shape of the grid (and further axes as they are).

    Raises:
        GeometryError: If a voxel that is not 0 has no counterpart.
    """
    distance = off_grid_mm(affine, voxels.shape[:3], grid)
    where = f"lie up to {distance:.3g} mm beside" if np.isfinite(distance) else "have another angle or spacing than"
    if distance > min(_TOLERANCE_MM, 0.1 * min(grid.spacing)):
        raise GeometryError(
            f"{what} is on another grid: its voxels {where} those of {grid.source or 'the image'}",
            expected=f"voxels where those of the other grid are: shape {grid.shape}, spacing {_mm(grid.spacing)} mm, "
            "axes in any order and direction",
            to_do="bring it back to the native grid of the image (nearest neighbour), without changing the spacing",
        )
    index = _rounded(affine, grid)
    assert index is not None
    source_axes = np.abs(index[:3, :3]).argmax(axis=1)
    turned = voxels.transpose(*source_axes, *range(3, voxels.ndim))
    signs = index[np.arange(3), source_axes]
    turned = turned[tuple(slice(None, None, 1 if sign > 0 else -1) for sign in signs)]
    low = [int(index[k, 3]) - (turned.shape[k] - 1 if signs[k] < 0 else 0) for k in range(3)]
    return _pasted(turned, low, grid, what)


def _rounded(affine: Affine, grid: Geometry) -> Affine | None:
    """Return the map from index to index if it is one of whole numbers that swaps and flips axes, else None."""
    index = np.rint(np.linalg.inv(grid.affine) @ affine)
    turns = np.abs(index[:3, :3])
    is_turn = (turns.sum(axis=0) == 1).all() and (turns.sum(axis=1) == 1).all()
    return np.asarray(index) if is_turn else None


def _pasted(voxels: Array, low: list[int], grid: Geometry, what: str) -> Array:
    result: Array = np.zeros((*grid.shape, *voxels.shape[3:]), voxels.dtype, order="F")
    into = tuple(slice(max(low[k], 0), max(min(low[k] + voxels.shape[k], grid.shape[k]), 0)) for k in range(3))
    taken = tuple(slice(max(-low[k], 0), max(into[k].stop - low[k], 0)) for k in range(3))
    result[into] = voxels[taken]
    n_outside = int(np.count_nonzero(voxels)) - int(np.count_nonzero(result))
    if n_outside:
        raise GeometryError(
            f"{n_outside} voxels of {what} lie outside {grid.source or 'the grid'}",
            expected="all of it inside the image that it belongs to",
        )
    return result


def _mm(values: tuple[float, ...]) -> str:
    return " x ".join(f"{value:.4g}" for value in values)
