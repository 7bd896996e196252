"""What an evaluation shows: a bar over the cases, the table of statistics, what is missing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eisen.evaluation.writers.console import number, statistics_rows
from eisen_cli.show.screen import Screen
from eisen_cli.show.tables import show_rows

if TYPE_CHECKING:
    from eisen.evaluation import Aggregate, Results

__all__ = ["case_bar", "show_failures", "show_statistics"]

_SHOWN = 12
"""So many metrics are shown at most, per label; with more of them the ones people ask for first."""

_FIRST = ("DICE", "JACRD", "SNSVTY", "PRCISON", "VOLSMTY", "HDRFDST", "ASSD", "AVGDIST", "SURFDICE")


@contextmanager
def case_bar(screen: Screen, n_cases: int) -> Iterator[Callable[[str], None]]:
    """Yield a function that is told of each case that is done.

    Args:
        screen: Where to write.
        n_cases: How many there will be.
    """
    if not screen.is_terminal():
        yield lambda _case: None
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    bar = Progress(
        TextColumn("{task.description}", style="accent"),
        BarColumn(bar_width=None, style="grey30", complete_style="accent", finished_style="good"),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        console=screen.console(),
        transient=True,
        expand=True,
        auto_refresh=False,  # it would be a thread, and processes start faster from a program without
    )
    task = bar.add_task("measuring", total=n_cases)

    def done(case: str) -> None:
        bar.update(task, advance=1, description=case)
        bar.refresh()

    with bar:
        bar.refresh()
        yield done


def show_statistics(screen: Screen, aggregates: Sequence[Aggregate]) -> None:
    """Write a row per label and metric, with the counts beside the mean.

    Args:
        screen: Where to write.
        aggregates: From `eisen.evaluation.aggregate`.
    """
    shown = _chosen(aggregates)
    head, rows = statistics_rows(shown)
    empty = [i for i, title in enumerate(head) if title in ("label", "extra", "charged") and _is_empty(rows, i)]
    kept = [i for i in range(len(head)) if i not in empty]
    n_left = 1 if 0 in empty else 2
    show_rows(screen, [head[i] for i in kept], [[row[i] for i in kept] for row in rows], right=range(n_left, len(kept)))
    if len(shown) < len(aggregates):
        n = len({a.metric for a in aggregates}) - len({a.metric for a in shown})
        screen.line(f"and {n} more metrics in statistics.csv", style="quiet")


def show_failures(screen: Screen, results: Results) -> None:
    """Say which cases could not be measured, and that the means leave them out.

    Args:
        screen: Where to write.
        results: What was measured.
    """
    for case, why in results.failures.items():
        screen.line(f"not measured: {case}: {why}", style="bad")
    if results.failures:
        n = len(results.failures)
        screen.line(f"the means above leave out {n} case{'s' if n > 1 else ''}", style="warn")


def _chosen(aggregates: Sequence[Aggregate]) -> Sequence[Aggregate]:
    if len({a.metric for a in aggregates}) <= _SHOWN:
        return aggregates
    first = [a for a in aggregates if a.metric.partition("(")[0] in _FIRST]
    return first or [a for a in aggregates if a.metric in list(dict.fromkeys(a.metric for a in aggregates))[:_SHOWN]]


def _is_empty(rows: Sequence[Sequence[str]], i: int) -> bool:
    return all(row[i] in ("", number(float("nan"))) for row in rows)
