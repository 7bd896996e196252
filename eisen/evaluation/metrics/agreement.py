"""How far two masks agree beyond chance, and with which spread."""

from __future__ import annotations

import math

from eisen.evaluation.measured import Measured, undefined
from eisen.evaluation.metrics.counted import NEITHER, CountMetric, agreement_of_constants
from eisen.evaluation.pairs.counts import Counts

__all__ = ["CohenKappa", "InterclassCorrelation", "MatthewsCorrelation", "ProbabilisticDistance"]


class CohenKappa(CountMetric):
    """Cohen's kappa, agreement beyond chance: ``(po - pe) / (1 - pe)``.

    ``po = (TP + TN) / n`` is the share of voxels that agree, ``pe = ((TP + FP)(TP + FN) + (TN + FN)(TN + FP)) / n²``
    what two raters of these volumes reach by chance. From -1 over 0 (chance) to 1 (equal). Spacing does not matter.
    One empty mask: 0. Two full masks: 1; two empty ones: undefined, by the default policy 1.

    Source: Cohen, A coefficient of agreement for nominal scales, Educational and Psychological Measurement 20, 1960.

    Example:
        >>> import numpy as np
        >>> CohenKappa()(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]]))
        0.5
    """

    abbreviation = "KAPPA"
    better = "higher"
    low = -1.0
    groups = ("agreement", "pymia")

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        c = counts
        below = c.predicted * (c.fp + c.tn) + c.actual * (c.fn + c.tn)
        return Measured(2 * (c.tp * c.tn - c.fp * c.fn) / below) if below else agreement_of_constants(c, 1.0)


class MatthewsCorrelation(CountMetric):
    """Matthews' correlation of two masks: ``(TP TN - FP FN) / sqrt((TP + FP)(TP + FN)(TN + FP)(TN + FN))``.

    Pearson's correlation of the two masks, also called phi. From -1 (complements) over 0 (chance) to 1 (equal).
    Spacing does not matter. One constant mask: 0, the limit of the formula; an empty one and one that fills the image:
    -1. Two full masks: 1; two empty ones: undefined, by the default policy 1.

    Source: Matthews, Comparison of the predicted and observed secondary structure of T4 phage lysozyme, Biochimica et
    Biophysica Acta 405, 1975; limits: Chicco and Jurman, BMC Genomics 21, 2020.

    Example:
        >>> import numpy as np
        >>> round(MatthewsCorrelation()(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]])), 4)
        0.5774
    """

    abbreviation = "MCC"
    better = "higher"
    low = -1.0
    groups = ("agreement",)

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        c = counts
        below = c.predicted * c.actual * (c.tn + c.fp) * (c.tn + c.fn)
        if below:
            value = (c.tp * c.tn - c.fp * c.fn) / math.sqrt(below)
            return Measured(max(-1.0, min(1.0, value)))  # the root may be rounded down
        if c.tp == c.n or c.tn == c.n:
            return agreement_of_constants(c, 1.0)
        return Measured(-1.0 if c.fp == c.n or c.fn == c.n else 0.0)


class InterclassCorrelation(CountMetric):
    """The intraclass correlation of the two masks as ratings of voxels: ``(MSb - MSw) / (MSb + MSw)``.

    The one-way random, single-rater form ICC(1, 1) of two raters, although pymia and Taha and Hanbury call it
    interclass: MSb is the mean square between voxels, MSw the one within. In counts, with ``d = FP + FN``:
    ``MSb = (n (4 TP + d) - (2 TP + d)²) / (2 n (n - 1))`` and ``MSw = d / (2 n)``. From -1 to 1 (equal); below 0 the
    masks agree less than voxels do at random. Spacing does not matter. Defined for one empty mask, a little below 0.
    Two full masks: 1; two empty ones: undefined, by the default policy 1.

    Source: Shrout and Fleiss, Intraclass correlations, Psychological Bulletin 86, 1979.

    Example:
        >>> import numpy as np
        >>> round(InterclassCorrelation()(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]])), 4)
        0.5714
    """

    abbreviation = "ICCORR"
    better = "higher"
    low = -1.0
    groups = ("agreement", "pymia")

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        n, differ = counts.n, counts.fp + counts.fn
        between = n * (4 * counts.tp + differ) - (2 * counts.tp + differ) ** 2
        within = differ * (n - 1)
        if not between + within:
            return agreement_of_constants(counts, 1.0)
        return Measured((between - within) / (between + within))


class ProbabilisticDistance(CountMetric):
    """The probabilistic distance of two masks: ``(FP + FN) / (2 TP)``.

    From 0 (equal) upwards; infinitely far where the masks do not overlap, which is undefined here (pymia says -1,
    better than the best value). Spacing does not matter. Two empty masks: undefined, by the default policy 0.

    Source: Gerig, Jomier and Chakos, Valmet, MICCAI 2001.

    Example:
        >>> import numpy as np
        >>> ProbabilisticDistance()(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]]))
        0.5
    """

    abbreviation = "PROBDST"
    better = "lower"
    high = math.inf
    groups = ("agreement", "pymia")

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        differ = counts.fp + counts.fn
        if not counts.tp:
            return undefined("the masks do not overlap" if differ else NEITHER)
        return Measured(differ / (2 * counts.tp))
