"""Where the voxels of a mask are on average, and how they spread."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array
from eisen.evaluation.pairs.label_pair import LabelPair

__all__ = ["Moments", "moments"]

_Floats = npt.NDArray[np.float64]
_SLAB = 1 << 17
"""Voxels that are worked on at a time."""


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of the indices of the voxels of a mask.

    Args:
        n: Number of voxels.
        mean: Along each axis.
        scatter: Sums of products of the differences from the mean.
    """

    n: int
    mean: _Floats
    scatter: _Floats

    @property
    def covariance(self) -> _Floats:
        """Divided by ``n - 1``; there have to be two voxels."""
        return self.scatter / (self.n - 1)


def moments(pair: LabelPair) -> tuple[Moments, Moments]:
    """Return the moments of the prediction and of the reference, in voxels.

    Args:
        pair: Both masks have voxels.
    """
    case, box = pair.case, pair.box

    def of(side: Literal["prediction", "reference"]) -> Moments:
        return moments_of(case.mask_of(side, pair.values, box))  # a mask that nobody else needs is not kept

    return pair.remember("moments", lambda: (of("prediction"), of("reference")))


def moments_of(mask: Array) -> Moments:
    """Return the moments of a mask; sums are those of whole numbers, without error.

    Args:
        mask: Booleans, two or three axes, with at least one voxel.

    Example:
        >>> moments_of(np.array([[True, True], [False, False]])).mean.tolist()
        [0.0, 0.5]
    """
    axes = sorted(range(mask.ndim), key=lambda axis: -abs(mask.strides[axis]))  # the last lies side by side in memory
    n, first, second = _sums(mask.transpose(axes))
    back = np.argsort(axes)
    whole = n * second - np.outer(first, first)  # Python's integers: nothing is lost in the difference
    return Moments(n, (first / n).astype(float)[back], (whole / n).astype(float)[np.ix_(back, back)])


def _sums(mask: Array) -> tuple[int, Array, Array]:
    """Return the number of voxels, the sums of their indices, and of all products of two of them."""
    rows, shape = mask.reshape(-1, mask.shape[-1]), mask.shape[:-1]
    n_rows = max(1, _SLAB // rows.shape[1])
    parts = [_of_rows(rows[start : start + n_rows]) for start in range(0, len(rows), n_rows)]
    counts, sums = (np.concatenate([part[kind] for part in parts]) for kind in (0, 1))
    indices: list[Array] = [*np.indices(shape, sparse=True)]
    n, last = counts.sum(), mask.ndim - 1
    counts, sums = counts.reshape(shape), sums.reshape(shape)
    first, second = np.zeros(mask.ndim, object), np.zeros((mask.ndim, mask.ndim), object)
    first[last], second[last, last] = int(sums.sum()), sum(part[2] for part in parts)
    for axis, index in enumerate(indices):
        first[axis] = int((index * counts).sum())
        second[axis, last] = second[last, axis] = int((index * sums).sum())
        for other in range(axis, last):
            second[axis, other] = second[other, axis] = int((index * indices[other] * counts).sum())
    return int(n), first, second


def _of_rows(rows: Array) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], int]:
    """Return for each row the number of voxels and the sum of their indices; the sum of all squares of indices.

    Eight voxels at a time: a byte of bits, at the index 8 b, has n bits with the sum p and the sum q of squares of
    their own indices; that is ``8 b n + p`` and ``64 b² n + 16 b p + q``.
    """
    packed = np.packbits(rows, axis=-1, bitorder="little")
    at = 8 * np.arange(packed.shape[1])
    n, p, q = (table.take(packed) for table in _OF_BYTE)
    squares = at**2 @ n.sum(axis=0, dtype=np.int64) + 2 * at @ p.sum(axis=0, dtype=np.int64) + q.sum(dtype=np.int64)
    sums = n.astype(np.float32) @ at.astype(np.float32) + p.sum(axis=1)
    return n.sum(axis=1, dtype=np.int64), np.rint(sums).astype(np.int64), int(squares)


def _tables_of_bytes() -> list[Array]:
    bits = np.arange(256)[:, None] >> np.arange(8) & 1
    return [(bits @ np.arange(8) ** power).astype(np.uint8) for power in range(3)]


_OF_BYTE = _tables_of_bytes()
"""Of every byte: the number of its bits, the sum of their indices, and of the squares of these."""
