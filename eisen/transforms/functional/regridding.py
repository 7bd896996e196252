"""From one grid to another through the body: a voxel of both is the same place when it has the same millimetres.

Without elastic deformation one matrix leads from index to index, ``inv(source.affine) @ target.affine``; the names of
the steps in between do not matter. Deformations that both grids went through cancel, the others are followed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from eisen._core.errors import GeometryError, ShapeError
from eisen._core.types import Affine, Array, Geometry, Warp
from eisen.transforms.functional.deform import deformed, undeformed
from eisen.transforms.functional.tensors import accepts_tensors, as_array, as_tensor
from eisen.transforms.functional.warp import sampling_grid, warp_image

__all__ = [
    "field_of_view",
    "index_map",
    "is_exact",
    "is_inside",
    "piece_grid",
    "pieces_of",
    "regrid",
    "regridded_slabs",
]

_TOLERANCE = 1e-3
"""Voxels; affines of files are 32-bit, so an index computed from them is not exact."""

_SLAB_VOXELS = 1 << 21


@accepts_tensors
def regrid(values: Array, source: Geometry, target: Geometry, interpolation: str = "linear", fill: float = 0) -> Array:
    r"""Bring values to another grid in the same body.

    When the axes agree up to order and direction and voxels lie on voxels (crop, pad, flip, rotation by 90 degrees),
    every voxel is copied; otherwise it is interpolated. The outermost voxels reach half a voxel beyond their centres.

    Args:
        values: Array (..., I, J, K) on the grid of `source`; leading axes are channels.
        source: Where the values are.
        target: Where they shall be.
        interpolation: "linear" or "nearest".
        fill: Value outside the field of view of `values`.

    Returns:
        Array (..., \*target.shape) of the type of `values`; whole numbers are rounded.

    Raises:
        ShapeError: If `values` is not on the grid of `source`.
        GeometryError: If a step cannot be undone (tissue has folded).

    Example:
        >>> source = Geometry.of(np.eye(4), (4, 1, 1))
        >>> target = Geometry.of(np.diag([2.0, 1, 1, 1]), (3, 1, 1))
        >>> regrid(np.arange(4.0).reshape(4, 1, 1), source, target).ravel()
        array([0., 2., 0.])
    """
    return np.concatenate(list(regridded_slabs(values, source, target, interpolation, fill)), axis=-3)


def regridded_slabs(
    values: Array, source: Geometry, target: Geometry, interpolation: str = "linear", fill: float = 0
) -> Iterator[Array]:
    """Yield what `regrid` returns in pieces along the first spatial axis.

    A piece holds about two million voxels of each channel, so a hundred classes never exist at once in full size.
    """
    _demand_fit(values, source, target)
    if is_exact(source, target):
        yield _copied(values, source, target, fill)
        return
    is_rounded = values.dtype.kind in "iub" and interpolation != "nearest"
    for start, height in pieces_of(target.shape):
        grid = piece_grid(source, target, start, height)
        sampled = warp_image(values, grid, "border", interpolation)
        sampled = np.rint(sampled, out=sampled) if is_rounded else sampled
        yield np.where(is_inside(grid, source.shape), sampled, fill).astype(values.dtype, copy=False)


def field_of_view(source: Geometry, target: Geometry) -> Array:
    """Return which voxels of `target` lie inside `source`, half a voxel around its outermost centres included.

    Example:
        >>> field_of_view(Geometry.of(np.eye(4), (2, 1, 1)), Geometry.of(np.eye(4), (3, 1, 1))).ravel()
        array([ True,  True, False])
    """
    grids = (piece_grid(source, target, start, height) for start, height in pieces_of(target.shape))
    return np.concatenate([is_inside(grid, source.shape) for grid in grids])


def index_map(source: Geometry, target: Geometry) -> Affine:
    """Return the 4 x 4 matrix from a voxel index of `target` to the index of `source`, deformations left aside."""
    return np.asarray(np.linalg.solve(source.affine, target.affine))


def is_exact(source: Geometry, target: Geometry) -> bool:
    """Tell whether only crops, pads, flips, permutations and rotations by 90 degrees lie between two grids."""
    if source.warps != target.warps:
        return False
    matrix = index_map(source, target)
    rounded = np.rint(matrix)
    axes = np.abs(rounded[:3, :3])
    if not (np.isin(axes, (0, 1)).all() and (axes.sum(0) == 1).all() and (axes.sum(1) == 1).all()):
        return False
    farthest = np.array([*target.shape, 1.0])
    return bool((np.abs(matrix - rounded)[:3] @ farthest).max() < _TOLERANCE)


def pieces_of(shape: tuple[int, ...]) -> Iterator[tuple[int, int]]:
    """Yield first row and number of rows of each piece that is interpolated at once."""
    height = max(1, _SLAB_VOXELS // max(1, shape[1] * shape[2]))
    for start in range(0, max(shape[0], 1), height):
        yield start, min(height, shape[0] - start)


def piece_grid(
    source: Geometry, target: Geometry, start: int, height: int, part: tuple[slice, ...] | None = None
) -> Any:
    """Return where in the source each voxel of a piece of the target is, as `warp_image` wants it.

    Args:
        source: Where values are.
        target: Where they shall be.
        start: First row of the piece, see `pieces_of`.
        height: Number of its rows.
        part: Only this part of the piece, bit for bit as it is in the whole; None: all of it.
    """
    shape = (height, *target.shape[1:])
    behind, ahead = _own_warps(source, target)
    moved = np.eye(4)
    moved[0, 3] = start
    if not behind and not ahead:
        return sampling_grid(shape, (index_map(source, target) @ moved)[:3], source=source.shape, part=part)
    index = as_tensor(np.indices(shape, dtype=np.float32).reshape(3, -1).T.copy())
    positions = _mapped(index, target.affine @ moved)
    for warp in reversed(ahead):
        positions = deformed(warp, positions)
    for warp in behind:
        positions = undeformed(warp, positions)
    scale = 2 / np.maximum(np.asarray(source.shape, dtype=np.float64), 1)
    to_edges = scale[:, None] * np.linalg.inv(source.affine)[:3]
    to_edges[:, 3] += scale / 2 - 1
    grid = _mapped(positions, to_edges[::-1]).view(1, *shape, 3)
    return grid if part is None else grid[(slice(None), *part)].contiguous()


def _mapped(points: Any, matrix: Array) -> Any:
    import torch

    rows = torch.from_numpy(np.ascontiguousarray(matrix[:3])).float()
    return torch.addmm(rows[:, 3], points, rows[:, :3].T)


def _own_warps(source: Geometry, target: Geometry) -> tuple[tuple[Warp, ...], tuple[Warp, ...]]:
    """Return the warps of both that the other one does not share; shared ones are the oldest."""
    pairs = zip(source.warps, target.warps, strict=False)
    shared = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(source.warps), len(target.warps)))
    return source.warps[shared:], target.warps[shared:]


def is_inside(grid: Any, shape: tuple[int, ...]) -> Array:
    """Tell which places of a grid are in a voxel of the source; -1 and 1 are its outer edges."""
    edges = as_tensor(np.array([1 + 2 * _TOLERANCE / max(n, 1) for n in reversed(shape)], dtype=np.float32))
    return as_array((grid[0].abs() < edges).all(dim=-1))


def _demand_fit(values: Array, source: Geometry, target: Geometry) -> None:
    if values.shape[-3:] != source.shape:
        raise ShapeError(
            f"the result has the spatial shape {values.shape[-3:]}, its geometry says {source.shape}",
            expected="a result on the grid of the model's input",
            to_do="use a model whose output is as large as its input",
            file=source.source,
        )
    for geometry in (source, target):
        if not geometry.invertible:
            raise GeometryError(
                "the way between the two grids is not known: a step has deformed the image beyond return",
                expected=f"steps that can be undone; taken were: {', '.join(geometry.history)}",
                to_do="remove that step, or deform less: elastic_mm below 0.4 of the distance of the control points",
                file=geometry.source,
            )


def _copied(values: Array, source: Geometry, target: Geometry, fill: float) -> Array:
    """Turn, flip, and copy the part that both grids share."""
    matrix = np.rint(index_map(source, target)).astype(int)
    source_axis = np.abs(matrix[:3, :3]).argmax(axis=0)
    signs = matrix[source_axis, range(3)]
    lead = values.ndim - 3
    turned = values.transpose(*range(lead), *(lead + source_axis))
    turned = np.flip(turned, tuple(lead + axis for axis, sign in enumerate(signs) if sign < 0))
    shifts = [
        int(matrix[a, 3]) if sign > 0 else source.shape[a] - 1 - int(matrix[a, 3])
        for a, sign in zip(source_axis, signs, strict=True)
    ]
    result = np.full((*values.shape[:-3], *target.shape), fill, dtype=values.dtype)
    here, there = zip(*map(_overlap, target.shape, turned.shape[lead:], shifts), strict=True)
    result[(..., *here)] = turned[(..., *there)]
    return result


def _overlap(target: int, source: int, shift: int) -> tuple[slice, slice]:
    """Return which indices of the target exist in the source, and their places there (index + shift)."""
    start, stop = max(0, -shift), min(target, source - shift)
    stop = max(start, stop)
    return slice(start, stop), slice(start + shift, stop + shift) if stop > start else slice(0, 0)
