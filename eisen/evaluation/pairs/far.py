"""How far it is to the nearest of many places, where that is too far to look around: trees, or a transform."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array
from eisen.evaluation.pairs.field import Field
from eisen.evaluation.pairs.transform import squares_within

__all__ = ["far_distances", "far_seconds"]

_Floats = npt.NDArray[np.float64]
_Box = tuple[slice, ...]
_TRANSFORM = 25e-9
"""Seconds per voxel of a transform, about."""
_ASK = 2.5e-6
"""Seconds per place that a tree is asked for."""
_PLANT = 2e-4
"""Seconds for one of the trees."""
_BEGIN = 4e-3
"""Seconds before the first answer of trees."""
_EVERY = 7
"""One place of so many is looked at to find some marks."""
_ENOUGH = 500
"""So many marks tell roughly how far it is."""
_SAMPLE = 4000
"""So many places, and marks, tell how far the transform has to reach."""
_CELL = 16
"""Places in a cube of this many voxels are asked for together."""
_CERTAIN = 99
"""Per cent of the places that the transform reaches."""


def far_seconds(field: Field, n_places: Array) -> _Floats:
    """Return about how long it takes to find the distances of so many places.

    Args:
        field: Where they are.
        n_places: One or several numbers.
    """
    return np.where(n_places < 1, 0.0, np.minimum(_tree_seconds(field, n_places), _transform_seconds(field)))


def far_distances(field: Field, places: Array, marks: Array) -> _Floats:
    """Return the distance from places to the nearest mark in mm.

    Args:
        field: Where both are.
        places: From where.
        marks: Flat, with at least one mark.
    """
    if not len(places):
        return np.zeros(0)
    roughly = _tree_of_some(field, marks)
    if _tree_seconds(field, np.array(len(places))) < _transform_seconds(field):
        return _from_trees(field, places, marks, roughly)
    return _from_transform(field, places, marks, roughly)


def _tree_seconds(field: Field, n_places: Array) -> _Floats:
    n_trees = np.minimum(n_places / 4, field.size / _CELL**3)
    seconds: _Floats = n_places * _ASK + n_trees * _PLANT + _BEGIN
    return seconds


def _transform_seconds(field: Field) -> float:
    """Squares of distances are whole numbers only where the spacing is the same along all axes."""
    return field.size * _TRANSFORM if len(set(field.spacing)) == 1 else float("inf")


def _tree_of_some(field: Field, marks: Array) -> Any:
    """Return a tree of some marks: how far it is to them is an upper bound."""
    from scipy.spatial import cKDTree

    places = np.flatnonzero(marks[::_EVERY]) * _EVERY
    if len(places) < _ENOUGH:
        places = np.flatnonzero(marks)
    return cKDTree(field.coordinates(places[:: max(1, len(places) // _SAMPLE)]) * field.spacing)


def _from_transform(field: Field, places: Array, marks: Array, roughly: Any) -> _Floats:
    step = field.spacing[0]
    sample = field.coordinates(places[:: max(1, len(places) // _SAMPLE)])
    radius = ceil(np.percentile(roughly.query(sample * step)[0], _CERTAIN) / step)
    squares = squares_within(field, places, marks, radius)
    distances = np.sqrt(squares.astype(np.float64)) * step
    beyond = np.flatnonzero(squares > radius**2)
    distances[beyond] = _from_trees(field, places[beyond], marks, roughly)
    return distances


def _from_trees(field: Field, places: Array, marks: Array, roughly: Any) -> _Floats:
    """Ask for the places of each cube together, a tree of all marks that can be the nearest of one of them."""
    from scipy.spatial import cKDTree

    volume, distances = marks.reshape(field.shape), np.empty(len(places))
    indices = field.coordinates(places)
    for members in _cubes(indices // _CELL):
        at_most = roughly.query(indices[members] * field.spacing)[0].max()
        box = _box_around(field, indices[members], float(at_most))
        near = np.argwhere(volume[box]) + [side.start for side in box]
        tree = cKDTree(near * field.spacing, balanced_tree=False, compact_nodes=False)
        distances[members] = tree.query(indices[members] * field.spacing)[0]
    return distances


def _cubes(cube: Array) -> Iterator[Array]:
    """Yield which places are in each cube."""
    if len(cube):
        order = np.lexsort(cube.T)
        ends = np.flatnonzero(np.any(np.diff(cube[order], axis=0), axis=1)) + 1
        yield from np.split(order, ends)


def _box_around(field: Field, indices: Array, distance_mm: float) -> _Box:
    reach = [int(distance_mm / step + 1e-6) + 1 for step in field.spacing]
    first, last = indices.min(axis=0), indices.max(axis=0)
    return tuple(
        slice(max(0, int(a) - r), min(n, int(b) + r + 1))
        for a, b, r, n in zip(first, last, reach, field.shape, strict=True)
    )
