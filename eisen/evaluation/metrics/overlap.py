"""How far two masks overlap."""

from __future__ import annotations

import math

from eisen._core.errors import ArgumentError
from eisen.evaluation.measured import Measured
from eisen.evaluation.metrics.counted import NEITHER, NO_VOXELS, CountMetric, ratio
from eisen.evaluation.pairs.counts import Counts

__all__ = ["Accuracy", "Dice", "FMeasure", "Jaccard"]


class Dice(CountMetric):
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

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        return ratio(2 * counts.tp, 2 * counts.tp + counts.fp + counts.fn, NEITHER)


class Jaccard(CountMetric):
    """The Jaccard index, also called intersection over union: ``TP / (TP + FP + FN)``.

    From 0 (no voxel in common) to 1 (equal); it ranks two predictions of a case as Dice does: ``J = D / (2 - D)``.
    Spacing does not matter. One empty mask: 0; two: undefined, by the default policy 1.

    Source: Jaccard, The distribution of the flora in the alpine zone, New Phytologist 11, 1912.

    Example:
        >>> import numpy as np
        >>> Jaccard()(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]]))
        0.5
    """

    abbreviation = "JACRD"
    better = "higher"
    groups = ("overlap", "pymia")

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        return ratio(counts.tp, counts.tp + counts.fp + counts.fn, NEITHER)


class FMeasure(CountMetric):
    """The F-measure: ``(1 + beta²) TP / ((1 + beta²) TP + beta² FN + FP)``.

    The weighted harmonic mean of precision and sensitivity, from 0 (no voxel in common) to 1 (equal); with ``beta`` 1
    it is Dice. Spacing does not matter. One empty mask: 0; two: undefined, by the default policy 1.

    Source: van Rijsbergen, Information Retrieval, 2nd edition, chapter 7, 1979.

    Args:
        beta: How many times as much sensitivity counts as precision; a positive number.

    Raises:
        ArgumentError: If beta is no positive number.

    Example:
        >>> import numpy as np
        >>> FMeasure(beta=2)(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]]))
        0.8333333333333334
    """

    abbreviation = "FMEASR"
    better = "higher"
    groups = ("overlap", "pymia")

    def __init__(self, beta: float = 1.0) -> None:
        if isinstance(beta, bool) or not isinstance(beta, (int, float)) or not 0 < beta < math.inf:
            raise ArgumentError(f"FMEASR: beta is {beta!r}", expected="a positive number; 1 gives Dice")
        self.beta = beta

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        if not counts.tp:
            return ratio(0, counts.fp + counts.fn, NEITHER)
        beta = float(self.beta)
        of_fp = 1 / (1 + beta * beta)  # an infinite square is fine here, and gives the limit: sensitivity
        return Measured(counts.tp / (counts.tp + of_fp * counts.fp + (1 - of_fp) * counts.fn))


class Accuracy(CountMetric):
    """The share of voxels that are right: ``(TP + TN) / n``.

    From 0 to 1 (equal). It says little about small structures, since the background counts as much as they do.
    Spacing does not matter. Defined for empty masks; an image without voxels has none.

    Source: Taha and Hanbury, Metrics for evaluating 3D medical image segmentation, BMC Medical Imaging 15, 2015.

    Example:
        >>> import numpy as np
        >>> Accuracy()(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]]))
        0.75
    """

    abbreviation = "ACURCY"
    better = "higher"
    groups = ("overlap", "pymia")

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        return ratio(counts.tp + counts.tn, counts.n, NO_VOXELS)
