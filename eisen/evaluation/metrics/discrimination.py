"""How well scores tell the cases of a class from the others, whatever the threshold."""

from __future__ import annotations

import math

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.types import Array
from eisen.evaluation.measured import Measured, undefined
from eisen.evaluation.pairs.score_pair import ScorePair
from eisen.evaluation.score_metric import Average, PerClassMetric

__all__ = ["AreaUnderROC", "AveragePrecision", "SensitivityAtSpecificity"]


class _Ranking(PerClassMetric):
    """A metric of the order that scores bring cases into; exact for any number of cases, also for voxels."""

    needs = "scores"

    def of_ranks(self, with_class: Array, without: Array) -> float:
        """Return the value for the scores of the cases with and without the class, each ascending."""
        raise NotImplementedError

    def of_class(self, pair: ScorePair, class_: int) -> Measured:
        """Return the value of one class against the rest."""
        with_class, without = pair.sorted_scores(class_)
        if len(with_class) and len(without):
            return Measured(self.of_ranks(with_class, without))
        return undefined("all cases are of the class" if len(with_class) else "no case is of the class")


class AreaUnderROC(_Ranking):
    """The area under the receiver operating characteristic: how likely a case of the class has the larger score.

    Equal scores count half. From 0 to 1; 0.5 is chance. It needs scores that rank, not probabilities. A class that no
    case or every case is of: undefined, and left out of a mean over classes (each against the rest).

    Exact, from one sort of the scores: a probability map of millions of voxels needs no histogram.

    Args:
        average: "macro", "weighted", or "auto": of class 1 where there are two classes, else macro.

    Source: Hanley and McNeil, The meaning and use of the area under a ROC curve, Radiology 143, 1982; equal to the
        statistic of Mann and Whitney, 1947.

    Example:
        >>> import numpy as np
        >>> AreaUnderROC()(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
        0.75
    """

    abbreviation = "AUROC"

    def of_ranks(self, with_class: Array, without: Array) -> float:
        """Return the value for the scores of the cases with and without the class, each ascending."""
        below = int(np.searchsorted(without, with_class, "left").sum())
        not_above = int(np.searchsorted(without, with_class, "right").sum())
        return (below + not_above) / (2 * len(with_class) * len(without))


class AveragePrecision(_Ranking):
    """The average precision: the precision at every threshold, weighted by the sensitivity that it adds.

    ``Σ (R_n - R_(n-1)) P_n``, the area under the curve of precision over sensitivity in steps. From 0 to 1; chance is
    the share of the class. Classes without a case, or the only class: as for `AreaUnderROC`.

    Args:
        average: "macro", "weighted", or "auto": of class 1 where there are two classes, else macro.

    Source: Salton and McGill, Introduction to Modern Information Retrieval, 1983; as in scikit-learn.

    Example:
        >>> import numpy as np
        >>> round(AveragePrecision()(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1])), 4)
        0.8333
    """

    abbreviation = "AP"

    def of_ranks(self, with_class: Array, without: Array) -> float:
        """Return the value for the scores of the cases with and without the class, each ascending."""
        found = len(with_class) - np.searchsorted(with_class, with_class, "left")
        false = len(without) - np.searchsorted(without, with_class, "left")
        return float((found / (found + false)).mean())


class SensitivityAtSpecificity(_Ranking):
    """The largest sensitivity of a threshold that has at least a given specificity.

    From 0 to 1. Classes without a case, or the only class: as for `AreaUnderROC`.

    Args:
        specificity: That is asked for, from 0 to 1.
        average: "macro", "weighted", or "auto": of class 1 where there are two classes, else macro.

    Raises:
        ArgumentError: If the specificity is not between 0 and 1.

    Source: McClish, Analyzing a portion of the ROC curve, Med. Decis. Making 9, 1989.

    Example:
        >>> import numpy as np
        >>> SensitivityAtSpecificity(specificity=1.0)(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
        0.5
    """

    abbreviation = "SENSATSPEC"

    def __init__(self, specificity: float = 0.9, average: Average = "auto") -> None:
        super().__init__(average)
        self.specificity = specificity
        if isinstance(specificity, bool) or not isinstance(specificity, (int, float)) or not 0 <= specificity <= 1:
            raise ArgumentError(f"SENSATSPEC: specificity is {specificity!r}", expected="a number from 0 to 1")

    def of_ranks(self, with_class: Array, without: Array) -> float:
        """Return the value for the scores of the cases with and without the class, each ascending."""
        needed = math.ceil(self.specificity * len(without) - 1e-9)  # so many of the others must be below the threshold
        if not needed:
            return 1.0
        above = len(with_class) - int(np.searchsorted(with_class, without[needed - 1], "right"))
        return above / len(with_class)
