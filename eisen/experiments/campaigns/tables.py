"""The tables of a campaign as CSV, equal byte for byte however the tasks were run."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.atomic import atomic_write
from eisen.experiments.campaigns.summary import FoldScores

if TYPE_CHECKING:
    from eisen.experiments.splits import Splits

__all__ = ["write_membership", "write_scores", "write_table"]


def write_table(path: Path, titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a CSV file; numbers with all their digits, NaN as ``nan``.

    Args:
        path: The file.
        titles: Names of the columns.
        rows: The cells.

    Raises:
        ArtifactError: If it cannot be written.
    """
    with atomic_write(path, "w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(titles)
        writer.writerows([_cell(value) for value in row] for row in rows)


def write_membership(path: Path, splits: Splits) -> None:
    """Write which case is in which part of which fold.

    Args:
        path: The file.
        splits: The split.
    """
    rows = [
        (case, splits.cases[case]["group"], fold.name, part)
        for fold in splits.folds
        for part, cases in fold.parts()
        for case in cases
    ]
    write_table(path, ["case", "group", "fold", "part"], rows)


def write_scores(path: Path, scores: Sequence[FoldScores], groups: Mapping[str, str | None]) -> None:
    """Write the values of every case: one row per case, fold and seed, one column per metric and class.

    Args:
        path: The file.
        scores: Scores of all folds and seeds.
        groups: Group of each case, None where there is none.
    """
    names = list(dict.fromkeys(name for each in scores for name in each.measured.values))
    rows = []
    for each in scores:
        columns = [each.measured.values.get(name) for name in names]
        for number, case in enumerate(each.measured.cases):
            values = [math.nan if column is None else column[number] for column in columns]
            rows.append([case, groups[case], each.fold, each.seed, *values])
    write_table(path, ["case", "group", "fold", "seed", *names], rows)


def _cell(value: Any) -> Any:
    return "" if value is None else repr(value) if isinstance(value, float) else value
