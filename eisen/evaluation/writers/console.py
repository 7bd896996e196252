"""Results and statistics as text."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from typing import TextIO

from eisen.evaluation.results import Results
from eisen.evaluation.statistics import FUNCTIONS, Aggregate

__all__ = ["number", "print_results", "print_statistics", "result_rows", "statistics_rows"]

_DIGITS = ((10, 4), (100, 2), (1000, 1))
"""How many digits follow the point of values below a limit."""

_COUNTS = {"n_missed": "missed", "n_extra": "extra", "n_undefined": "undefined", "n_charged": "charged"}


def number(value: float) -> str:
    """Return a value in few characters; a dash where there is none.

    Example:
        >>> number(0.87349), number(7.0), number(45.678), number(12345.678), number(math.nan)
        ('0.8735', '7', '45.68', '12346', '–')
    """
    if math.isnan(value):
        return "–"
    size = abs(value)
    if size >= 1e7:
        return f"{value:.3e}"
    if size >= 1 and float(value).is_integer():
        return f"{value:.0f}"
    return f"{value:.{next((digits for limit, digits in _DIGITS if size < limit), 0)}f}"


def result_rows(results: Results) -> tuple[list[str], list[list[str]]]:
    """Return the head line and a row per case and label, a column per metric.

    Args:
        results: What was measured.
    """
    names = results.metric_names
    found: dict[tuple[str, str], dict[str, float]] = {}
    for r in results:
        found.setdefault((r.case, r.label), {})[r.metric] = r.value
    rows = [
        [case, label, *(number(values.get(name, math.nan)) for name in names)]
        for (case, label), values in found.items()
    ]
    return ["case", "label", *names], rows


def statistics_rows(aggregates: Sequence[Aggregate]) -> tuple[list[str], list[list[str]]]:
    """Return the head line and a row per label and metric; the counts stand beside the mean.

    Args:
        aggregates: From `eisen.evaluation.aggregate`.
    """
    own = [name for name in (aggregates[0].statistics if aggregates else {}) if name not in FUNCTIONS]
    head = ["label", "metric", "mean ± std", "n", "missed", "extra", "undefined", "charged"]
    rows = [[*_counted(a), *(number(a[name]) for name in ("median", "q25", "q75", *own))] for a in aggregates]
    return [*head, "median", "q25", "q75", *own], rows


def _counted(a: Aggregate) -> list[str]:
    spread = "" if math.isnan(a.std) else f" ± {number(a.std)}"
    counts = [str(getattr(a, name) or "–") for name in _COUNTS]
    return [a.label, a.metric, number(a.mean) + spread, f"{a.n}/{a.n_cases}", *counts]


def print_results(results: Results, file: TextIO | None = None) -> None:
    """Write a table with a row per case and label.

    Args:
        results: What was measured.
        file: Where to; None: standard output.

    Example:
        >>> from eisen.evaluation.results import Record
        >>> print_results(Results([Record("p7", "lung", "DICE", 0.91)]))
        case  label    DICE
        p7    lung   0.9100
    """
    _print(*result_rows(results), n_left=2, file=file)


def print_statistics(aggregates: Sequence[Aggregate], file: TextIO | None = None) -> None:
    """Write a table with a row per label and metric; how many cases have no value stands beside the mean.

    Args:
        aggregates: From `eisen.evaluation.aggregate`.
        file: Where to; None: standard output.
    """
    _print(*statistics_rows(aggregates), n_left=2, file=file)


def _print(head: list[str], rows: list[list[str]], n_left: int, file: TextIO | None) -> None:
    stream = file or sys.stdout
    for line in _aligned([head, *rows], n_left):
        stream.write(f"{line}\n")


def _aligned(rows: Sequence[Sequence[str]], n_left: int) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = zip(row, widths, strict=True)
        yield "  ".join(c.ljust(w) if i < n_left else c.rjust(w) for i, (c, w) in enumerate(cells)).rstrip()
