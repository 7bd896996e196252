"""Cutting and filling: arrays of another size, and the boxes to cut at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.errors import ShapeError, VoxelValueError
from eisen._core.types import Affine, Array
from eisen.transforms.functional.tensors import accepts_tensors

__all__ = [
    "PAD_MODES",
    "centre_offset",
    "crop_or_pad",
    "foreground_box",
    "nth_voxel",
    "shift_affine",
    "target_size",
]

PAD_MODES = ("constant", "edge", "reflect")


def target_size(shape: Sequence[int], size: int | Sequence[int]) -> tuple[int, ...]:
    """Return the size as one number per spatial axis: an int means the last three axes, or both of two.

    Raises:
        ShapeError: If the array has fewer axes than the size has numbers.

    Example:
        >>> target_size((1, 64, 64, 20), 32), target_size((64, 64), 32), target_size((3, 64, 64), (32, 16))
        ((32, 32, 32), (32, 32), (32, 16))
    """
    if len(shape) < 2 or (isinstance(size, Sequence) and len(size) > len(shape)):
        raise ShapeError(
            f"an array of shape {tuple(shape)} cannot be cropped or padded to {size}",
            expected="at least as many axes as the size has numbers, and at least two",
            to_do="give the size of the spatial axes only; they are the last axes of the array",
        )
    return tuple(size) if isinstance(size, Sequence) else (size,) * min(len(shape), 3)


def centre_offset(shape: Sequence[int], size: Sequence[int]) -> tuple[int, ...]:
    """Return where in the array the first voxel of the new one is, per axis; negative where filling comes first.

    Cutting starts at floor((n - s) / 2), filling at floor((s - n) / 2), so the odd voxel is at the end.

    Example:
        >>> centre_offset((10, 4), (5, 7))
        (2, -1)
    """
    return tuple((n - s) // 2 if n > s else -((s - n) // 2) for n, s in zip(shape, size, strict=True))


@accepts_tensors
def crop_or_pad(
    array: Array,
    size: int | Sequence[int],
    offset: Sequence[int] | None = None,
    value: float | str = 0,
    mode: str = "constant",
) -> Array:
    """Return a part of the array, filled up where the array ends.

    Args:
        array: Any number of leading axes, then as many spatial axes as `size` has numbers.
        size: New size of the spatial axes, in voxels; an int for all of the last three (or both of two).
        offset: Index in the array of the first voxel of the result; None keeps the centre (`centre_offset`).
        value: What fills up; "min" is the smallest value of the array.
        mode: "constant" fills with `value`, "edge" repeats the rim, "reflect" mirrors the array at its rim.

    Returns:
        A fresh array of the same dtype.

    Raises:
        VoxelValueError: If an array of this dtype cannot hold `value`.
        ShapeError: If there is no voxel to repeat or mirror.

    Example:
        >>> crop_or_pad(np.ones((2, 2)), (2, 4))
        array([[0., 1., 1., 0.],
               [0., 1., 1., 0.]])
    """
    size = target_size(array.shape, size)
    lead, shape = array.shape[: -len(size)], array.shape[-len(size) :]
    start = centre_offset(shape, size) if offset is None else offset
    source: list[Any] = [...]
    target: list[Any] = [...]
    for n, s, first in zip(shape, size, start, strict=True):
        stop = max(min(n, first + s), 0)
        begin = min(max(first, 0), stop)
        source.append(slice(begin, stop))
        target.append(slice(begin - first, stop - first))
    if mode != "constant":
        return _continued(array, start, size, mode)
    result = np.full((*lead, *size), _fill(array, value), dtype=array.dtype)
    result[tuple(target)] = array[tuple(source)]
    return result


def _fill(array: Array, value: float | str) -> Any:
    if value == "min":
        return array.min() if array.size else 0
    kind = array.dtype.kind
    limits = np.iinfo(array.dtype) if kind in "iu" else None
    fits = value in (0, 1) if kind == "b" else limits is None or limits.min <= float(value) <= limits.max
    if not fits:
        raise VoxelValueError(
            f"an array of {array.dtype} cannot be filled up with {value}",
            expected="a value that fits the type of the voxels",
            to_do="convert the array first, or give a value per field, e.g. {'ct': -1000, 'label': 0}",
        )
    return value


def _continued(array: Array, start: Sequence[int], size: Sequence[int], mode: str) -> Array:
    """Cut and fill with voxels of the array: an index per axis that runs on beyond the ends."""
    for axis, (first, s) in enumerate(zip(start, size, strict=True), start=array.ndim - len(size)):
        n = array.shape[axis]
        index = np.arange(first, first + s)
        if n == 0 and s:
            raise ShapeError(f"an array of shape {array.shape} has no voxels to repeat", expected="mode='constant'")
        if mode == "edge" or n == 1:
            index = index.clip(0, max(n - 1, 0))
        else:
            index = np.abs((index + n - 1) % (2 * n - 2) - (n - 1))
        array = array.take(index, axis=axis)
    return array


def foreground_box(mask: Array, margin: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Return offset and size of the smallest box around all voxels that are True, or None if there is none.

    Args:
        mask: Boolean, spatial axes only.
        margin: Voxels to add on both sides of each axis; the box never leaves the array.

    Example:
        >>> mask = np.zeros((10, 10), bool)
        >>> mask[4:6, 9] = True
        >>> foreground_box(mask, (1, 2))
        ((3, 7), (4, 3))
    """
    box = []
    for axis, (n, extra) in enumerate(zip(mask.shape, margin, strict=True)):
        hits = np.flatnonzero(mask.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        if not hits.size:
            return None
        box.append((max(int(hits[0]) - extra, 0), min(int(hits[-1]) + 1 + extra, n)))
    return tuple(first for first, _ in box), tuple(end - first for first, end in box)


def nth_voxel(label: Array, value: float, u: float) -> tuple[int, ...] | None:
    """Return one of the voxels that have a value, or None if there is none.

    Counts per slice first and looks for the voxel in its slice only, so a large label map costs one comparison.

    Args:
        label: Spatial axes only.
        value: The value.
        u: Which one: 0 is the first, just below 1 the last; a uniform random number makes all equally likely.

    Example:
        >>> nth_voxel(np.array([[0, 2, 0], [2, 0, 2]]), 2, 0.5)
        (1, 0)
    """
    mask = label == value
    counts = np.count_nonzero(mask, axis=tuple(range(1, mask.ndim)))
    total = int(counts.sum())
    if not total:
        return None
    number = min(int(u * total), total - 1)
    ends = np.cumsum(counts)
    row = int(np.searchsorted(ends, number, side="right"))
    within = np.flatnonzero(mask[row])[number - int(ends[row] - counts[row])]
    return (row, *(int(i) for i in np.unravel_index(within, mask.shape[1:])))


def shift_affine(affine: Affine, offset: Sequence[float]) -> Affine:
    """Return the affine of an array whose first voxel is at index `offset` of the old one, in millimetres."""
    moved = affine.copy()
    moved[:3, 3] += affine[:3, :3] @ np.asarray(offset, dtype=np.float64)
    return moved
