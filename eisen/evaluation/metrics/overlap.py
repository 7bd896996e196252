"""How far two masks overlap, from their four counts."""

from __future__ import annotations

from eisen.evaluation.measured import Measured, undefined
from eisen.evaluation.metric import SegmentationMetric
from eisen.evaluation.pairs.label_pair import LabelPair

__all__ = ["Dice"]


class Dice(SegmentationMetric):
    """The Dice similarity coefficient: ``2 TP / (2 TP + FP + FN)``.

    From 0 (no voxel in common) to 1 (equal). Spacing does not matter. One empty mask: 0; two: undefined, by the
    default policy 1.

    Source: Dice, Measures of the amount of ecologic association between species, Ecology 26, 1945.

    Example:
        >>> import numpy as np
        >>> Dice()(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]]))
        0.6666666666666666
    """

    abbreviation = "DICE"
    better = "higher"
    groups = ("overlap", "pymia")

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        c = pair.counts
        below = 2 * c.tp + c.fp + c.fn
        return Measured(2 * c.tp / below) if below else undefined("both masks are empty")
