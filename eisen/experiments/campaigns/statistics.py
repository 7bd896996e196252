"""Mean, spread and confidence interval of values per case, where cases of one patient belong together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eisen._core.errors import ArgumentError

__all__ = ["Interval", "Spread", "bootstrap", "sd", "spread_of"]

Numbers = npt.NDArray[np.float64]

N_RESAMPLES = 2000
N_RESAMPLES_TOGETHER = 500
"""For metrics of all cases together, which have to be computed anew for every resample."""
_LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """A confidence interval.

    Args:
        low: Lower end; NaN when there are fewer than two units.
        high: Upper end.
        unit: What was drawn again: ``"group"`` or ``"case"``.
        n_units: How many there are.
        level: How often such intervals hold the true value.
    """

    low: float
    high: float
    unit: str
    n_units: int
    level: float = _LEVEL


@dataclass(frozen=True)
class Spread:
    """What values per case come down to.

    Args:
        mean: Mean over the cases that have a value; NaN when none has.
        sd: Standard deviation over those cases (n - 1).
        n_cases: How many cases have a value.
        n_missing: How many have none (NaN): the mean leaves them out, so it must not be read without this number.
        interval: Confidence interval of the mean.
    """

    mean: float
    sd: float
    n_cases: int
    n_missing: int
    interval: Interval


def spread_of(values: Sequence[float], groups: Sequence[str | None] | None = None) -> Spread:
    """Return mean, standard deviation and 95 % confidence interval of values per case.

    The interval is the percentile bootstrap of the mean with a fixed seed. Where cases belong to groups (scans of one
    patient) whole groups are drawn, because the scans of one patient tell less than those of several.

    Args:
        values: One per case; NaN where there is none.
        groups: Group of each case; None when cases are independent.

    Raises:
        ArgumentError: If there is no group for each value.

    Source:
        Efron and Tibshirani 1993, An Introduction to the Bootstrap, section 13.3; groups: Field and Welsh 2007,
        Bootstrapping clustered data, J. R. Statist. Soc. B 69(3).

    Example:
        >>> spread = spread_of([0.8, 0.9, float("nan"), 0.7], ["anna", "anna", "ben", "carl"])
        >>> round(spread.mean, 3), spread.n_missing, spread.interval.unit, spread.interval.n_units
        (0.8, 1, 'group', 2)
    """
    array = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(array)
    units = _units(array, groups)
    sums = np.bincount(units, weights=np.where(known, array, 0.0))
    counts = np.bincount(units, weights=known)
    sums, counts = sums[counts > 0], counts[counts > 0]

    def means(drawn: npt.NDArray[np.int64]) -> Numbers:
        result: Numbers = (drawn @ sums) / (drawn @ counts)
        return result

    mean = float(sums.sum() / counts.sum()) if len(sums) else math.nan
    interval = bootstrap(len(sums), means, "case" if groups is None else "group")
    return Spread(mean, sd(array[known]), int(known.sum()), int((~known).sum()), interval)


def bootstrap(
    n_units: int,
    statistic: Callable[[npt.NDArray[np.int64]], Numbers],
    unit: str = "case",
    n_resamples: int = N_RESAMPLES,
) -> Interval:
    """Return the percentile interval of a statistic over drawn units, with a fixed seed.

    Args:
        n_units: How many units there are.
        statistic: From how often each unit was drawn, shape (resamples, units), to one value per resample; NaN where
            it is not defined.
        unit: What a unit is.
        n_resamples: How often to draw.

    Example:
        >>> values = np.array([1.0, 2.0, 3.0, 4.0])
        >>> interval = bootstrap(4, lambda drawn: drawn @ values / 4)
        >>> bool(1.0 <= interval.low < 2.5 < interval.high <= 4.0)
        True
    """
    if n_units < 2:
        return Interval(math.nan, math.nan, unit, n_units)
    rng = np.random.default_rng(0)
    drawn = rng.multinomial(n_units, np.full(n_units, 1 / n_units), size=n_resamples)
    results = np.asarray(statistic(drawn), dtype=np.float64)
    results = results[~np.isnan(results)]
    if not len(results):
        return Interval(math.nan, math.nan, unit, n_units)
    tail = (1 - _LEVEL) / 2
    low, high = np.quantile(results, [tail, 1 - tail])
    return Interval(float(low), float(high), unit, n_units)


def sd(values: Sequence[float] | Numbers) -> float:
    """Return the standard deviation (n - 1) of what is not NaN; NaN for fewer than two values.

    Example:
        >>> sd([1.0, 2.0, 3.0, float("nan")])
        1.0
    """
    array = np.asarray(values, dtype=np.float64)
    array = array[~np.isnan(array)]
    return float(array.std(ddof=1)) if len(array) > 1 else math.nan


def _units(values: Numbers, groups: Sequence[str | None] | None) -> npt.NDArray[np.int64]:
    """Return the number of the unit that each case belongs to."""
    if groups is None:
        return np.arange(len(values))
    if len(groups) != len(values):
        raise ArgumentError(f"{len(values)} values and {len(groups)} groups", expected="one group for each value")
    _, units = np.unique(np.asarray([str(group) for group in groups]), return_inverse=True)
    return np.asarray(units, dtype=np.int64)
