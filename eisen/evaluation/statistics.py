"""From records to means, with the number of cases that they do not speak of always beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.errors import ArgumentError
from eisen.evaluation.measured import EmptyPolicy
from eisen.evaluation.metric import Metric
from eisen.evaluation.results import Record, Results

__all__ = ["CHARGING", "FUNCTIONS", "Aggregate", "Statistic", "aggregate", "charged"]

Numbers = npt.NDArray[np.float64]
Statistic = Callable[[Numbers], float]
"""Makes one number of the values of all cases that have one."""

CHARGING = EmptyPolicy(prediction="worst", reference="worst", both="perfect")
"""What is missed or invented gets the worst value; a distance gets the diagonal of the image."""


def _std(values: Numbers) -> float:
    return float(values.std(ddof=1)) if len(values) > 1 else math.nan


FUNCTIONS: dict[str, Statistic] = {
    "mean": np.mean,
    "std": _std,
    "min": np.min,
    "q25": partial(np.quantile, q=0.25),
    "median": np.median,
    "q75": partial(np.quantile, q=0.75),
    "max": np.max,
}
"""What is computed when nothing is said; the standard deviation is that of a sample (n - 1)."""


@dataclass(frozen=True)
class Aggregate:
    """What the values of a label and a metric come down to.

    Args:
        label: Name of the label; "" where there are none.
        metric: Name of the metric.
        n_cases: How many cases have a record.
        n: How many of them have a value; the statistics are of these.
        n_missed: In how many the label is in the reference, but not in the prediction.
        n_extra: In how many it is the other way round.
        n_absent: In how many it is in neither.
        n_charged: How many values are what a policy charges, not what was measured.
        n_failed: How many cases could not be measured at all.
        statistics: Name to value; NaN where no case has a value.

    Example:
        >>> found = aggregate(Results([Record("a", "lung", "DICE", 0.9), Record("b", "lung", "DICE", 0.8)]))[0]
        >>> round(found.mean, 3), found.n, found.n_undefined, round(found["median"], 3)
        (0.85, 2, 0, 0.85)
    """

    label: str
    metric: str
    n_cases: int
    n: int
    n_missed: int = 0
    n_extra: int = 0
    n_absent: int = 0
    n_charged: int = 0
    n_failed: int = 0
    statistics: dict[str, float] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        return self.statistics[name]

    @property
    def n_undefined(self) -> int:
        """How many cases have no value, or one that no mean can hold: the infinite PSNR of equal images."""
        return self.n_cases - self.n

    @property
    def mean(self) -> float:
        """Mean over the cases that have a value."""
        return self.statistics["mean"]

    @property
    def std(self) -> float:
        """Standard deviation over these cases (n - 1)."""
        return self.statistics["std"]

    @property
    def median(self) -> float:
        """Median over these cases."""
        return self.statistics["median"]

    def row(self) -> dict[str, Any]:
        """Return it as a row of a table; counts in front of the statistics."""
        counts = ("n_undefined", "n_missed", "n_extra", "n_absent", "n_charged", "n_failed")
        named = {"label": self.label, "metric": self.metric, "n_cases": self.n_cases, "n": self.n}
        return {**named, **{name: getattr(self, name) for name in counts}, **self.statistics}


def aggregate(
    results: Results,
    functions: Mapping[str, Statistic] | None = None,
    policy: EmptyPolicy | str | None = None,
) -> list[Aggregate]:
    """Return the statistics of each label and metric over all cases.

    Args:
        results: What was measured.
        functions: Your own, by name, each from an array of values to a number; they follow those of `FUNCTIONS`.
        policy: What cases without a value are charged because a mask is empty: "worst", or an `EmptyPolicy`. None:
            nothing; they are counted.

    Example:
        >>> records = [Record("a", "lung", "HDRFDST", 2.0), Record("b", "lung", "HDRFDST", math.nan, "", "missed")]
        >>> found = aggregate(Results(records), {"range": np.ptp})[0]
        >>> found.mean, found.n_undefined, found.n_missed, found["range"]
        (2.0, 1, 1, 0.0)
    """
    if policy is not None:
        results = charged(results, policy)
    made = {**FUNCTIONS, **(functions or {})}
    groups: dict[tuple[str, str], list[Record]] = {}
    for record in results:
        groups.setdefault((record.label, record.metric), []).append(record)
    return [_aggregate(label, metric, of, made, results) for (label, metric), of in groups.items()]


def charged(results: Results, policy: EmptyPolicy | str = "worst") -> Results:
    """Return results in which cases without a value have what a policy charges for an empty mask.

    With "worst", a missed or invented label gets the worst value of the metric, and for a distance the diagonal of its
    image; so no mean is better because a case was missed. A metric without a worst value, and no diagonal, makes the
    mean infinite. Records that have a value, and those without one for other reasons, stay.

    Args:
        results: What was measured.
        policy: "worst", or an `EmptyPolicy`.

    Raises:
        ArgumentError: If it is something else.

    Example:
        >>> from eisen.evaluation.metrics import Dice
        >>> found = Results([Record("a", "lung", "DICE", math.nan, "", "missed")], metrics={"DICE": Dice()})
        >>> charged(found).records[0].value
        0.0
    """
    if policy == "worst":
        policy = CHARGING
    if not isinstance(policy, EmptyPolicy):
        raise ArgumentError(f"policy is {policy!r}", expected='"worst", an EmptyPolicy, or None')
    return replace(results, records=[_charged(record, results, policy) for record in results])


def _charged(record: Record, results: Results, policy: EmptyPolicy) -> Record:
    choices = {"missed": policy.prediction, "extra": policy.reference, "absent": policy.both}
    choice = choices.get(record.presence, "nan")
    metric = results.metrics.get(record.metric)
    if choice == "nan" or not math.isnan(record.value):
        return record
    if choice == "perfect":
        return _perfect(record, metric)
    value = _worst(record, metric, results) if choice == "worst" else float(choice)
    return record if math.isnan(value) else replace(record, value=value, reason=f"{record.reason}: charged".strip(": "))


def _perfect(record: Record, metric: Metric | None) -> Record:
    best = metric.best if metric is not None and getattr(metric, "perfect_when_absent", False) else None
    if best is None or not math.isfinite(best):
        return record
    return replace(record, value=best, reason="both masks are empty")


def _worst(record: Record, metric: Metric | None, results: Results) -> float:
    """Return the worst value; NaN for a metric that has no such thing."""
    if metric is None or metric.worst is None:
        return math.nan
    if math.isinf(metric.worst) and metric.unit == "mm" and record.case in results.facts:
        diagonal = results.facts[record.case].diagonal_mm
        return metric.worst if math.isnan(diagonal) else math.copysign(diagonal, metric.worst)
    return metric.worst


def _beyond_measure(values: Numbers, metric: Metric | None) -> npt.NDArray[np.bool_]:
    """Tell which values are the best there is and infinite, as the PSNR of equal images: no mean can hold them."""
    best = math.nan if metric is None or metric.best is None else metric.best
    found: npt.NDArray[np.bool_] = np.isinf(values) & (values == best)
    return found


def _aggregate(
    label: str, metric: str, records: list[Record], functions: Mapping[str, Statistic], results: Results
) -> Aggregate:
    values = np.array([r.value for r in records], dtype=np.float64)
    known = values[~np.isnan(values) & ~_beyond_measure(values, results.metrics.get(metric))]
    n = {kind: sum(r.presence == kind for r in records) for kind in ("missed", "extra", "absent")}
    n_charged = sum(r.reason.endswith("charged") for r in records)
    with np.errstate(invalid="ignore"):  # infinite values have no deviation
        made = {name: float(function(known)) if len(known) else math.nan for name, function in functions.items()}
    counts = (n["missed"], n["extra"], n["absent"], n_charged, len(results.failures))
    return Aggregate(label, metric, len(records), len(known), *counts, statistics=made)
