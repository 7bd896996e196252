"""Parts of arrays, wherever the arrays are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.types import Array

__all__ = ["ArraySource", "Region", "RegionSource", "full_region", "read_padded", "split_region"]

Region: TypeAlias = tuple[slice, ...]
"""One ``slice(start, stop)`` per axis, the channel axis included; numbers of both, no steps."""


class RegionSource(Protocol):
    """An array of which parts can be read: in memory, in a store, or in a file."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape, channels first."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type that `read` gives."""

    def read(self, region: Region | None = None, out: Array | None = None) -> Array:
        """Return a part as an array of its own, written into `out` if there is one; None: all of it.

        Args:
            region: The part; it lies inside of the array.
            out: An array of the right shape, of any type the values can be cast to.
        """


class ArraySource:
    """An array in memory, as something of which parts can be read.

    Args:
        array: A NumPy array or CPU tensor of any shape.

    Example:
        >>> source = ArraySource(np.arange(24).reshape(2, 3, 4))
        >>> source.read((slice(0, 1), slice(1, 3), slice(2, 4)))
        array([[[ 6,  7],
                [10, 11]]])
    """

    def __init__(self, array: Any) -> None:
        self._array: Array = np.asarray(array)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self._array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the array."""
        return self._array.dtype

    def read(self, region: Region | None = None, out: Array | None = None) -> Array:
        """Return a copy of a part, see `RegionSource`."""
        part = self._array if region is None else self._array[region]
        if out is None:
            return np.array(part)
        np.copyto(out, part, casting="same_kind")
        return out


def full_region(shape: Sequence[int]) -> Region:
    """Return the region that is all of an array.

    Args:
        shape: Shape of the array.

    Example:
        >>> full_region((2, 10))
        (slice(0, 2, None), slice(0, 10, None))
    """
    return tuple(slice(0, int(n)) for n in shape)


def split_region(region: Region, shape: Sequence[int]) -> tuple[Region, Region]:
    """Return the part of a region that is inside of an array, in the array and in the region.

    Args:
        region: May reach beyond the array, with negative starts too (which count from the first voxel, not the last).
        shape: Shape of the array.

    Returns:
        Where to read in the array, and where that belongs in an array of the region's shape. Both are empty where the
        region is completely outside.

    Raises:
        ArgumentError: If the region has another number of axes, or a stop before its start.

    Example:
        >>> split_region((slice(-2, 3),), (10,))
        ((slice(0, 3, None),), (slice(2, 5, None),))
    """
    if len(region) != len(shape) or any(part.stop < part.start for part in region):
        raise ArgumentError(
            f"the region {region} does not fit an array of shape {tuple(shape)}",
            expected=f"{len(shape)} slices, each with start <= stop",
        )
    inside, place = [], []
    for part, size in zip(region, shape, strict=True):
        start = min(max(part.start, 0), size)
        stop = max(min(part.stop, size), start)
        inside.append(slice(start, stop))
        place.append(slice(start - part.start, stop - part.start) if stop > start else slice(0, 0))
    return tuple(inside), tuple(place)


def read_padded(source: RegionSource, region: Region, fill: float = 0, out: Array | None = None) -> Array:
    """Return a region that may reach beyond an array: real values inside, one value outside.

    Args:
        source: Where to read.
        region: Of any place, see `split_region`.
        fill: The value outside.
        out: An array of the region's shape to write to.

    Example:
        >>> read_padded(ArraySource(np.array([5, 6, 7])), (slice(-1, 2),), fill=-1)
        array([-1,  5,  6])
    """
    inside, place = split_region(region, source.shape)
    shape = tuple(part.stop - part.start for part in region)
    if tuple(part.stop - part.start for part in inside) == shape:
        return source.read(inside, out)
    result = np.empty(shape, source.dtype) if out is None else out
    result[...] = fill
    if all(part.stop > part.start for part in inside):
        result[place] = source.read(inside)
    return result
