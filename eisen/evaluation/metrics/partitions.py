"""How far two ways to divide an image into structure and background agree, with none of the two parts preferred."""

from __future__ import annotations

from math import comb

from eisen.evaluation.measured import Measured, undefined
from eisen.evaluation.metrics.counted import NO_VOXELS, CountMetric, agreement_of_constants, chosen
from eisen.evaluation.pairs.counts import Counts

__all__ = ["AdjustedRandIndex", "GlobalConsistencyError", "RandIndex"]


def _pairs(counts: Counts) -> tuple[int, int, int, int]:
    """Return how many pairs of voxels are together in both masks, in the first only, in the second only, in none.

    Args:
        counts: Of one label.
    """
    c = counts
    both = comb(c.tp, 2) + comb(c.fp, 2) + comb(c.fn, 2) + comb(c.tn, 2)
    predicted = comb(c.predicted, 2) + comb(c.fn + c.tn, 2)
    actual = comb(c.actual, 2) + comb(c.fp + c.tn, 2)
    return both, predicted - both, actual - both, comb(c.n, 2) - predicted - actual + both


class RandIndex(CountMetric):
    """The Rand index, the share of pairs of voxels on which the masks agree: ``(a + d) / (a + b + c + d)``.

    ``a`` pairs are in one part in both masks, ``d`` in different parts in both, ``b`` and ``c`` in one part in one mask
    only. From 0 to 1 (equal); a mask and its complement divide the image in the same way, so they have 1, too. Spacing
    does not matter. Defined for empty masks where there are two voxels or more.

    Source: Rand, Objective criteria for the evaluation of clustering methods, JASA 66, 1971.

    Example:
        >>> import numpy as np
        >>> RandIndex()(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]]))
        0.5
    """

    abbreviation = "RNDIND"
    better = "higher"
    groups = ("agreement", "pymia")

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        a, b, c, d = _pairs(counts)
        total = a + b + c + d
        return Measured((a + d) / total) if total else agreement_of_constants(counts, 1.0)


class AdjustedRandIndex(CountMetric):
    """The Rand index corrected for chance: ``2 (a d - b c) / ((a + b)(b + d) + (a + c)(c + d))``.

    With the pairs of voxels of RNDIND. From -0.5 over 0 (chance) to 1 (equal, or complements). Spacing does not matter.
    One empty mask: 0. Two full masks: 1; two empty ones: undefined, by the default policy 1 (pymia says 0). An empty
    mask and one that fills the image: undefined.

    Source: Hubert and Arabie, Comparing partitions, Journal of Classification 2, 1985.

    Example:
        >>> import numpy as np
        >>> AdjustedRandIndex()(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]]))
        0.0
    """

    abbreviation = "ADJRIND"
    better = "higher"
    low = -0.5
    groups = ("agreement", "pymia")

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        a, b, c, d = _pairs(counts)
        below = (a + b) * (b + d) + (a + c) * (c + d)
        return Measured(2 * (a * d - b * c) / below) if below else agreement_of_constants(counts, 1.0)


class GlobalConsistencyError(CountMetric):
    """The global consistency error, which forgives a mask that refines the other: ``min(E1, E2) / n``.

    ``E1 = FN (FN + 2 TP) / (TP + FN) + FP (FP + 2 TN) / (TN + FP)``, and E2 the same with FP and FN exchanged. From 0
    (equal) to 1. Spacing does not matter. Defined for empty masks: a part without voxels has no error (pymia says
    infinite, also for two empty masks). An image without voxels: undefined.

    Source: Martin et al., A database of human segmented natural images, ICCV 2001, as written down by Taha and Hanbury,
    BMC Medical Imaging 15, 2015.

    Args:
        convention: "taha": as above, in Taha and Hanbury's tool and in pymia. "martin": as first published, where
            ``E1 = 2 TP FN / (TP + FN) + 2 TN FP / (TN + FP)``; there a constant mask refines nothing and has error 0.

    Raises:
        ArgumentError: If there is no such convention.

    Example:
        >>> import numpy as np
        >>> masks = np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]])
        >>> round(GlobalConsistencyError()(*masks), 4), round(GlobalConsistencyError(convention="martin")(*masks), 4)
        (0.375, 0.25)
    """

    abbreviation = "GCOERR"
    better = "lower"
    groups = ("agreement", "pymia")

    def __init__(self, convention: str = "taha") -> None:
        self.convention = chosen(self.abbreviation, "convention", convention, ("taha", "martin"))

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        c = counts
        if not c.n:
            return undefined(NO_VOXELS)
        one = self._error(c.fn, c.tp) + self._error(c.fp, c.tn)
        other = self._error(c.fp, c.tp) + self._error(c.fn, c.tn)
        return Measured(min(one, other) / c.n)

    def _error(self, wrong: int, right: int) -> float:
        """Return the error of one part of the image, summed over its voxels."""
        if not wrong:
            return 0.0
        own = wrong if self.convention == "taha" else 0
        return wrong * (own + 2 * right) / (wrong + right)
