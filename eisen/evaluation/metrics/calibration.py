"""Whether probabilities are what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt

from eisen._core.errors import ArgumentError
from eisen._core.types import Array
from eisen.evaluation.image_metric import check_choice
from eisen.evaluation.measured import Measured
from eisen.evaluation.pairs.score_pair import ScorePair, pieces
from eisen.evaluation.score_metric import ScoreMetric

__all__ = ["BrierScore", "ExpectedCalibrationError", "LogLoss", "MaximumCalibrationError"]

_TINY = float(np.finfo(np.float64).eps)


class LogLoss(ScoreMetric):
    """The log loss, or cross entropy: the mean of ``-ln p`` of the true class.

    From 0 (sure and right) without upper limit; saying 1 / C for all classes costs ln C. Probabilities of less than
    2.2e-16 count as that: 36.04.

    Source: Good, Rational decisions, J. R. Stat. Soc. B 14, 1952.

    Example:
        >>> import numpy as np
        >>> round(LogLoss()(np.array([0.5, 0.5]), np.array([0, 1])), 4)
        0.6931
    """

    abbreviation = "LOGLOSS"
    better = "lower"
    high = float("inf")
    needs = "probabilities"
    groups = ("classification", "calibration")

    def formula(self, pair: ScorePair) -> Measured:
        """Return the value."""
        total = 0.0
        for class_ in range(pair.n_classes):
            for scores, classes in pieces(pair.scores_of(class_), pair.classes):
                given = scores[classes == class_].astype(np.float64)
                total -= float(np.log(np.maximum(given, _TINY)).sum())
        return Measured(total / pair.n + 0.0)


class BrierScore(ScoreMetric):
    """The Brier score: the mean squared distance of probabilities from what happened, 0 or 1.

    Two classes: ``mean (p - y)²`` of class 1, from 0 (sure and right) to 1. More: the sum over all classes, as Brier
    has it, from 0 to 2. As in scikit-learn.

    Source: Brier, Verification of forecasts expressed in terms of probability, Mon. Weather Rev. 78, 1950.

    Example:
        >>> import numpy as np
        >>> BrierScore()(np.array([0.5, 1.0]), np.array([0, 1]))
        0.125
    """

    abbreviation = "BRIER"
    better = "lower"
    high = 2.0
    needs = "probabilities"
    groups = ("classification", "calibration")

    def formula(self, pair: ScorePair) -> Measured:
        """Return the value."""
        total = 0.0
        for class_ in [1] if pair.n_classes == 2 else range(pair.n_classes):
            for scores, classes in pieces(pair.scores_of(class_), pair.classes):
                away = scores.astype(np.float64) - (classes == class_)
                total += float(away @ away)
        return Measured(total / pair.n)


class _Calibration(ScoreMetric):
    """Confidence and accuracy compared in bins."""

    better = "lower"
    needs = "probabilities"
    groups = ("classification", "calibration")

    def __init__(self, bins: int = 15, equal: Literal["width", "mass"] = "width", classwise: bool = False) -> None:
        self.bins, self.equal, self.classwise = bins, equal, classwise
        check_choice(self, "equal", ("width", "mass"))
        if isinstance(bins, bool) or not isinstance(bins, int) or bins < 1:
            raise ArgumentError(f"{self.abbreviation}: bins is {bins!r}", expected="a whole number from 1 on")
        if not isinstance(classwise, bool):
            raise ArgumentError(f"{self.abbreviation}: classwise is {classwise!r}", expected="True or False")

    def of_gaps(self, gaps: npt.NDArray[np.float64], shares: npt.NDArray[np.float64]) -> float:
        """Return the value of the gaps in bins with a case, and of the shares of cases they have."""
        raise NotImplementedError

    def formula(self, pair: ScorePair) -> Measured:
        """Return the value."""
        values = [self.of_gaps(*_gaps(sure, right, self.bins, self.equal)) for sure, right in self._questions(pair)]
        return Measured(sum(values) / len(values))

    def _questions(self, pair: ScorePair) -> Iterator[tuple[Array, Array]]:
        """Yield how sure the classifier was, and whether it was right: of its decisions, or of every class."""
        if not self.classwise:
            yield pair.confidence, pair.likeliest == pair.classes
            return
        for class_ in [1] if pair.n_classes == 2 else range(pair.n_classes):
            yield pair.scores_of(class_), pair.classes == class_


class ExpectedCalibrationError(_Calibration):
    """The expected calibration error: how far confidence and accuracy are apart, on average over all cases.

    Cases go into bins by their confidence; ``Σ n_b / n |accuracy_b - confidence_b|``. From 0 (probabilities are
    frequencies) to 1. It depends on the bins, and tells nothing about how many decisions are right.

    Args:
        bins: How many; bin edges belong to the bin below.
        equal: "width": bins of one width from 0 to 1; "mass": as many cases in each, equal probabilities together.
        classwise: False: the confidence is the largest probability of a case, accuracy whether that class is right.
            True: the probability of each class, and whether it is the true one; the mean over all classes, of two
            classes class 1.

    Raises:
        ArgumentError: If one is something else.

    Source: Guo et al., On calibration of modern neural networks, ICML 2017, equation 3; bins of equal mass: Nguyen and
        O'Connor, EMNLP 2015; classwise: Kull et al., Beyond temperature scaling, NeurIPS 2019.

    Example:
        >>> import numpy as np
        >>> round(ExpectedCalibrationError()(np.array([0.9, 0.9, 0.9, 0.9]), np.array([1, 1, 1, 0])), 3)
        0.15
    """

    abbreviation = "ECE"

    def of_gaps(self, gaps: npt.NDArray[np.float64], shares: npt.NDArray[np.float64]) -> float:
        """Return the value of the gaps in bins with a case, and of the shares of cases they have."""
        return min(1.0, float(gaps @ shares))


class MaximumCalibrationError(_Calibration):
    """The maximum calibration error: how far confidence and accuracy are apart in the worst bin.

    From 0 to 1. Bins with few cases make it large by chance; `equal="mass"` avoids them.

    Args:
        bins: How many; bin edges belong to the bin below.
        equal: "width": bins of one width from 0 to 1; "mass": as many cases in each, equal probabilities together.
        classwise: As for `ExpectedCalibrationError`.

    Raises:
        ArgumentError: If one is something else.

    Source: Naeini, Cooper, Hauskrecht, Obtaining well calibrated probabilities using Bayesian binning, AAAI 2015.

    Example:
        >>> import numpy as np
        >>> round(MaximumCalibrationError()(np.array([0.9, 0.9, 0.6, 0.6]), np.array([1, 1, 1, 1])), 3)
        0.4
    """

    abbreviation = "MCE"

    def of_gaps(self, gaps: npt.NDArray[np.float64], shares: npt.NDArray[np.float64]) -> float:  # noqa: ARG002
        """Return the value of the gaps in bins with a case, and of the shares of cases they have."""
        return min(1.0, float(gaps.max()))


def _gaps(
    sure: Array, right: Array, n_bins: int, equal: str
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return |accuracy - confidence| of each bin with a case, and the share of all cases in it."""
    n = len(sure)
    edges = np.sort(sure)[np.ceil(np.arange(1, n_bins) * n / n_bins).astype(int) - 1] if equal == "mass" else None
    counts, sums = np.zeros(n_bins), np.zeros(n_bins)
    for sure_part, right_part in pieces(sure, right):
        if edges is None:
            bins = np.clip(np.ceil(sure_part.astype(np.float64) * n_bins).astype(np.intp) - 1, 0, n_bins - 1)
        else:
            bins = np.searchsorted(edges, sure_part, "left")
        counts += np.bincount(bins, minlength=n_bins)
        sums += np.bincount(bins, right_part - sure_part.astype(np.float64), n_bins)
    filled = counts > 0
    return np.abs(sums[filled]) / counts[filled], counts[filled] / n
