"""Mirroring and turning by right angles: voxels change places, no value changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.optional import is_torch

__all__ = ["flip", "flip_map", "rotate90", "rotate90_map"]

IndexMap = npt.NDArray[np.float64]


def flip(array: Any, axes: Sequence[int]) -> Any:
    """Return the array mirrored along some axes.

    Args:
        array: Array or tensor.
        axes: Axes of the array; negative ones count from the end.

    Example:
        >>> flip(np.array([[1, 2], [3, 4]]), (-1,))
        array([[2, 1],
               [4, 3]])
    """
    if is_torch(array):
        return array.flip(tuple(axes))
    return np.ascontiguousarray(np.flip(array, tuple(axes)))  # torch knows no negative strides


def flip_map(shape: Sequence[int], axes: Sequence[int]) -> IndexMap:
    """Return the index map of `flip`, index of the result to index of the source, shape (d, d + 1).

    Args:
        shape: Spatial shape.
        axes: Spatial axes from 0.

    Example:
        >>> flip_map((4, 5), (1,))
        array([[ 1.,  0.,  0.],
               [ 0., -1.,  4.]])
    """
    matrix = np.eye(len(shape), len(shape) + 1)
    for axis in axes:
        matrix[axis, axis], matrix[axis, -1] = -1, shape[axis] - 1
    return matrix


def rotate90(array: Any, times: int, axes: Sequence[int]) -> Any:
    """Return the array turned by right angles, from the first of two axes towards the second.

    Args:
        array: Array or tensor.
        times: How many right angles; negative turns back.
        axes: Two axes of the array; negative ones count from the end.

    Example:
        >>> rotate90(np.array([[1, 2], [3, 4]]), 1, (0, 1))
        array([[2, 4],
               [1, 3]])
    """
    if is_torch(array):
        return array.rot90(times, tuple(axes))
    return np.ascontiguousarray(np.rot90(array, times, (axes[0], axes[1])))


def rotate90_map(shape: Sequence[int], times: int, axes: Sequence[int]) -> tuple[IndexMap, tuple[int, ...]]:
    """Return the index map of `rotate90`, index of the result to index of the source, and the new shape.

    Args:
        shape: Spatial shape.
        times: How many right angles.
        axes: Two spatial axes from 0.

    Example:
        >>> rotate90_map((4, 5), 1, (0, 1))
        (array([[ 0.,  1.,  0.],
               [-1.,  0.,  4.]]), (5, 4))
    """
    a, b = axes
    matrix, size = np.eye(len(shape) + 1), list(shape)
    for _ in range(times % 4):
        turn = np.eye(len(shape) + 1)
        turn[[a, b]] = 0
        turn[a, b], turn[b, a], turn[b, -1] = 1, -1, size[b] - 1
        matrix = matrix @ turn
        size[a], size[b] = size[b], size[a]
    return matrix[:-1], tuple(size)
