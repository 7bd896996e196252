"""How many voxels are where: the four counts of a label, from one histogram of a case."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array

__all__ = ["Counts", "JointHistogram"]

_SLAB = 1 << 20
"""Voxels that are worked on at a time."""
_WORD = 8
"""Voxels that are compared at once."""
_EACH_BYTE = 0x0101010101010101
_FEW_VALUES = 20
"""So many values, from 0, are looked for in whole words."""
_LARGEST_TABLE = 1 << 16
"""Pairs of values that are counted in a table; more are sorted instead."""


@dataclass(frozen=True)
class Counts:
    """The four counts of a label; Python integers, which never wrap.

    Args:
        tp: Voxels in both masks.
        fp: In the prediction only.
        fn: In the reference only.
        tn: In neither.
    """

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def n(self) -> int:
        """All voxels."""
        return self.tp + self.fp + self.fn + self.tn

    @property
    def predicted(self) -> int:
        """Voxels of the prediction."""
        return self.tp + self.fp

    @property
    def actual(self) -> int:
        """Voxels of the reference."""
        return self.tp + self.fn


class JointHistogram:
    """How often each pair of values occurs.

    Eight voxels that all have one value are counted at once; of the others two are counted as one number.

    Args:
        prediction: Small unsigned integers, any shape.
        reference: Of the same shape, data type and order in memory.
    """

    def __init__(self, prediction: Array, reference: Array) -> None:
        self._shape = tuple(int(side.max(initial=0)) + 1 for side in (prediction, reference))
        pair, self._n = _pairs(prediction.ravel(order="K"), reference.ravel(order="K"), self._shape)
        self._predicted, self._actual = np.divmod(pair, self._shape[1])

    @cached_property
    def table(self) -> npt.NDArray[np.int64]:
        """Counts, values of the prediction by values of the reference."""
        table = np.zeros(self._shape, np.int64)
        table[self._predicted, self._actual] = self._n
        return table

    @property
    def values(self) -> list[int]:
        """The values that occur, ascending."""
        return [int(value) for value in np.union1d(self._predicted, self._actual)]

    def counts(self, values: Collection[int]) -> Counts:
        """Return the counts of a label that merges some values.

        Args:
            values: Values of both arrays.
        """
        predicted, actual = (np.isin(side, list(values)) for side in (self._predicted, self._actual))
        tp, fp, fn, tn = (
            int(self._n[where].sum())
            for where in (predicted & actual, predicted & ~actual, ~predicted & actual, ~(predicted | actual))
        )
        return Counts(tp, fp, fn, tn)


def _pairs(prediction: Array, reference: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Return the pairs that occur, as one number each, and how often."""
    if prediction.dtype.itemsize > 1 or shape[0] * shape[1] > _LARGEST_TABLE:
        return _sorted_pairs(prediction, reference, shape[1])
    counts = np.zeros(shape[0] * shape[1], np.int64)
    for start in range(0, prediction.size, _SLAB):
        part = slice(start, start + _SLAB)
        counts += _of_slab(prediction[part], reference[part], shape)
    present = np.flatnonzero(counts)
    return present, counts[present]


def _of_slab(prediction: Array, reference: Array, shape: tuple[int, ...]) -> Array:
    whole = prediction.size // _WORD * _WORD
    one, other = (side[:whole].view(np.uint64) for side in (prediction, reference))
    busy = np.flatnonzero((one | other) != 0)
    one, other = one[busy], other[busy]
    counts, mixed = _of_equal_words(one, other, shape)
    counts[0] = whole - _WORD * busy.size
    counts += _of_voxels(one[mixed].view(np.uint8), other[mixed].view(np.uint8), shape)
    if whole < prediction.size:
        counts += _of_voxels(prediction[whole:], reference[whole:], shape)
    return counts


def _of_equal_words(prediction: Array, reference: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
    """Count words of eight voxels that have one value above 0, in both; return where the other words are."""
    counts = np.zeros(shape[0] * shape[1], np.int64)
    equal = prediction == reference
    mixed = np.ones_like(equal)
    for value in range(1, min(*shape, _FEW_VALUES)):
        alike = prediction == np.uint64(value * _EACH_BYTE)
        alike &= equal
        mixed ^= alike
        counts[value * (shape[1] + 1)] = _WORD * np.count_nonzero(alike)
    return counts, np.flatnonzero(mixed)


def _of_voxels(prediction: Array, reference: Array, shape: tuple[int, ...]) -> Array:
    n_pairs = shape[0] * shape[1]
    if n_pairs > 2**8 or prediction.size % 2:
        codes = prediction.astype(np.uint16) * np.uint16(shape[1]) + reference
        return np.bincount(codes, minlength=n_pairs)
    codes = prediction * np.uint8(shape[1]) + reference
    two = np.bincount(codes.view(np.uint16), minlength=2**8 * n_pairs)
    table = two.reshape(-1, 2**8)[:n_pairs, :n_pairs]
    counts: Array = table.sum(axis=0) + table.sum(axis=1)
    return counts


def _sorted_pairs(prediction: Array, reference: Array, n_reference: int) -> tuple[Array, Array]:
    found: dict[int, int] = {}
    for start in range(0, prediction.size, 4 * _SLAB):
        part = slice(start, start + 4 * _SLAB)
        codes = prediction[part].astype(np.int64) * n_reference + reference[part]
        for code, n in zip(*np.unique(codes, return_counts=True), strict=True):
            found[int(code)] = found.get(int(code), 0) + int(n)
    pairs = np.array(sorted(found), np.int64)
    return pairs, np.array([found[int(pair)] for pair in pairs], np.int64)
