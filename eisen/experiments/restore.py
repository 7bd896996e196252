"""Bringing a result back to the grid of the file it was computed from.

A voxel of the file and a voxel of the array the model saw are the same place when they have the same millimetres,
so one matrix leads from the one index to the other: ``inv(affine) @ native_affine``. The names of the steps in
between do not matter.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from eisen._core.errors import GeometryError, ShapeError
from eisen._core.types import Affine, Array, Geometry

__all__ = ["field_of_view", "index_map", "is_exact", "native_slabs", "restore_to_native"]

_TOLERANCE = 1e-3
"""Voxels; affines of files are 32-bit, so an index computed from them is not exact."""

_SLAB_VOXELS = 1 << 21


def restore_to_native(values: Array, geometry: Geometry, *, order: int = 1, fill: float = 0.0) -> Array:
    r"""Bring values back to the grid of the input file.

    After crops, pads, flips and permutations every voxel is copied; after resampling or a rotation it is
    interpolated. The outermost voxels reach half a voxel beyond their centres.

    Args:
        values: Array (..., I, J, K) on the grid of `geometry`; leading axes are channels.
        geometry: Where the values are now, and the grid of the file.
        order: 1 interpolates linearly, 0 takes the nearest voxel.
        fill: Value outside the field of view of `values`.

    Returns:
        Array (..., \*native_shape) of the type of `values`.

    Raises:
        ShapeError: If `values` is not on the grid of `geometry`.
        GeometryError: If a step has moved voxels in a way the geometry does not tell (elastic deformation).

    Example:
        >>> grid = Geometry.of(np.eye(4), (4, 4, 4))
        >>> shifted = np.eye(4)
        >>> shifted[0, 3] = 1
        >>> cropped = grid.moved(shifted, (2, 4, 4), "Crop")
        >>> restore_to_native(np.ones((2, 4, 4)), cropped)[:, 0, 0]
        array([0., 1., 1., 0.])
    """
    return np.concatenate(list(native_slabs(values, geometry, order=order, fill=fill)), axis=-3)


def native_slabs(values: Array, geometry: Geometry, *, order: int = 1, fill: float = 0.0) -> Iterator[Array]:
    """Yield what `restore_to_native` returns in pieces along the first spatial axis.

    A piece holds about two million voxels of each channel, so a hundred classes never exist at once in full size.
    """
    _demand_fit(values, geometry)
    if is_exact(geometry):
        yield _copied(values, geometry, fill)
        return
    n_rows, *rest = geometry.native_shape
    height = max(1, _SLAB_VOXELS // max(1, int(np.prod(rest))))
    channels = values.reshape(-1, *geometry.shape)
    for start in range(0, n_rows, height):
        slab = (min(height, n_rows - start), *rest)
        matrix = _shifted(index_map(geometry), start)
        inside = _inside(matrix, slab, geometry.shape)
        pieces = [np.where(inside, _sampled(channel, matrix, slab, order), fill) for channel in channels]
        yield np.stack(pieces).astype(values.dtype, copy=False).reshape(*values.shape[:-3], *slab)


def field_of_view(geometry: Geometry) -> Array:
    """Return which voxels of the file lie inside the array as it is now, a boolean array of the file's shape."""
    return _inside(index_map(geometry), geometry.native_shape, geometry.shape)


def index_map(geometry: Geometry) -> Affine:
    """Return the 4 x 4 matrix from a voxel index of the file to the index of the array as it is now."""
    return np.asarray(np.linalg.solve(geometry.affine, geometry.native_affine))


def is_exact(geometry: Geometry) -> bool:
    """Tell whether only crops, pads, flips and permutations lie between the file and the array."""
    matrix = index_map(geometry)
    rounded = np.rint(matrix)
    axes = np.abs(rounded[:3, :3])
    if not (np.isin(axes, (0, 1)).all() and (axes.sum(0) == 1).all() and (axes.sum(1) == 1).all()):
        return False
    farthest = np.array([*geometry.native_shape, 1.0])
    return bool((np.abs(matrix - rounded)[:3] @ farthest).max() < _TOLERANCE)


def _demand_fit(values: Array, geometry: Geometry) -> None:
    if values.shape[-3:] != geometry.shape:
        raise ShapeError(
            f"the result has the spatial shape {values.shape[-3:]}, its geometry says {geometry.shape}",
            expected="a result on the grid of the model's input",
            to_do="use a model whose output is as large as its input",
            file=geometry.source,
        )
    if not geometry.invertible:
        raise GeometryError(
            "the result cannot be brought back to the grid of its file: a step has deformed the image",
            expected=f"steps that can be undone; taken were: {', '.join(geometry.history)}",
            to_do="remove random deformations from this phase",
            file=geometry.source,
        )


def _copied(values: Array, geometry: Geometry, fill: float) -> Array:
    """Turn, flip, and copy the part that both grids share."""
    matrix = np.rint(index_map(geometry)).astype(int)
    source_axis = np.abs(matrix[:3, :3]).argmax(axis=0)
    signs = matrix[source_axis, range(3)]
    lead = values.ndim - 3
    turned = values.transpose(*range(lead), *(lead + source_axis))
    turned = np.flip(turned, tuple(lead + axis for axis, sign in enumerate(signs) if sign < 0))
    shifts = [
        int(matrix[a, 3]) if sign > 0 else geometry.shape[a] - 1 - int(matrix[a, 3])
        for a, sign in zip(source_axis, signs, strict=True)
    ]
    result = np.full((*values.shape[:-3], *geometry.native_shape), fill, dtype=values.dtype)
    here, there = zip(*map(_overlap, geometry.native_shape, turned.shape[lead:], shifts), strict=True)
    result[(..., *here)] = turned[(..., *there)]
    return result


def _overlap(native: int, current: int, shift: int) -> tuple[slice, slice]:
    """Return which indices of the file exist in the array, and their places there (index + shift)."""
    start, stop = max(0, -shift), min(native, current - shift)
    stop = max(start, stop)
    return slice(start, stop), slice(start + shift, stop + shift) if stop > start else slice(0, 0)


def _shifted(matrix: Affine, start: int) -> Affine:
    moved = matrix.copy()
    moved[:, 3] += matrix[:, 0] * start
    return moved


def _sampled(channel: Array, matrix: Affine, shape: tuple[int, ...], order: int) -> Array:
    from scipy.ndimage import affine_transform

    work = channel.astype(np.float32) if channel.dtype.kind in "fiub" and order else channel
    return np.asarray(
        affine_transform(work, matrix[:3, :3], matrix[:3, 3], output_shape=shape, order=order, mode="nearest")
    )


def _inside(matrix: Affine, shape: tuple[int, ...], current: tuple[int, ...]) -> Array:
    """Tell which indices land in a voxel of the array, half a voxel around its centre included."""
    grid = np.ogrid[tuple(slice(0, n) for n in shape)]
    inside = np.ones(shape, dtype=bool)
    for axis in range(3):
        place = sum(matrix[axis, i] * grid[i] for i in range(3)) + matrix[axis, 3]
        inside &= (place > -0.5 - _TOLERANCE) & (place < current[axis] - 0.5 + _TOLERANCE)
    return inside
