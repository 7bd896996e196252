"""Working on a volume a few planes at a time, so that no second one of its size is needed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.optional import is_torch
from eisen._core.types import Array

__all__ = ["label_map", "slabs"]

_VALUES = 2**20
"""How many values a slab has at most, unless a single plane has more."""


def slabs(shape: Sequence[int], n_channels: int) -> Iterator[tuple[int, int]]:
    """Go through (start, stop) along the first spatial axis, in pieces of at most some megabytes.

    Args:
        shape: Of the volume, without channels.
        n_channels: Its channels.

    Example:
        >>> list(slabs((100, 512, 512), 1))[:2]
        [(0, 4), (4, 8)]
    """
    plane = max(1, n_channels * int(np.prod(shape[1:], dtype=np.int64)))
    depth = max(1, _VALUES // plane)
    yield from ((start, min(start + depth, shape[0])) for start in range(0, shape[0], depth))


def label_map(
    read: Callable[[int, int], Any], shape: tuple[int, ...], n_channels: int, classes: Sequence[int] | None = None
) -> Array:
    """Return the class of every voxel: the channel with the largest value, of equals the first.

    Args:
        read: Returns the values (C, ...) between two planes.
        shape: Of the volume, without channels.
        n_channels: Number of classes.
        classes: The label of each channel; None: 0, 1, 2, ...

    Returns:
        (...) in the smallest integer type that holds the labels.

    Raises:
        ArgumentError: If there is one channel only, or another number of labels.

    Example:
        >>> values = np.array([[[1.0, 3.0]], [[2.0, 0.0]]])
        >>> label_map(lambda start, stop: values[:, start:stop], (1, 2), 2)
        array([[1, 0]], dtype=uint8)
    """
    names = np.asarray(list(range(n_channels)) if classes is None else classes)
    if n_channels < 2 or names.shape != (n_channels,) or names.dtype.kind not in "iu":
        raise ArgumentError(
            f"there are {n_channels} channels for the classes {names.tolist() if names.size < 20 else names.size}",
            expected="at least two channels, and one whole number for each",
            to_do="a threshold makes a mask of a single channel: result() > 0.5",
        )
    small = np.result_type(np.min_scalar_type(names.max()), np.min_scalar_type(min(0, names.min())))
    names = names.astype(small)
    labels = np.empty(shape, small)
    for start, stop in slabs(shape, n_channels):
        values = read(start, stop)
        winners = values.argmax(0)
        labels[start:stop] = names[winners.cpu().numpy() if is_torch(values) else winners]
    return labels
