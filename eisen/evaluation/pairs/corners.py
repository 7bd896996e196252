"""The corners between voxels where something changes, found once for all labels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array
from eisen.evaluation.pairs.codes import is_one_of
from eisen.evaluation.pairs.field import Field
from eisen.evaluation.pairs.surface_area import bits_of_block

__all__ = ["Corners", "SurfaceElements"]

_SLAB = 1 << 18
"""Corners that are looked at at a time."""


@dataclass(frozen=True)
class SurfaceElements:
    """The corners that the surface of a label passes through.

    Args:
        places: Of the corners.
        patterns: Which voxels around are inside, one bit each.
    """

    places: npt.NDArray[np.int64]
    patterns: npt.NDArray[np.uint8]


class Corners:
    """The corners of a label map whose voxels around are not all alike.

    Args:
        field: Both label maps.
        codes: One of its maps.
    """

    def __init__(self, field: Field, codes: Array) -> None:
        blocks = np.array(bits_of_block(len(field.shape)), np.int64) @ np.array(field.strides)
        small = np.uint32 if field.size < 2**32 else np.int64
        found = [(places.astype(small), around) for places, around in _mixed(codes, field, blocks)]
        self._places, self._around = (np.concatenate(parts) for parts in zip(*found, strict=True))
        self._n_around = len(blocks)
        self._to_corner = int(blocks[-1])  # the corner between the voxels is the one before the last of them

    def surface_of(self, codes: Sequence[int]) -> SurfaceElements:
        """Return the surface of a label.

        Args:
            codes: The codes that are the label.
        """
        patterns = np.packbits(is_one_of(self._around, codes), bitorder="little")
        on = np.flatnonzero((patterns + np.uint8(1)) > 1)  # neither 0 nor 255
        patterns = patterns[on] & np.uint8(2**self._n_around - 1)
        return SurfaceElements(self._places[on].astype(np.int64) + self._to_corner, patterns)


def _mixed(codes: Array, field: Field, blocks: Array) -> Iterator[tuple[Array, Array]]:
    """Yield the first place of every 2 x 2 x 2 block that is not of one code, and its codes, slab by slab.

    In 2-D the four codes are there twice: packing whole bytes of bits is much faster.
    """
    n_planes = max(1, _SLAB // field.strides[0])
    for start in range(0, field.shape[0] - 1, n_planes):
        stop = min(start + n_planes, field.shape[0] - 1)
        slab = field.padded_planes(codes, start, stop + 1)
        places = np.flatnonzero(_changes(slab, field.strides[::-1]))
        around = np.empty((len(places), 8), codes.dtype)
        for bit in range(8):
            around[:, bit] = slab[blocks[bit % len(blocks)] :].take(places, mode="clip")
        yield places + start * field.strides[0], around


def _changes(codes: Array, steps: Sequence[int]) -> Array:
    """Return for every voxel whether the block after it is not of one code; the last ones have no block."""
    first, *others = steps
    change: Array = codes[:-first] != codes[first:]
    for step in others:
        n = change.size - step
        joined = change[:n] | change[step:]
        joined |= codes[:n] != codes[step : step + n]
        change = joined
    return change
