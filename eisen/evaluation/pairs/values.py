"""Label maps as small numbers, whatever their values and data type are, without a copy where that is possible."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from eisen._core.types import Array
from eisen.evaluation.pairs.renumber import renumbered

__all__ = ["Coded", "coded"]

_BYTE = 255


@dataclass(frozen=True)
class Coded:
    """Two label maps as small unsigned numbers in one order in memory. The code of the value 0 is 0.

    Args:
        prediction: Codes of the prediction.
        reference: Codes of the reference.
        values: The value of each code; None: codes are values.
    """

    prediction: Array
    reference: Array
    values: tuple[int, ...] | None = None

    def code(self, value: int) -> int | None:
        """Return the code of a value; None where it does not occur."""
        if self.values is None:
            return value if 0 <= value <= _BYTE else None
        return self.values.index(value) if value in self.values else None

    def value(self, code: int) -> int:
        """Return the value of a code."""
        return code if self.values is None else self.values[code]

    @property
    def is_reversed(self) -> bool:
        """Whether the first axis is the one along which neighbours lie side by side in memory."""
        return not self.reference.flags.c_contiguous

    def in_memory_order(self) -> tuple[Array, Array]:
        """Return both maps with their axes as they are in memory."""
        return (self.prediction.T, self.reference.T) if self.is_reversed else (self.prediction, self.reference)


def coded(prediction: Array, reference: Array) -> Coded:
    """Return two label maps as small numbers: themselves, where they are small already.

    Args:
        prediction: Integers, booleans, or floats that are whole.
        reference: Of the same shape.

    Raises:
        VoxelValueError: If values are not whole numbers.

    Example:
        >>> maps = coded(np.array([[-1, 300]]), np.array([[7.0, 7.0]]))
        >>> maps.prediction.tolist(), maps.values, maps.code(7)
        ([[1, 3]], (0, -1, 7, 300), 2)
    """
    if _fits_a_byte(prediction) and _fits_a_byte(reference):
        return Coded(*_alike(prediction.astype(np.uint8, copy=False), reference.astype(np.uint8, copy=False)))
    found, sides = renumbered(prediction, reference)
    values = (0, *(value for value in found if value))
    place = {value: code for code, value in enumerate(values)}
    moved = np.array([place[value] for value in found], np.uint8 if len(values) <= _BYTE + 1 else np.uint32)
    return Coded(*_alike(moved.take(sides[0]), moved.take(sides[1])), values)


def _fits_a_byte(side: Array) -> bool:
    if side.dtype in (np.uint8, bool) or (not side.size and side.dtype.kind in "uif"):
        return True
    return side.dtype.kind in "ui" and bool(side.min() >= 0 and side.max() <= _BYTE)


def _alike(prediction: Array, reference: Array) -> tuple[Array, Array]:
    """Return both in one order in memory, without gaps."""
    if prediction.flags.f_contiguous and reference.flags.f_contiguous and not reference.flags.c_contiguous:
        return prediction, reference
    return np.ascontiguousarray(prediction), np.ascontiguousarray(reference)
