"""Differences between methods on the same cases, and whether they could be chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eisen._core.errors import ShapeError
from eisen.evaluation.comparing.intervals import Interval, bootstrap_interval

__all__ = ["PairedDifference", "holm", "paired_difference"]

_Values = Sequence[float] | npt.NDArray[np.float64]


@dataclass(frozen=True)
class PairedDifference:
    """How two methods differ on the cases that both have a value for.

    Args:
        n: Those cases.
        n_left_out: Cases without a value in one of them.
        mean: Mean of first minus second; NaN without cases.
        median: Median of it.
        interval: Bootstrap confidence interval of the mean.
        p: Of the Wilcoxon signed-rank test, two-sided; NaN below two cases, 1 where nothing differs.
        n_higher: Cases in which the first is higher.
        n_equal: Cases in which both are equal.
    """

    n: int
    n_left_out: int
    mean: float
    median: float
    interval: Interval
    p: float
    n_higher: int
    n_equal: int


def paired_difference(first: _Values, second: _Values, *, level: float = 0.95, seed: int = 0) -> PairedDifference:
    """Compare two methods case by case.

    Args:
        first: Values of one method, one per case; NaN where it has none.
        second: Values of the other, of the same cases in the same order.
        level: Of the confidence interval.
        seed: Of the bootstrap.

    Raises:
        ShapeError: If there are not equally many.

    Source: Wilcoxon, Individual comparisons by ranking methods, Biometrics Bulletin 1, 1945; differences of zero count
        half on each side (Pratt 1959).

    Example:
        >>> found = paired_difference([0.9, 0.8, 0.7, float("nan")], [0.8, 0.75, 0.7, 0.5])
        >>> found.n, found.n_left_out, round(found.mean, 3), found.n_higher
        (3, 1, 0.05, 2)
    """
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if a.shape != b.shape or a.ndim != 1:
        raise ShapeError(f"the values have the shapes {a.shape} and {b.shape}", expected="one value per case in both")
    both = np.isfinite(a) & np.isfinite(b)
    difference = a[both] - b[both]
    n = len(difference)
    mean, median = (float(np.mean(difference)), float(np.median(difference))) if n else (float("nan"),) * 2
    return PairedDifference(
        n=n,
        n_left_out=len(a) - n,
        mean=mean,
        median=median,
        interval=bootstrap_interval(difference, level=level, seed=seed),
        p=_signed_rank(difference),
        n_higher=int(np.sum(difference > 0)),
        n_equal=int(np.sum(difference == 0)),
    )


def _signed_rank(difference: npt.NDArray[np.float64]) -> float:
    if len(difference) < 2:
        return float("nan")
    if not difference.any():
        return 1.0
    from scipy import stats

    return float(stats.wilcoxon(difference, zero_method="pratt").pvalue)  # exact up to 50 cases without ties


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for how many there are; NaN stays NaN and is not counted.

    Args:
        p_values: Of a family of tests.

    Source: Holm, A simple sequentially rejective multiple test procedure, Scand. J. Stat. 6, 1979.

    Example:
        >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
        [0.03, 0.06, 0.06]
    """
    values = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known], kind="stable")]
    corrected = values.copy()
    factors = len(order) - np.arange(len(order))
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(values[order] * factors)) if len(order) else []
    return [float(p) for p in corrected]
