"""Arrays on another grid: resampling, reorienting, and the grids themselves.

Affines are 4 x 4 and map voxel indices to RAS+ millimetres. Spatial axes are the last three of an array.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eisen._core.types import Affine, Array
from eisen.transforms.functional.tensors import accepts_tensors, as_tensor

__all__ = ["bounding_grid", "reorient", "resample_to_grid", "resample_to_spacing", "spaced_grid"]

ORDERS = {"nearest": 0, "linear": 1, "cubic": 3, "continuous": 3}

_TOLERANCE = 1e-6  # in voxels: a sample this far outside is a rounding error, not outside


def bounding_grid(affine: Affine, shape: Sequence[int], spacing: Sequence[float]) -> tuple[Affine, tuple[int, ...]]:
    """Return the RAS+ grid of this spacing that holds the centres of all voxels of a grid.

    Args:
        affine: Of the old grid.
        shape: Of the old grid, 3 numbers.
        spacing: Of the new grid along the axes of the body (right, anterior, superior), in mm.

    Returns:
        Its affine (diagonal, offset at the corner of the box) and its shape, ``ceil(extent / spacing) + 1`` per axis.

    Example:
        >>> bounding_grid(np.diag([2.0, 2, 2, 1]), (10, 10, 10), (1, 1, 4))[1]
        (19, 19, 6)
    """
    last = np.array(np.meshgrid(*[(0, n - 1) for n in shape[:3]], [1.0])).reshape(4, -1)
    corners = (affine @ last)[:3]
    low, high = corners.min(axis=1), corners.max(axis=1)
    size = np.ceil((high - low) / spacing - 1e-9).astype(int) + 1
    grid = np.diag([*map(float, spacing), 1.0])
    grid[:3, 3] = low
    return grid, tuple(map(int, size))


def spaced_grid(affine: Affine, shape: Sequence[int], spacing: Sequence[float]) -> tuple[Affine, tuple[int, ...]]:
    """Return the grid of this spacing along the same axes, whose first voxel has its outer edges where the old one has.

    Args:
        affine: Of the old grid.
        shape: Of the old grid, 3 numbers.
        spacing: Of the new grid along the axes of the array, in mm.

    Example:
        >>> grid, shape = spaced_grid(np.diag([1.0, 1, 3, 1]), (64, 64, 20), (2, 2, 2))
        >>> shape, grid[:3, 3].tolist()
        ((32, 32, 30), [0.5, 0.5, -0.5])
    """
    old = np.linalg.norm(affine[:3, :3], axis=0)
    ratio = np.asarray(spacing, dtype=np.float64) / old
    size = np.maximum(np.rint(np.asarray(shape[:3]) / ratio), 1).astype(int)
    grid = affine.copy()
    grid[:3, :3] *= ratio
    grid[:3, 3] += affine[:3, :3] @ ((ratio - 1) / 2)
    return grid, tuple(map(int, size))


@accepts_tensors
def resample_to_grid(
    array: Array, affine: Affine, grid: Affine, shape: Sequence[int], interpolation: str = "linear"
) -> Array:
    """Look up an array at the voxels of another grid; what lies outside is 0.

    Args:
        array: Leading axes, then three spatial axes.
        affine: Of the array.
        grid: Affine of the new grid.
        shape: Shape of the new grid, 3 numbers.
        interpolation: "nearest", "linear" or "cubic" (interpolating spline of order 3, also called "continuous").

    Returns:
        An array of the same dtype; whole numbers are rounded, and no value leaves the range of the array and 0.

    Example:
        >>> image = np.arange(3, dtype="int16").reshape(3, 1, 1)
        >>> resample_to_grid(image, np.eye(4), np.diag([0.5, 1, 1, 1]), (5, 1, 1)).ravel()
        array([0, 0, 1, 2, 2], dtype=int16)
    """
    to_index = np.linalg.inv(affine) @ grid
    order = ORDERS[interpolation]
    result = np.empty((*array.shape[:-3], *shape), dtype=array.dtype)
    outside = _outside(to_index, array.shape[-3:], shape)
    for position in np.ndindex(array.shape[:-3]):
        result[position] = _sampled(array[position], to_index, shape, order, outside)
    return result


def _sampled(volume: Array, to_index: Affine, shape: Sequence[int], order: int, outside: Sequence[Array]) -> Array:
    from scipy import ndimage

    linear, offset = to_index[:3, :3], to_index[:3, 3]
    is_diagonal = not (linear - np.diag(np.diag(linear))).any()
    working = volume if order == 0 else volume.astype(_working_dtype(volume), copy=False)
    sampled: Array = ndimage.affine_transform(
        working,
        np.diag(linear) if is_diagonal else linear,
        offset,
        output_shape=tuple(shape),
        order=order,
        mode="mirror",
    )
    for mask in outside:
        sampled[mask] = 0
    if order > 1:
        np.clip(sampled, min(working.min(), 0), max(working.max(), 0), out=sampled)
    return np.rint(sampled, out=sampled) if volume.dtype.kind in "iub" and order else sampled


def _outside(to_index: Affine, old: Sequence[int], new: Sequence[int]) -> list[Array]:
    """Return masks of the new grid: per axis of the old one, where a sample is outside of it."""
    corners = to_index @ np.array(np.meshgrid(*[(0, n - 1) for n in new], [1.0])).reshape(4, -1)
    i, j, k = np.ogrid[: new[0], : new[1], : new[2]]
    masks = []
    for n, row, at_corners in zip(old, to_index, corners, strict=False):
        low, high = -_TOLERANCE, n - 1 + _TOLERANCE
        if at_corners.min() < low or at_corners.max() > high:
            at = row[0] * i + row[1] * j + row[2] * k + row[3]
            masks.append((at < low) | (at > high))
    return masks


def _working_dtype(volume: Array) -> type[np.floating]:
    return np.float32 if volume.dtype.itemsize <= 2 or volume.dtype == np.float32 else np.float64


@accepts_tensors
def resample_to_spacing(array: Array, ratio: Sequence[float], shape: Sequence[int], interpolation: str) -> Array:
    """Shrink or stretch an array along its own axes, on the grid of `spaced_grid`; the rim is repeated outwards.

    Args:
        array: Leading axes, then three spatial axes.
        ratio: New spacing over old spacing, per spatial axis.
        shape: New spatial shape.
        interpolation: "nearest", "linear" or "cubic".

    Returns:
        An array of the same dtype; whole numbers are rounded.

    Example:
        >>> resample_to_spacing(np.float32([[[0, 1, 2, 3]]]), (1, 1, 2), (1, 1, 2), "linear")
        array([[[0.5, 2.5]]], dtype=float32)
    """
    if tuple(shape) == array.shape[-3:] and np.allclose(ratio, 1, rtol=0, atol=1e-6):
        return array
    if not array.size:
        return np.zeros((*array.shape[:-3], *shape), dtype=array.dtype)
    if interpolation == "nearest":
        return _nearest(array, ratio, shape)
    sampled = _linear(array, ratio, shape) if interpolation == "linear" else _cubic(array, ratio, shape)
    return (
        np.rint(sampled).astype(array.dtype) if array.dtype.kind in "iub" else sampled.astype(array.dtype, copy=False)
    )


def _nearest(array: Array, ratio: Sequence[float], shape: Sequence[int]) -> Array:
    for axis, (r, s) in enumerate(zip(ratio, shape, strict=True), start=array.ndim - 3):
        index = np.floor((np.arange(s) + 0.5) * r + 1e-9).astype(np.intp)
        array = array.take(np.clip(index, 0, array.shape[axis] - 1), axis=axis)
    return array


def _linear(array: Array, ratio: Sequence[float], shape: Sequence[int]) -> Array:
    """Interpolate with the axes in the order they have in memory; transposing a volume costs as much as the rest."""
    import torch

    stack = array.astype(_working_dtype(array), copy=False).reshape(-1, *array.shape[-3:])
    order = sorted(range(3), key=lambda axis: -abs(stack.strides[1 + axis]))
    volume = as_tensor(stack.transpose(0, *(1 + axis for axis in order)))[None]
    size, old = [shape[axis] for axis in order], volume.shape[-3:]
    # The function behind F.interpolate, called directly because F.interpolate takes a size or a factor, not both. It
    # ignores the factor along an axis whose length does not change, so there it is asked for one voxel more.
    asked = [s + (s == n) for s, n in zip(size, old, strict=True)]
    sampled = np.empty((len(stack), *asked), dtype=stack.dtype)  # NumPy asks for huge pages, torch for small ones
    factors = (1 / float(ratio[axis]) for axis in order)
    torch.ops.aten.upsample_trilinear3d.out(volume, asked, False, *factors, out=torch.from_numpy(sampled)[None])
    cut = sampled[..., : size[0], : size[1], : size[2]]
    return cut.transpose(0, *(1 + order.index(axis) for axis in range(3))).reshape(*array.shape[:-3], *shape)


def _cubic(array: Array, ratio: Sequence[float], shape: Sequence[int]) -> Array:
    from scipy import ndimage

    working = array.astype(_working_dtype(array), copy=False)
    result = np.empty((*array.shape[:-3], *shape), dtype=working.dtype)
    offset = (np.asarray(ratio) - 1) / 2
    for position in np.ndindex(array.shape[:-3]):
        ndimage.affine_transform(working[position], ratio, offset, output=result[position], order=3, mode="nearest")
    return np.clip(result, working.min(), working.max(), out=result)


def reorient(array: Array, affine: Affine, axes: str) -> tuple[Array, Affine]:
    """Permute and flip the spatial axes so that they point where the letters say; no voxel value changes.

    Args:
        array: Leading axes, then three spatial axes.
        affine: Of the array.
        axes: Where the three axes shall point, e.g. "RAS": to the right, to the front, to the head.

    Returns:
        The array as a view, and its new affine.

    Example:
        >>> flipped, grid = reorient(np.array([[[1, 2]]]), np.diag([1.0, 1, -3, 1]), "RAS")
        >>> flipped.ravel(), grid.diagonal()
        (array([2, 1]), array([1., 1., 3., 1.]))
    """
    import nibabel.orientations as orientations

    current = orientations.io_orientation(affine)
    change = orientations.ornt_transform(current, orientations.axcodes2ornt(axes))
    n_leading = array.ndim - 3
    shape = array.shape[n_leading:]
    for axis, flip in enumerate(change[:, 1]):
        if flip < 0:
            array = np.flip(array, n_leading + axis)
    order = [int(axis) for axis in np.argsort(change[:, 0])]
    moved = array.transpose(*range(n_leading), *(n_leading + axis for axis in order))
    return moved, np.asarray(affine @ orientations.inv_ornt_aff(change, shape))
