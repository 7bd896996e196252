"""How many voxels are where: the four counts of a label, from one histogram of a case."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array

__all__ = ["Counts", "JointHistogram"]


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

    Args:
        prediction: Small integers from 0, any shape.
        reference: Of the same shape.
    """

    def __init__(self, prediction: Array, reference: Array) -> None:
        n_p, n_r = (int(values.max(initial=0)) + 1 for values in (prediction, reference))
        codes = prediction.reshape(-1).astype(np.intp) * n_r + reference.reshape(-1)
        self.table: npt.NDArray[np.int64] = np.bincount(codes, minlength=n_p * n_r).reshape(n_p, n_r)

    def counts(self, values: Collection[int]) -> Counts:
        """Return the counts of a label that merges some values.

        Args:
            values: Values of both arrays.
        """
        n_p, n_r = self.table.shape
        rows = [v for v in values if 0 <= v < n_p]
        columns = [v for v in values if 0 <= v < n_r]
        tp = int(self.table[np.ix_(rows, columns)].sum())
        predicted, actual = int(self.table[rows].sum()), int(self.table[:, columns].sum())
        return Counts(tp, predicted - tp, actual - tp, int(self.table.sum()) - predicted - actual + tp)
