"""How often a classifier decides for the right class: everything that follows from the table of confusions."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from eisen.evaluation.image_metric import check_choice
from eisen.evaluation.measured import Measured, undefined
from eisen.evaluation.pairs.counts import Counts
from eisen.evaluation.pairs.score_pair import ScorePair
from eisen.evaluation.score_metric import PerClassMetric, ScoreMetric

__all__ = [
    "BalancedAccuracy",
    "ClassAccuracy",
    "ClassF1",
    "ClassKappa",
    "ClassMatthews",
    "ClassPrecision",
    "ClassSensitivity",
    "ClassSpecificity",
]


class ClassAccuracy(ScoreMetric):
    """The share of cases that were decided right.

    From 0 to 1 (all). A classifier that always says the most frequent class has its frequency.

    Source: Sokolova and Lapalme, A systematic analysis of performance measures, Inf. Process. Manag. 45, 2009.

    Example:
        >>> import numpy as np
        >>> ClassAccuracy()(np.array([[0.8, 0.1, 0.1], [0.2, 0.5, 0.3]]), np.array([0, 2]))
        0.5
    """

    abbreviation = "ACC"

    def formula(self, pair: ScorePair) -> Measured:
        """Return the value."""
        return Measured(int(np.trace(pair.confusion)) / pair.n)


class BalancedAccuracy(ScoreMetric):
    """The mean sensitivity over the classes that occur.

    From 0 to 1 (all right); a classifier that always says the same has 1 / C. Classes without a case are left out,
    and the reason names how many.

    Source: Brodersen et al., The balanced accuracy and its posterior distribution, ICPR 2010.

    Example:
        >>> import numpy as np
        >>> BalancedAccuracy()(np.array([0.1, 0.2, 0.3, 0.4]), np.array([0, 0, 0, 1]))
        0.5
    """

    abbreviation = "BACC"

    def formula(self, pair: ScorePair) -> Measured:
        """Return the value."""
        cases = pair.confusion.sum(axis=1)
        occur = cases > 0
        value = float((np.diag(pair.confusion)[occur] / cases[occur]).mean())
        n_left_out = int((~occur).sum())
        return Measured(value, f"{n_left_out} of {len(cases)} classes do not occur" if n_left_out else "")


class _FromCounts(PerClassMetric):
    """A fraction of the four counts of a class against the rest."""

    when_undefined: ClassVar[str]

    def fraction(self, counts: Counts) -> tuple[int, int]:
        """Return what is above and what is below the line."""
        raise NotImplementedError

    def of_class(self, pair: ScorePair, class_: int) -> Measured:
        """Return the value of one class against the rest."""
        above, below = self.fraction(_counts(pair, class_))
        return Measured(above / below) if below else undefined(self.when_undefined)


class ClassSensitivity(_FromCounts):
    """The sensitivity, or recall: ``TP / (TP + FN)``, the share of the cases of a class that were found.

    From 0 to 1 (all). A class without a case: undefined, and left out of a mean over classes.

    Args:
        average: "macro", "weighted", or "auto": of class 1 where there are two classes, else macro.

    Source: Yerushalmy, Statistical problems in assessing methods of medical diagnosis, Public Health Rep. 62, 1947.

    Example:
        >>> import numpy as np
        >>> ClassSensitivity()(np.array([0.9, 0.2, 0.6]), np.array([1, 1, 0]))
        0.5
    """

    abbreviation = "SENS"
    when_undefined = "no case is of the class"

    def fraction(self, counts: Counts) -> tuple[int, int]:
        """Return what is above and what is below the line."""
        return counts.tp, counts.actual


class ClassSpecificity(_FromCounts):
    """The specificity: ``TN / (TN + FP)``, the share of the cases of other classes that were told from a class.

    From 0 to 1 (all). If all cases are of the class: undefined, and left out of a mean over classes.

    Args:
        average: "macro", "weighted", or "auto": of class 1 where there are two classes, else macro.

    Source: Yerushalmy, Statistical problems in assessing methods of medical diagnosis, Public Health Rep. 62, 1947.

    Example:
        >>> import numpy as np
        >>> ClassSpecificity()(np.array([0.9, 0.2, 0.6]), np.array([1, 0, 0]))
        0.5
    """

    abbreviation = "SPEC"
    when_undefined = "all cases are of the class"

    def fraction(self, counts: Counts) -> tuple[int, int]:
        """Return what is above and what is below the line."""
        return counts.tn, counts.tn + counts.fp


class ClassPrecision(_FromCounts):
    """The precision, or positive predictive value: ``TP / (TP + FP)``.

    From 0 to 1. A class that was never predicted: undefined; in a mean over classes it counts 0 if it has cases, as in
    scikit-learn, and is left out if it has none.

    Args:
        average: "macro", "weighted", or "auto": of class 1 where there are two classes, else macro.

    Source: Kent et al., Machine literature searching VIII, Am. Doc. 6, 1955.

    Example:
        >>> import numpy as np
        >>> ClassPrecision()(np.array([0.9, 0.2, 0.6]), np.array([1, 1, 0]))
        0.5
    """

    abbreviation = "PPV"
    when_undefined = "the class was never predicted"

    def fraction(self, counts: Counts) -> tuple[int, int]:
        """Return what is above and what is below the line."""
        return counts.tp, counts.predicted

    def in_mean(self, pair: ScorePair, class_: int) -> Measured:
        """Return what a class adds to a mean over classes."""
        counts = _counts(pair, class_)
        is_missed = counts.actual and not counts.predicted
        return Measured(0.0, "never predicted, counts 0") if is_missed else self.of_class(pair, class_)


class ClassF1(_FromCounts):
    """The F1 score: ``2 TP / (2 TP + FP + FN)``, the harmonic mean of precision and sensitivity.

    From 0 to 1. A class that neither occurs nor was predicted: undefined, and left out of a mean over classes.

    Args:
        average: "macro", "weighted", or "auto": of class 1 where there are two classes, else macro. (The micro average
            of cases with one class each is the accuracy.)

    Source: van Rijsbergen, Information Retrieval, 1979.

    Example:
        >>> import numpy as np
        >>> ClassF1()(np.array([0.9, 0.2, 0.6]), np.array([1, 1, 0]))
        0.5
    """

    abbreviation = "F1"
    when_undefined = "the class neither occurs nor was predicted"

    def fraction(self, counts: Counts) -> tuple[int, int]:
        """Return what is above and what is below the line."""
        return 2 * counts.tp, counts.predicted + counts.actual


class ClassKappa(ScoreMetric):
    """Cohen's kappa: how much more often the decisions agree with the truth than by chance.

    ``1 - Σ w O / Σ w E``, over all cells of the table of confusions; O the cases, E those expected of independent
    decisions, w the price of a confusion. 1 is perfect, 0 chance, and less is possible. If all cases are, and are taken
    for, one class: undefined.

    Args:
        weights: None: every confusion costs the same; "linear" or "quadratic": by how far the classes are apart, for
            grades.

    Raises:
        ArgumentError: If it is something else.

    Source: Cohen, A coefficient of agreement for nominal scales, Educ. Psychol. Meas. 20, 1960; weighted: Psychol.
        Bull. 70, 1968.

    Example:
        >>> import numpy as np
        >>> ClassKappa()(np.array([0.9, 0.2, 0.6, 0.1]), np.array([1, 0, 0, 0]))
        0.5
    """

    abbreviation = "CKAPPA"
    low = -1.0

    def __init__(self, weights: Literal["linear", "quadratic"] | None = None) -> None:
        self.weights = weights
        check_choice(self, "weights", (None, "linear", "quadratic"))

    def formula(self, pair: ScorePair) -> Measured:
        """Return the value."""
        found = pair.confusion
        prices = _prices(len(found), self.weights)
        chance = np.outer(found.sum(axis=1) / pair.n, found.sum(axis=0))
        expected = float((prices * chance).sum())
        return Measured(1 - float((prices * found).sum()) / expected) if expected else undefined(_ONE_CLASS)


class ClassMatthews(ScoreMetric):
    """Matthews' correlation coefficient, for any number of classes.

    The correlation of truth and decisions: 1 is perfect, 0 chance, -1 (two classes) always wrong. If all cases are, or
    are taken for, one class: undefined.

    Source: Gorodkin, Comparing two K-category assignments by a K-category correlation coefficient, Comput. Biol. Chem.
        28, 2004.

    Example:
        >>> import numpy as np
        >>> round(ClassMatthews()(np.array([0.9, 0.2, 0.6, 0.1]), np.array([1, 0, 0, 0])), 3)
        0.577
    """

    abbreviation = "CMCC"
    low = -1.0

    def formula(self, pair: ScorePair) -> Measured:
        """Return the value."""
        table = [[int(cell) for cell in row] for row in pair.confusion]
        actual = [sum(row) for row in table]
        predicted = [sum(column) for column in zip(*table, strict=True)]
        n, right = pair.n, sum(table[i][i] for i in range(len(table)))
        spread_actual, spread_predicted = (n * n - sum(k * k for k in side) for side in (actual, predicted))
        if not spread_actual or not spread_predicted:
            return undefined("all cases are of one class" if not spread_actual else "one class was always predicted")
        covariance = n * right - sum(a * p for a, p in zip(actual, predicted, strict=True))
        return Measured(covariance / math.sqrt(spread_actual * spread_predicted))


_ONE_CLASS = "all cases are of one class, and it was always predicted"


def _counts(pair: ScorePair, class_: int) -> Counts:
    table = pair.confusion
    tp, actual, predicted = int(table[class_, class_]), int(table[class_].sum()), int(table[:, class_].sum())
    return Counts(tp, predicted - tp, actual - tp, pair.n - predicted - actual + tp)


def _prices(n: int, weights: str | None) -> npt.NDArray[np.float64]:
    apart = np.abs(np.subtract.outer(np.arange(n), np.arange(n))).astype(np.float64)
    return apart if weights == "linear" else apart**2 if weights == "quadratic" else (apart > 0).astype(np.float64)
