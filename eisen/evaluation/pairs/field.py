"""Where the label maps of a case are, with empty margins, flat: a step to any neighbour is one addition."""

from __future__ import annotations

from functools import cached_property
from math import pi, prod

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array
from eisen.evaluation.pairs.boxes import occupied_box
from eisen.evaluation.pairs.steps import Steps, ball

__all__ = ["Field"]

_Places = npt.NDArray[np.int64]
_REACH = {2: 400, 3: 2200}
"""About how many neighbours are looked at, one after the other, around a place."""


class Field:
    """What is not 0 in two label maps, with margins around that no step leaves; the maps are not copied.

    A place is the number of a voxel in the flat maps, or of the corner before the voxel (nearer to the first one on
    every axis). Voxels and corners are counted alike, so distances between places are distances in either.

    Args:
        prediction: Codes, contiguous, two or three axes.
        reference: Likewise.
        spacing: In mm, in the order of the axes.
    """

    def __init__(self, prediction: Array, reference: Array, spacing: tuple[float, ...]) -> None:
        self.spacing = spacing
        box = occupied_box(prediction, reference)
        inner = tuple(max(1, s.stop - s.start) for s in box)
        self.steps: Steps = ball(spacing, _reach_mm(spacing), inner)
        reach = self.steps.reach
        before = (reach[0] + 1, *(1 for _ in inner[1:]))
        self.shape = tuple(b + n + r + 1 for b, n, r in zip(before, inner, reach, strict=True))
        self.strides = tuple(prod(self.shape[axis + 1 :]) for axis in range(len(self.shape)))
        self.inside = tuple(slice(b, b + s.stop - s.start) for b, s in zip(before, box, strict=True))
        self.prediction, self.reference = prediction[box], reference[box]

    @property
    def size(self) -> int:
        """Number of places."""
        return prod(self.shape)

    @cached_property
    def offsets(self) -> _Places:
        """What is added to a place for each of the steps."""
        return self.steps.voxels @ np.array(self.strides, np.int64)

    @cached_property
    def blank(self) -> npt.NDArray[np.bool_]:
        """All false: marks are set and taken away again by whoever needs them."""
        return np.zeros(self.size, bool)

    def coordinates(self, places: Array) -> npt.NDArray[np.int64]:
        """Return the indices of places along each axis, one row per place.

        Args:
            places: Flat.
        """
        return np.stack(np.unravel_index(places, self.shape), axis=1)

    def padded(self, codes: Array) -> Array:
        """Return what lies in the box, flat and with margins.

        Args:
            codes: Of the shape of the maps.
        """
        whole = np.zeros(self.shape, codes.dtype)
        whole[self.inside] = codes
        return whole.reshape(-1)

    def padded_planes(self, codes: Array, start: int, stop: int) -> Array:
        """Return some planes of the same.

        Args:
            codes: Of the shape of the maps.
            start: First plane, margins counted.
            stop: The one after the last.
        """
        planes = np.zeros((stop - start, *self.shape[1:]), codes.dtype)
        first = self.inside[0].start
        low, high = max(start, first), min(stop, self.inside[0].stop)
        if low < high:
            planes[(slice(low - start, high - start), *self.inside[1:])] = codes[low - first : high - first]
        return planes.reshape(-1)

    def places_of(self, inner: Array) -> _Places:
        """Return the places of voxels that are numbered as in the maps.

        Args:
            inner: Flat indices of the maps.
        """
        before = np.array([side.start for side in self.inside]) @ np.array(self.strides)
        places = np.full(len(inner), before, np.int64)
        for axis, stride in reversed(list(enumerate(self.strides))):
            inner, index = np.divmod(inner, self.prediction.shape[axis])
            places += index * stride
        return places


def _reach_mm(spacing: tuple[float, ...]) -> float:
    """Return the radius of a ball that has about as many voxels as are looked at."""
    n, voxel = _REACH[len(spacing)], prod(spacing)
    radius = float((n * voxel * 3 / (4 * pi)) ** (1 / 3) if len(spacing) == 3 else (n * voxel / pi) ** 0.5)
    return max(radius, *spacing)
