"""Windows that cover a volume: where they start, and how much each of their voxels counts where they overlap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError, ShapeError
from eisen._core.types import Array

__all__ = ["window_starts", "window_weights"]

_SMALLEST = 1e-3
"""No voxel counts less than this, as far as the centre counts 1: tiny weights would make the division inexact."""


def window_weights(shape: Sequence[int], kind: str | Array = "constant", sigma: float = 0.125) -> Array:
    """Return how much each voxel of a window counts where windows overlap.

    Args:
        shape: Size of the window along each spatial axis, without channels.
        kind: ``"constant"`` lets all count 1; ``"gaussian"`` lets those in the centre count more, because networks
            know least at the border; an array of the window's shape says it voxel by voxel.
        sigma: Standard deviation of the Gaussian, as a part of the size of the window.

    Returns:
        Array of the window's shape, float32; all values are above 0.

    Raises:
        ArgumentError: If there is no such kind, a size is not positive, or a weight of the array is not positive.
        ShapeError: If the array has another shape.

    Source: Isensee et al. 2021, nnU-Net, supplementary note 2 (Gaussian importance weighting of patches).

    Example:
        >>> [round(float(w), 3) for w in window_weights((3,), "gaussian", sigma=0.5)]
        [0.801, 1.0, 0.801]
    """
    sizes = _checked_sizes(shape)
    if not isinstance(kind, str):
        return _checked_weights(kind, sizes)
    if kind == "constant":
        return np.ones(sizes, np.float32)
    if kind != "gaussian":
        raise ArgumentError(f"window weights are {kind!r}", expected="'constant', 'gaussian' or an array")
    if not (sigma > 0 and math.isfinite(sigma)):
        raise ArgumentError(f"sigma of the window weights is {sigma!r}", expected="a number above 0, e.g. 0.125")
    weights: Array = np.ones((), np.float64)
    for size in sizes:
        distance = (np.arange(size) - (size - 1) / 2) / (sigma * size)
        weights = weights[..., None] * np.exp(-0.5 * distance**2)
    return np.maximum(weights, _SMALLEST).astype(np.float32)


def window_starts(size: int, window: int, overlap: float = 0.5) -> list[int]:
    """Return where windows along one axis start, so that together they cover every voxel.

    The last window is shifted back to end with the axis, so it may overlap its neighbour more than the others.

    Args:
        size: Number of voxels of the axis.
        window: Size of the windows along it; one of at least `size` starts at 0 and reaches beyond.
        overlap: How much of a window its neighbour covers too, from 0 to below 1.

    Raises:
        ArgumentError: If a size is not positive or the overlap is not in [0, 1).

    Example:
        >>> window_starts(10, 4, overlap=0.5)
        [0, 2, 4, 6]
        >>> window_starts(10, 4, overlap=0)
        [0, 4, 6]
    """
    size, window = _checked_sizes((size, window))
    step = max(1, math.floor(window * (1 - checked_overlap(overlap)) + 1e-9))
    last = max(0, size - window)
    return [*range(0, last, step), last]


def checked_overlap(overlap: float) -> float:
    """Return an overlap that is from 0 to below 1.

    Raises:
        ArgumentError: If it is not.
    """
    if isinstance(overlap, bool) or not isinstance(overlap, (int, float)) or not 0 <= overlap < 1:
        raise ArgumentError(
            f"the overlap of windows is {overlap!r}",
            expected="a part of the window from 0 to below 1, e.g. 0.5",
            to_do="an overlap in voxels is overlap / window",
        )
    return float(overlap)


def _checked_sizes(shape: Sequence[int]) -> tuple[int, ...]:
    sizes = tuple(shape)
    if not sizes or any(not _is_size(n) for n in sizes):
        raise ArgumentError(f"a size is not positive: {sizes}", expected="whole numbers from 1, one for each axis")
    return tuple(int(n) for n in sizes)


def _is_size(number: Any) -> bool:
    return bool(isinstance(number, (int, np.integer)) and not isinstance(number, bool) and number > 0)


def _checked_weights(weights: Any, sizes: tuple[int, ...]) -> Array:
    array: Array = np.array(weights, dtype=np.float32)
    if array.shape != sizes:
        raise ShapeError(f"the window weights have shape {array.shape}", expected=f"that of the window, {sizes}")
    if not (np.isfinite(array).all() and (array > 0).all()):
        raise ArgumentError("some window weights are not above 0", expected="finite numbers above 0 for every voxel")
    return array
