"""What the values of a reference mean to the model: transforms may have merged labels, or dropped some."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.errors import EisenError
from eisen._core.types import Array, Geometry
from eisen.transforms.functional.regridding import regrid

__all__ = ["label_map_of", "translated", "translation"]

_UNSEEN = -(2**15)


def label_map_of(value: Any, n_axes: int, values: Sequence[int] | None = None) -> Array:
    """Return a label map without channels, of a map or of one channel per class.

    Args:
        value: (axes) or (channels, axes).
        n_axes: How many axes of space there are.
        values: Label value of each channel; None: 0, 1, 2 ...

    Example:
        >>> label_map_of(np.array([[[1, 0]], [[0, 1]]]), 2, [0, 7]).tolist()
        [[0, 7]]
    """
    array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value)
    if array.ndim <= n_axes:
        return np.asarray(np.rint(array), np.int32)
    if len(array) == 1:
        return np.asarray(np.rint(array[0]), np.int32)
    table = np.asarray(values if values is not None and len(values) == len(array) else range(len(array)), np.int32)
    labels = table[array.argmax(axis=0)]
    if 0 not in table:
        labels = np.where(array.max(axis=0) > 0.5, labels, 0)
    return np.asarray(labels)


def translation(read: Array, taught: Array, geometry: Geometry, grid: Geometry) -> dict[int, int]:
    """Return which values of a reference became other ones on their way to the model.

    A value that is found again at its own place is itself; resampling may lose some voxels of it.

    Args:
        read: The reference as it was read, on `grid`.
        taught: What the model is compared with, on the grid of `geometry`.
        geometry: Where that is.
        grid: Where the file is.

    Example:
        >>> grid = Geometry.of(np.eye(4), (4, 1, 1))
        >>> read = np.array([0, 1, 2, 2]).reshape(4, 1, 1)
        >>> translation(read, np.minimum(read, 1), grid, grid)
        {2: 1}
    """
    try:
        there = regrid(taught.astype(np.int32), geometry, grid, "nearest", _UNSEEN)
    except EisenError:  # tissue has folded: nothing can be told voxel by voxel
        return {}
    found = {}
    for value in np.unique(read):
        others = there[(read == value) & (there != _UNSEEN)]
        if not others.size or value in others:
            continue
        became, counts = np.unique(others, return_counts=True)
        found[int(value)] = int(became[counts.argmax()])
    return found


def translated(labels: Array, table: dict[int, int]) -> Array:
    """Return a label map with some values replaced by others.

    Example:
        >>> translated(np.array([0, 1, 2]), {2: 1}).tolist()
        [0, 1, 1]
    """
    if not table:
        return labels
    result = labels.copy()
    for value, other in table.items():
        result[labels == value] = other
    return result
