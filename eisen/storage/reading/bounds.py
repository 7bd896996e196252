"""What every reader of parts checks first: the part that is asked for, and the array it shall go to."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.types import Array
from eisen.storage.regions import Region

__all__ = ["LINE", "Bounds", "as_bytes", "bounds_of", "checked_out", "empty"]

Bounds = list[tuple[int, int]]
"""Start and stop along each axis."""

LINE = 64
"""Bytes of a cache line. The kernel copies much to memory that does not begin on one at a quarter of its speed."""
_LARGE = 1 << 20


def bounds_of(region: Region | None, shape: tuple[int, ...]) -> Bounds:
    """Return start and stop of a region along each axis; None: of the whole array.

    Raises:
        ArgumentError: If it does not lie inside of the array, or is no region.

    Example:
        >>> bounds_of((slice(0, 2), slice(3, 5)), (2, 10))
        [(0, 2), (3, 5)]
    """
    if region is None:
        return [(0, size) for size in shape]
    try:
        if len(region) == len(shape):
            bounds = [(part.start, part.stop) for part in region if part.step is None or part.step == 1]
            ends = zip(bounds, shape, strict=True)  # a region with steps has fewer
            if all([0 <= start <= stop <= size for (start, stop), size in ends]):  # noqa: C419  # faster than without []
                return bounds
    except (TypeError, ValueError, AttributeError):
        pass
    raise ArgumentError(
        f"the region {region!r} is not inside an array of shape {shape}"[:300],
        expected=f"{len(shape)} slices (the channel axis included), each with 0 <= start <= stop <= size and no step",
        to_do="eisen.storage.read_padded reads regions that reach beyond an array",
    )


def checked_out(out: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """Return the array that values shall be written to, or say why they cannot.

    Args:
        out: The array.
        shape: Shape of the values.
        dtype: Their type.

    Raises:
        ArgumentError: If it has another shape, or a type that cannot hold them.
    """
    if out.shape != shape:
        raise ArgumentError(f"out has the shape {out.shape}", expected=f"{shape}, the shape of the region")
    if out.dtype != dtype and not np.can_cast(dtype, out.dtype, "same_kind"):
        raise ArgumentError(f"out is {out.dtype}", expected=f"a type that {dtype} can be cast to", to_do="use float32")
    return out


def empty(shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """Return an array that is not filled; large ones begin on a cache line, where NumPy's do not."""
    n_bytes = prod(shape) * dtype.itemsize
    if n_bytes < _LARGE:
        return np.empty(shape, dtype)
    room = np.empty(n_bytes + LINE, np.uint8)
    return np.ndarray(shape, dtype, room, -room.__array_interface__["data"][0] % LINE)


def as_bytes(array: Array) -> memoryview:
    """Return the memory of an array that lies in one piece."""
    if array.dtype.kind == "c":
        array = array.reshape(-1).view(np.uint8)
    return array.data.cast("B")
