"""How far a mean over cases could be from what it is, by drawing the cases again."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.errors import ArgumentError

__all__ = ["Interval", "bootstrap_interval"]

_DRAWS = 5000


@dataclass(frozen=True)
class Interval:
    """A confidence interval.

    Args:
        low: Its lower end; NaN where there are fewer than two values.
        high: Its upper end.
        level: How often such intervals hold the true value.
    """

    low: float
    high: float
    level: float = 0.95


def bootstrap_interval(
    values: Sequence[float] | npt.NDArray[np.float64],
    statistic: Callable[..., Any] = np.mean,
    *,
    level: float = 0.95,
    n_draws: int = _DRAWS,
    seed: int = 0,
) -> Interval:
    """Return the bootstrap confidence interval of a statistic over cases, bias-corrected and accelerated (BCa).

    Args:
        values: One per case; NaN is left out.
        statistic: Takes values and ``axis=``.
        level: Between 0 and 1.
        n_draws: How often the cases are drawn again.
        seed: Of the draws: the same values have the same interval.

    Raises:
        ArgumentError: If the level is not between 0 and 1.

    Source: Efron, Better bootstrap confidence intervals, J. Am. Stat. Assoc. 82, 1987.

    Example:
        >>> found = bootstrap_interval([0.8, 0.9, 0.85, 0.7, 0.95])
        >>> round(found.low, 2) <= 0.84 <= round(found.high, 2)
        True
    """
    if not 0 < level < 1:
        raise ArgumentError(f"the level of a confidence interval is {level!r}", expected="a number between 0 and 1")
    kept = np.asarray(values, dtype=np.float64)
    kept = kept[np.isfinite(kept)]
    if len(kept) < 2:
        return Interval(float("nan"), float("nan"), level)
    if np.ptp(kept) == 0:
        same = float(statistic(kept, axis=0))
        return Interval(same, same, level)
    from scipy import stats

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        found = stats.bootstrap(
            (kept,), statistic, confidence_level=level, n_resamples=n_draws, rng=np.random.default_rng(seed), batch=500
        ).confidence_interval
    if np.isnan(found.low) or np.isnan(found.high):
        return _by_percentiles(kept, statistic, level, n_draws, seed)
    return Interval(float(found.low), float(found.high), level)


def _by_percentiles(
    values: npt.NDArray[np.float64], statistic: Callable[..., Any], level: float, n_draws: int, seed: int
) -> Interval:
    """Return the plain percentile interval, where the acceleration is not defined (all draws but few are equal)."""
    drawn = np.random.default_rng(seed).integers(0, len(values), (n_draws, len(values)))
    low, high = np.quantile(statistic(values[drawn], axis=1), [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(low), float(high), level)
