"""The numbers of a report: per label and metric, per subgroup, and the cases that means do not speak of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eisen.evaluation.comparing.intervals import Interval, bootstrap_interval
from eisen.evaluation.metric import Metric
from eisen.evaluation.report.svg import number
from eisen.evaluation.results import Record, Results
from eisen.evaluation.statistics import Aggregate, aggregate, charged

__all__ = ["Attributes", "Row", "groups_of", "silent_cases", "summary", "unit_of"]

Attributes = Mapping[str, Mapping[str, Any]]
"""Case to its attributes, e.g. sex, age, scanner."""

_MOST_GROUPS = 8


@dataclass(frozen=True)
class Row:
    """A row of the summary.

    Args:
        aggregate: The statistics.
        interval: Confidence interval of the mean.
        charged: Mean when missed and invented labels are charged the worst value; the same where there are none.
        metric: The metric, if it is known.
    """

    aggregate: Aggregate
    interval: Interval
    charged: float
    metric: Metric | None = None

    @property
    def mean(self) -> str:
        """The mean with its interval, as text."""
        low, high = number(self.interval.low), number(self.interval.high)
        return f"{number(self.aggregate.mean)}" + ("" if low == "–" else f" [{low}, {high}]")

    @property
    def direction(self) -> str:
        """An arrow to where it is better."""
        better = self.metric.better if self.metric is not None else "neither"
        return {"higher": "↑", "lower": "↓"}.get(better, "")


def unit_of(metric: Metric | None) -> str:
    """Return the unit of a metric, in brackets; "" where there is none."""
    return f" [{metric.unit}]" if metric is not None and metric.unit else ""


def summary(results: Results, level: float = 0.95) -> list[Row]:
    """Return one row per label and metric.

    Args:
        results: What was measured.
        level: Of the confidence intervals.

    Example:
        >>> found = summary(Results([Record("a", "lung", "DICE", 0.9), Record("b", "lung", "DICE", 0.8)]))
        >>> found[0].aggregate.metric, found[0].mean.startswith("0.850 [")
        ('DICE', True)
    """
    with_charges = {(a.label, a.metric): a.mean for a in aggregate(charged(results, "worst"))}
    return [
        Row(
            found,
            bootstrap_interval(results.values(found.label, found.metric), level=level),
            with_charges[found.label, found.metric],
            results.metrics.get(found.metric),
        )
        for found in aggregate(results)
    ]


def silent_cases(results: Results) -> list[dict[str, str]]:
    """Return the cases that means do not speak of: missed, invented, undefined, failed; one row for equal reasons.

    Args:
        results: What was measured.

    Example:
        >>> silent_cases(Results([Record("a", "lung", "HD", float("nan"), "the prediction is empty", "missed")]))
        [{'case': 'a', 'label': 'lung', 'what': 'missed', 'metrics': 'HD', 'reason': 'the prediction is empty'}]
    """
    found: dict[tuple[str, str, str, str], list[str]] = {}
    for record in results:
        is_undefined = record.value != record.value
        if record.presence in ("missed", "extra") or is_undefined:
            key = (record.case, record.label, _what(record), record.reason if is_undefined else "")
            found.setdefault(key, []).append(record.metric if is_undefined else "")
    rows = [
        {"case": case, "label": label, "what": what, "metrics": ", ".join(filter(None, metrics)), "reason": reason}
        for (case, label, what, reason), metrics in found.items()
        if reason or what in ("missed", "extra")
    ]
    told = {(row["case"], row["label"]) for row in rows if row["reason"]}
    rows = [row for row in rows if row["reason"] or (row["case"], row["label"]) not in told]
    failed = [
        {"case": c, "label": "", "what": "failed", "metrics": "all", "reason": r} for c, r in results.failures.items()
    ]
    return failed + rows


def _what(record: Record) -> str:
    return {"missed": "missed", "extra": "invented", "absent": "absent", "both": "undefined"}[record.presence]


def groups_of(attributes: Attributes, cases: list[str]) -> dict[str, dict[str, list[str]]]:
    """Return for each attribute the cases of each of its values; numbers of many values are cut at their quartiles.

    Args:
        attributes: Of the cases.
        cases: Which of them count.

    Example:
        >>> groups_of({"a": {"sex": "f"}, "b": {"sex": "m"}, "c": {"sex": "f"}}, ["a", "b", "c"])
        {'sex': {'f': ['a', 'c'], 'm': ['b']}}
    """
    names = dict.fromkeys(name for case in cases for name in attributes.get(case, {}))
    found = {}
    for name in names:
        known = {case: attributes[case][name] for case in cases if attributes.get(case, {}).get(name) not in (None, "")}
        groups = _by_value(known)
        if len(groups) > _MOST_GROUPS:
            groups = _by_quartile(known)
        if 1 < len(groups) <= _MOST_GROUPS:
            found[name] = groups
    return found


def _by_value(known: Mapping[str, Any]) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {}
    for case, value in sorted(known.items(), key=lambda item: str(item[1])):
        groups.setdefault(str(value), []).append(case)
    return groups


def _by_quartile(known: Mapping[str, Any]) -> dict[str, list[str]]:
    import numpy as np

    try:
        values = np.array([float(value) for value in known.values()])
    except (TypeError, ValueError):
        return {}
    edges = np.unique(np.quantile(values, [0, 0.25, 0.5, 0.75, 1]))
    which = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    names = [f"{edges[k]:g} to {edges[k + 1]:g}" for k in range(len(edges) - 1)]
    groups: dict[str, list[str]] = {name: [] for name in names}
    for case, place in zip(known, which, strict=True):
        groups[names[place]].append(case)
    return {name: members for name, members in groups.items() if members}
