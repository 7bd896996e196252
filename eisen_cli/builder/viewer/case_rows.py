"""The rows of the table of cases: from a review, or from what ``eisen validate`` and ``eisen test`` have measured."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eisen._core.errors import EisenError
from eisen.experiments.reviews import Review, ReviewedCase, read_review
from eisen_cli.builder.viewer.browse import case_url, default_order

__all__ = ["CaseRows", "found_rows", "quartiles"]


@dataclass(frozen=True)
class CaseRows:
    """All cases of a phase with their values.

    Args:
        review: The cases; of an evaluation without files to look at.
        artifacts: Artifact folder of the run.
        can_be_opened: Whether there is something to look at.
    """

    review: Review
    artifacts: Path
    can_be_opened: bool = True
    facts: list[str] = field(default_factory=list)

    @property
    def title(self) -> str:
        """What the rows are called where there are several kinds."""
        return f"{self.review.phase} · {'reviewed' if self.can_be_opened else 'measured only'}"

    @property
    def key(self) -> str:
        """A short name, the same after a reload."""
        return f"{'review' if self.can_be_opened else 'evaluation'}/{self.review.phase.lower()}"

    @property
    def orders(self) -> list[str]:
        """What the cases can be sorted by: means over the labels first, then each column."""
        columns = self.review.columns
        n_labels: dict[str, int] = {}
        for column in columns:
            metric, bracket, _ = column.partition("[")
            n_labels[metric] = n_labels.get(metric, 0) + bool(bracket)
        means = [metric for metric, n in n_labels.items() if n > 1]
        return [name for name in [*means, *columns] if self.review.better(name)] or columns

    def order(self, wanted: str = "") -> str:
        """Return what the cases are sorted by, if it is there; else the usual."""
        return wanted if wanted in self.orders else next(iter(self.orders), default_order(self.review))

    def rows(self, by: str = "") -> list[dict[str, Any]]:
        """Return a row per case, the worst first.

        Args:
            by: What they are sorted by, one of `orders`.
        """
        order = self.order(by)
        cases = self.review.worst_first(order) if order else self.review.cases
        limits = {name: self._limits(name) for name in self.review.columns}
        return [self._row(number, case, limits, order) for number, case in enumerate(cases)]

    def values(self, by: str) -> list[tuple[str, float]]:
        """Return name and value of the cases that have one."""
        found = [(case.name, self.review.value(case, by)) for case in self.review.cases]
        return [(name, value) for name, value in found if value is not None]

    def _row(
        self, number: int, case: ReviewedCase, limits: dict[str, tuple[float, float]], order: str
    ) -> dict[str, Any]:
        shares = {}
        for name, value in case.values.items():
            low, high = limits[name]
            if value is not None and high > low:
                shares[name] = round(100 * (value - low) / (high - low), 1)
        url = case_url(self.artifacts, self.review.phase, case.name, order) if self.can_be_opened else ""
        return {"rank": number + 1, "case": case.name, **case.values, **case.facts, "share": shares, "url": url}

    def _limits(self, column: str) -> tuple[float, float]:
        """Return the values at which a bar is empty and full."""
        values = [value for _, value in self.values(column)]
        low, high = min(values, default=0.0), max(values, default=0.0)
        return (0.0, 1.0) if low >= 0 and high <= 1 else (min(low, 0.0), high)


def found_rows(artifacts: Path) -> list[CaseRows]:
    """Return the cases of a run that were reviewed or measured, by phase; reviews first.

    Args:
        artifacts: Artifact folder of the run.
    """
    found = []
    for file in sorted(artifacts.glob("review/*/cases.json"), key=_by_phase):
        with suppress(EisenError):
            review = read_review(file.parent)
            facts = list(dict.fromkeys(name for case in review.cases for name in case.facts))
            found.append(CaseRows(review, artifacts, facts=facts))
    reviewed = {rows.review.phase.lower() for rows in found if rows.review.cases}
    for file in sorted(artifacts.glob("evaluation/*/results.json"), key=_by_phase):
        if file.parent.name not in reviewed:
            with suppress(EisenError, OSError, ValueError):
                found.append(CaseRows(_measured(file), artifacts, can_be_opened=False))
    return found


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """Return the first quartile, the median and the third quartile.

    Example:
        >>> quartiles([0.5, 0.7, 0.9])
        (0.6, 0.7, 0.8)
    """
    ordered = sorted(values)

    def at(share: float) -> float:
        place = share * (len(ordered) - 1)
        low = math.floor(place)
        high = min(low + 1, len(ordered) - 1)
        return round(ordered[low] + (place - low) * (ordered[high] - ordered[low]), 12)

    return at(0.25), at(0.5), at(0.75)


def _by_phase(file: Path) -> tuple[int, str]:
    order = ("validation", "testing", "training")
    name = file.parent.name
    return (order.index(name) if name in order else len(order), name)


def _measured(file: Path) -> Review:
    """Return the results of an evaluation in the form of a review."""
    from eisen.evaluation import Results

    results = Results.read(file)
    values: dict[str, dict[str, float | None]] = {case: {} for case in results.cases}
    for record in results:
        name = f"{record.metric}[{record.label}]" if record.label else record.metric
        values[record.case][name] = record.value if math.isfinite(record.value) else None
    metrics = {
        name: {"better": "" if metric.better == "neither" else metric.better, "unit": metric.unit}
        for name, metric in results.metrics.items()
    }
    cases = [ReviewedCase(name, values=found) for name, found in values.items()]
    phase = file.parent.name.capitalize()
    return Review(file.parent, phase, n_cases=len(cases), status="complete", metrics=metrics, cases=cases,
                  failures=dict(results.failures))  # fmt: skip
