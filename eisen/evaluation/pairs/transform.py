"""Squares of distances in whole voxels, axis after axis, only where they are asked for and only up to a radius."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array
from eisen.evaluation.pairs.field import Field

__all__ = ["squares_within"]

_FAR = 1 << 15
"""Square of a distance that stands for all that are too far; twice this fits in 16 bits."""
_LARGEST_RADIUS = 127
"""Its square is less than half of that, and it fits in 7 bits."""
_SLAB = 1 << 20
"""Voxels whose squares are kept at a time, beside those within the radius of them."""
_FEWEST_PLANES = 8


def squares_within(field: Field, places: Array, marks: Array, radius: int) -> npt.NDArray[np.int32]:
    """Return the square of the distance to the nearest mark in voxels; more than ``radius**2`` where it is farther.

    Source: Saito and Toriwaki, New algorithms for Euclidean distance transformation of an n-dimensional digitized
    picture with applications, Pattern Recognition 27, 1994.

    Args:
        field: With the same spacing along all axes.
        places: From where, ascending.
        marks: Flat.
        radius: Up to where the squares are exact; at most 127 are looked at.
    """
    radius = min(radius, _LARGEST_RADIUS)
    volume, squares = marks.reshape(field.shape), np.empty(len(places), np.int32)
    n_planes = max(_FEWEST_PLANES, _SLAB // field.strides[0])
    ring = np.empty((n_planes + 2 * radius, field.strides[0]), np.uint16)  # plane p is in row p % len(ring)
    ready = 0
    for start in range(0, field.shape[0], n_planes):
        stop = min(start + n_planes, field.shape[0])
        members = slice(*np.searchsorted(places, (start * field.strides[0], stop * field.strides[0])))
        if members.start == members.stop:
            continue
        ready = _fill(ring, volume, max(ready, start - radius), min(stop + radius, field.shape[0]), radius)
        squares[members] = _between_planes(ring, places[members], field, radius)
    squares[squares > radius**2] = np.iinfo(np.int32).max
    return squares


def _fill(ring: Array, volume: Array, start: int, stop: int, radius: int) -> int:
    """Put planes into the ring, and return the one after the last."""
    for plane in range(start, stop):
        along = np.ascontiguousarray(_along(np.ascontiguousarray(volume[plane].T), radius).T)
        ring[plane % len(ring)] = (_across(along, radius) if along.ndim == 2 else along).reshape(-1)
    return max(start, stop)


def _between_planes(ring: Array, places: Array, field: Field, radius: int) -> npt.NDArray[np.uint16]:
    """Return the least of the squares of all planes at places, each with the square of the distance to the plane."""
    plane, rest = np.divmod(places, field.strides[0])
    nearest = np.full(len(places), 2 * _FAR - 1, np.uint16)
    for step in range(-radius, radius + 1):
        there = np.clip(plane + step, 0, field.shape[0] - 1)  # the last plane instead, from farther away than it is
        there %= len(ring)
        there *= field.strides[0]
        there += rest
        found = ring.reshape(-1).take(there)
        found += np.uint16(step * step)
        np.minimum(nearest, found, out=nearest)
    return nearest


def _along(marks: Array, radius: int) -> npt.NDArray[np.uint16]:
    """Return the squares of distances to marks along the first axis: those 1, 2, 4, ... voxels away decide."""
    steps = np.where(marks, np.uint8(0), np.uint8(128))
    step = 1
    while step <= radius:
        farther = steps + np.uint8(step)
        np.minimum(steps[step:], farther[:-step], out=steps[step:])
        np.minimum(steps[:-step], farther[step:], out=steps[:-step])
        step *= 2
    squares = steps.astype(np.uint16)
    squares *= squares
    squares[steps >= 128] = _FAR
    return squares


def _across(along: npt.NDArray[np.uint16], radius: int) -> npt.NDArray[np.uint16]:
    """Return the least of the squares of all rows of a plane, each with the square of the distance to the row."""
    least, farther = along.copy(), np.empty_like(along)
    for step in range(1, min(radius, len(along) - 1) + 1):
        np.add(along, np.uint16(step * step), out=farther)
        np.minimum(least[step:], farther[:-step], out=least[step:])
        np.minimum(least[:-step], farther[step:], out=least[:-step])
    return least
