"""How far it is from places to the nearest of others: exact, and fast where it is not far."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array
from eisen.evaluation.pairs.far import far_distances, far_seconds
from eisen.evaluation.pairs.field import Field

__all__ = ["Nearest", "marked", "marked_box", "nearest"]

_Bools = npt.NDArray[np.bool_]
_LOOK = 1.1e-9
"""Seconds for looking at one neighbour of one place."""
_LOOK_OF_FEW = 4e-9
"""The same where few places look at many neighbours at once."""
_CALL = 6e-6
"""Seconds for looking at one neighbour of no places."""
_SAMPLE = 512
"""How many places are asked first, to see how far it is."""
_FEW = 4096
"""So few places look at many neighbours at once."""
_PART = 1 << 17
"""How many places are searched from at a time."""
_NOT_FOUND = -1


@dataclass(frozen=True)
class Nearest:
    """Distances from places to the nearest of others.

    Args:
        shell: Number of the shell of steps in which the nearest lies, for every place; -1 where it is farther.
        lengths: In mm, of the shells.
        far_mm: Distances of the places that are farther, in their order.
    """

    shell: npt.NDArray[np.int16]
    lengths: npt.NDArray[np.float64]
    far_mm: npt.NDArray[np.float64]

    @property
    def distances_mm(self) -> npt.NDArray[np.float64]:
        """The distance of every place."""
        distances = self.lengths[self.shell]
        distances[self.shell == _NOT_FOUND] = self.far_mm
        return distances


@contextmanager
def marked(field: Field, places: Array) -> Iterator[_Bools]:
    """Lend the flat field with places marked.

    Args:
        field: Where.
        places: Which.
    """
    marks = field.blank
    marks[places] = True
    try:
        yield marks
    finally:
        marks[places] = False


@contextmanager
def marked_box(field: Field, mask: Array) -> Iterator[_Bools]:
    """Lend the flat field with a mask marked.

    Args:
        field: Where.
        mask: Of the shape of its maps.
    """
    inside = field.blank.reshape(field.shape)[field.inside]
    inside[...] = mask
    del mask  # it would stay as long as the marks do
    try:
        yield field.blank
    finally:
        inside[...] = False


def nearest(field: Field, places: Array, marks: _Bools) -> Nearest:
    """Return how far it is from places to the nearest mark.

    Neighbours are looked at in the order of their distance, as far as that is cheaper than computing distances
    everywhere, or finding them with a tree; a sample of the places tells.

    Args:
        field: Where both are.
        places: From where.
        marks: Flat, with at least one mark.
    """
    n_shells = _worthwhile_shells(field, places, marks)
    shell = _search(field, places, marks, n_shells)
    far = places[shell == _NOT_FOUND]
    return Nearest(shell, field.steps.lengths, far_distances(field, far, marks))


def _worthwhile_shells(field: Field, places: Array, marks: _Bools) -> int:
    """Return how many shells are looked through until the total is expected to be the least."""
    if len(places) <= _FEW:
        return len(field.steps.lengths)
    sample = places[:: len(places) // _SAMPLE]
    shell = _search(field, sample, marks, len(field.steps.lengths))
    shell = np.where(shell == _NOT_FOUND, len(field.steps.lengths), shell)
    left = len(places) * (1 - np.cumsum(np.bincount(shell, minlength=len(field.steps.lengths) + 1))[:-1] / len(sample))
    n_steps = np.diff(field.steps.starts)
    asking = np.append(len(places), left[:-1])
    looked = np.cumsum(n_steps * np.where(asking > _FEW, asking * _LOOK + _CALL, asking * _LOOK_OF_FEW))
    total = looked + far_seconds(field, left)
    return int(np.argmin(total)) + 1


def _search(field: Field, places: Array, marks: _Bools, n_shells: int) -> npt.NDArray[np.int16]:
    """Return the first shell with a mark, for every place; a part of the places at a time."""
    parts = [places[start : start + _PART] for start in range(0, len(places), _PART)]
    found = [_search_part(field, part, marks, n_shells) for part in parts]
    return np.concatenate(found) if found else np.zeros(0, np.int16)


def _search_part(field: Field, places: Array, marks: _Bools, n_shells: int) -> npt.NDArray[np.int16]:
    found = np.full(len(places), _NOT_FOUND, np.int16)
    starts = field.steps.starts
    rest, at = np.arange(len(places)), places
    for number in range(n_shells):
        if len(at) <= _FEW:
            found[rest] = _few(field, at, marks, int(starts[number]), int(starts[n_shells]))
            return found
        hit = _any_mark(at, field.offsets[starts[number] : starts[number + 1]], marks)
        found[rest[hit]] = number
        missed = ~hit
        rest, at = rest[missed], at[missed]
    return found


def _any_mark(at: Array, offsets: Array, marks: _Bools) -> _Bools:
    hit, seen, there = np.zeros(len(at), bool), np.empty(len(at), bool), np.empty_like(at)
    for offset in offsets:
        np.add(at, offset, out=there)
        marks.take(there, out=seen, mode="clip")
        hit |= seen
    return hit


def _few(field: Field, at: Array, marks: _Bools, first: int, stop: int) -> npt.NDArray[np.int16]:
    """Search like `_search`, a block of neighbours at a time."""
    shells, found = field.steps.shells, np.full(len(at), _NOT_FOUND, np.int16)
    rest = np.arange(len(at))
    while first < stop and len(rest):
        n = min(stop - first, max(8, _FEW * 8 // len(rest)))
        seen = marks.take(at[rest][:, None] + field.offsets[first : first + n], mode="clip")
        hit = seen.any(axis=1)
        found[rest[hit]] = shells[first + seen[hit].argmax(axis=1)]
        rest, first = rest[~hit], first + n
    return found
