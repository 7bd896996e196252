"""Cutting and filling: arrays of another size around the same centre."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.errors import ShapeError
from eisen._core.types import Affine, Array
from eisen.transforms.functional.tensors import accepts_tensors

__all__ = ["centre_offset", "crop_or_pad", "shift_affine", "target_size"]


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
    """Return where in the array the first voxel of the new one is, per axis; negative where zeros come first.

    Cutting starts at floor((n - s) / 2), filling at floor((s - n) / 2), so the odd voxel is at the end.

    Example:
        >>> centre_offset((10, 4), (5, 7))
        (2, -1)
    """
    return tuple((n - s) // 2 if n > s else -((s - n) // 2) for n, s in zip(shape, size, strict=True))


@accepts_tensors
def crop_or_pad(array: Array, size: int | Sequence[int], offset: Sequence[int] | None = None) -> Array:
    """Return a part of the array, filled with zeros where the array ends.

    Args:
        array: Any number of leading axes, then as many spatial axes as `size` has numbers.
        size: New size of the spatial axes, in voxels; an int for all of the last three (or both of two).
        offset: Index in the array of the first voxel of the result; None keeps the centre (`centre_offset`).

    Returns:
        A fresh array of the same dtype.

    Example:
        >>> crop_or_pad(np.ones((2, 2)), (2, 4))
        array([[0., 1., 1., 0.],
               [0., 1., 1., 0.]])
    """
    size = target_size(array.shape, size)
    shape = array.shape[-len(size) :]
    start = centre_offset(shape, size) if offset is None else offset
    result = np.zeros((*array.shape[: -len(size)], *size), dtype=array.dtype)
    source: list[Any] = [...]
    target: list[Any] = [...]
    for n, s, first in zip(shape, size, start, strict=True):
        stop = max(min(n, first + s), 0)
        begin = min(max(first, 0), stop)
        source.append(slice(begin, stop))
        target.append(slice(begin - first, stop - first))
    result[tuple(target)] = array[tuple(source)]
    return result


def shift_affine(affine: Affine, offset: Sequence[float]) -> Affine:
    """Return the affine of an array whose first voxel is at index `offset` of the old one, in millimetres."""
    moved = affine.copy()
    moved[:3, 3] += affine[:3, :3] @ np.asarray(offset, dtype=np.float64)
    return moved
