"""Some numbers out of many, in one bit each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["Bitmask"]

_BLOCK = 512
"""Bytes between two counts: finding the n-th number looks at so many."""


class Bitmask:
    """Which of the numbers 0, 1, 2, ... are chosen, in one bit each; the n-th of them is found without counting.

    Args:
        chosen: True or False per number.

    Example:
        >>> mask = Bitmask(np.array([False, True, True, False, True]))
        >>> len(mask), [mask[n] for n in range(3)], mask.nbytes
        (3, [1, 2, 4], 9)
    """

    def __init__(self, chosen: npt.NDArray[np.bool_]) -> None:
        self._bits = np.packbits(chosen, bitorder="little")
        counts = np.add.reduceat(np.bitwise_count(self._bits), range(0, len(self._bits), _BLOCK), dtype=np.int64)
        self._ends = np.cumsum(counts)

    def __len__(self) -> int:
        return int(self._ends[-1])

    def __getitem__(self, n: int) -> int:
        """Return the n-th chosen number."""
        if not 0 <= n < len(self):
            raise IndexError(n)
        block = int(np.searchsorted(self._ends, n, side="right"))
        before = int(self._ends[block - 1]) if block else 0
        bits = np.unpackbits(self._bits[block * _BLOCK : (block + 1) * _BLOCK], bitorder="little")
        return block * _BLOCK * 8 + int(np.flatnonzero(bits)[n - before])

    @property
    def nbytes(self) -> int:
        """How much memory it takes."""
        return self._bits.nbytes + self._ends.nbytes
