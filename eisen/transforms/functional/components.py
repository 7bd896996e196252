"""Connected parts of label maps: number them, keep some, fill their holes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.types import Array
from eisen.transforms.functional.tensors import accepts_tensors

__all__ = ["CONNECTIVITIES", "fill_holes", "keep_components", "number_components"]

CONNECTIVITIES = {2: (4, 8), 3: (6, 18, 26)}
"""Neighbours of a voxel that can be chosen, by the number of spatial axes; the last one is the default."""


def _by_volume(array: Array, dims: int) -> Array:
    """Return the array with one leading axis for all that are not spatial, in C order."""
    n_leading = array.ndim - dims
    return np.ascontiguousarray(array).reshape(math.prod(array.shape[:n_leading]), *array.shape[n_leading:])


def _as_whole(volume: Array) -> Any:
    """Return the labels in a type that cc3d takes; with neighbours across corners 4.1.1 mixes booleans up."""
    if volume.dtype == bool:
        return np.ascontiguousarray(volume).view(np.uint8).copy()
    whole = volume if volume.dtype.kind in "iu" else volume.astype(np.int32)
    return whole if whole.flags.writeable else whole.copy()


def _components(volume: Array, connectivity: int | None) -> tuple[Array, Array, Array]:
    """Return the number of each voxel's component, and size and label value of each component (0 is background)."""
    import cc3d

    whole = _as_whole(volume)
    neighbours: Any = connectivity or CONNECTIVITIES[volume.ndim][-1]
    numbers = cc3d.connected_components(whole, connectivity=neighbours)
    sizes = np.bincount(numbers.ravel())
    labels = np.zeros(len(sizes), dtype=np.int64)
    labels[numbers.ravel()] = whole.ravel()
    sizes[0] = 0
    return numbers, sizes, labels


@accepts_tensors
def number_components(label: Array, dims: int = 3, connectivity: int | None = None) -> Array:
    """Give each connected part of each class a number of its own: 1 is the largest.

    Args:
        label: Any leading axes, then `dims` spatial axes.
        dims: Spatial axes, 2 or 3.
        connectivity: Neighbours of a voxel: 6, 18 or 26 in 3-D, 4 or 8 in 2-D; None: the most.

    Returns:
        int32 label map of the same shape.

    Example:
        >>> number_components(np.array([[1, 0, 2, 2, 0, 1, 1, 1]]), dims=2)
        array([[3, 0, 2, 2, 0, 1, 1, 1]], dtype=int32)
    """
    result = np.zeros(_by_volume(label, dims).shape, dtype=np.int32)
    for volume, target in zip(_by_volume(label, dims), result, strict=True):
        if volume.size:
            numbers, sizes, _ = _components(volume, connectivity)
            rank = np.zeros(len(sizes), dtype=np.int32)
            order = np.argsort(-sizes[1:], kind="stable")
            rank[order + 1] = np.arange(1, len(sizes))
            target[...] = rank[numbers]
    return result.reshape(label.shape)


@accepts_tensors
def keep_components(
    label: Array,
    n_largest: int | None = 1,
    min_voxels: float = 0,
    classes: Sequence[int] | None = None,
    dims: int = 3,
    connectivity: int | None = None,
) -> Array:
    """Keep the largest connected parts of each class, and make the others background.

    Args:
        label: Any leading axes, then `dims` spatial axes.
        n_largest: So many of each class stay; None: all.
        min_voxels: What is smaller than this goes.
        classes: The classes to clean; the others stay as they are. None: all.
        dims: Spatial axes, 2 or 3.
        connectivity: Neighbours of a voxel: 6, 18 or 26 in 3-D, 4 or 8 in 2-D; None: the most.

    Returns:
        A label map of the same type.

    Example:
        >>> keep_components(np.array([[1, 0, 1, 1, 0, 2]], "uint8"), dims=2)
        array([[0, 0, 1, 1, 0, 2]], dtype=uint8)
    """
    result = _by_volume(label, dims).copy()
    for volume in result:
        if volume.size:
            numbers, sizes, labels = _components(volume, connectivity)
            goes = _unwanted(sizes, labels, n_largest, min_voxels, classes)
            if goes.any():
                volume[goes[numbers]] = 0
    return result.reshape(label.shape)


def _unwanted(
    sizes: Array, labels: Array, n_largest: int | None, min_voxels: float, classes: Sequence[int] | None
) -> Array:
    """Return which components go."""
    goes = sizes < min_voxels
    for value in np.unique(labels[1:]):
        of_class = np.flatnonzero(labels == value)
        of_class = of_class[of_class > 0]
        if classes is not None and value not in classes:
            goes[of_class] = False
        elif n_largest is not None:
            largest_first = of_class[np.argsort(-sizes[of_class], kind="stable")]
            goes[largest_first[n_largest:]] = True
    goes[0] = False
    return goes


@accepts_tensors
def fill_holes(label: Array, classes: Sequence[int] | None = None, dims: int = 3) -> Array:
    """Fill background that is enclosed by one class with that class.

    Args:
        label: Any leading axes, then `dims` spatial axes.
        classes: The classes whose holes are filled; None: all.
        dims: Spatial axes, 2 or 3.

    Returns:
        A label map of the same type.

    Example:
        >>> fill_holes(np.array([[2, 2, 2], [2, 0, 2], [2, 2, 2]]), dims=2)[1]
        array([2, 2, 2])
    """
    result = _by_volume(label, dims).copy()
    for volume in result:
        if volume.size and not volume.all():
            _fill(volume, classes)
    return result.reshape(label.shape)


def _fill(volume: Array, classes: Sequence[int] | None) -> None:
    """Look at each part of the background: enclosed, and all its neighbours of one class."""
    import cc3d

    neighbours: Any = CONNECTIVITIES[volume.ndim][0]
    holes = cc3d.connected_components(volume == 0, connectivity=neighbours)
    count = int(holes.max()) + 1
    low = np.full(count, np.iinfo(np.int64).max)
    high = np.full(count, np.iinfo(np.int64).min)
    open_ = np.zeros(count, dtype=bool)
    for axis in range(volume.ndim):
        for face in (0, -1):
            open_[holes.take(face, axis)] = True
        _note_neighbours(np.moveaxis(volume, axis, 0), np.moveaxis(holes, axis, 0), low, high)
    fills = (low == high) & ~open_
    fills[0] = False
    if classes is not None:
        fills &= np.isin(low, list(classes))
    if fills.any():
        inside = fills[holes]
        volume[inside] = low[holes[inside]]


def _note_neighbours(volume: Array, holes: Array, low: Array, high: Array) -> None:
    """Note the smallest and the largest label next to each part of the background, along the first axis."""
    for here, there in ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))):
        touching = (holes[here] > 0) & (volume[there] != 0)
        number, value = holes[here][touching], volume[there][touching].astype(np.int64)
        np.minimum.at(low, number, value)
        np.maximum.at(high, number, value)
