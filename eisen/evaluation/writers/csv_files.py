"""Results and statistics as CSV, for spreadsheets, R and challengeR."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from eisen._core.atomic import atomic_write
from eisen._core.errors import ArgumentError, CorruptFileError
from eisen.evaluation.results import Record, Results
from eisen.evaluation.statistics import Aggregate
from eisen.evaluation.writers.known import known_metrics

__all__ = ["Layout", "read_csv", "write_csv", "write_statistics"]

Layout = Literal["tidy", "wide", "pymia"]
Row = Iterable[Any]

_COLUMNS = ("case", "label", "metric", "value", "reason", "presence")


def write_csv(results: Results, path: str | os.PathLike[str], layout: Layout = "tidy", *, algorithm: str = "") -> None:
    r"""Write results as CSV.

    "tidy" has a row per value with the columns ``case, label, metric, value, reason, presence``; "wide" a row per case
    and label with a column per metric; "pymia" the same as pymia writes it (``SUBJECT;LABEL;...``, columns sorted,
    ``n/a`` where there is no value). Numbers have full precision; what is not defined is ``NaN``, which R and pandas
    read as such.

    Args:
        results: What was measured.
        path: The file. Its folder must exist.
        layout: "tidy", "wide" or "pymia".
        algorithm: Written into a first column of this name, as challengeR wants it to compare algorithms; "": none.

    Raises:
        ArgumentError: If there is no such layout.
        ArtifactError: If the file cannot be written.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "results.csv"
        >>> write_csv(Results([Record("p7", "lung", "DICE", 0.9)]), path, algorithm="unet")
        >>> print(path.read_text(encoding="utf-8").strip())
        algorithm,case,label,metric,value,reason,presence
        unet,p7,lung,DICE,0.9,,both
    """
    if layout not in get_args(Layout):
        raise ArgumentError(f"layout is {layout!r}", expected=f"one of {', '.join(get_args(Layout))}")
    head, rows = _tidy(results) if layout == "tidy" else _wide(results, layout == "pymia")
    if algorithm:
        head, rows = ["algorithm", *head], [[algorithm, *row] for row in rows]
    _write(path, [head, *rows], ";" if layout == "pymia" else ",")


def write_statistics(
    aggregates: Sequence[Aggregate], path: str | os.PathLike[str], layout: Literal["table", "pymia"] = "table"
) -> None:
    """Write statistics as CSV.

    "table" has a row per label and metric: how many cases have a value, how many were missed, ..., then the statistics.
    "pymia" has a row per number (``LABEL;METRIC;STATISTIC;VALUE``); the counts are statistics there.

    Args:
        aggregates: From `eisen.evaluation.aggregate`.
        path: The file. Its folder must exist.
        layout: "table" or "pymia".

    Raises:
        ArgumentError: If there is no such layout.
        ArtifactError: If the file cannot be written.
    """
    rows = [aggregate.row() for aggregate in aggregates]
    if layout == "table":
        head = list(rows[0]) if rows else ["label", "metric"]
        _write(path, [head, *([_text(row[name]) for name in head] for row in rows)])
    elif layout == "pymia":
        body = [[r["label"], r["metric"], k.upper(), _text(v)] for r in rows for k, v in list(r.items())[2:]]
        _write(path, [["LABEL", "METRIC", "STATISTIC", "VALUE"], *body], ";")
    else:
        raise ArgumentError(f"layout is {layout!r}", expected='"table" or "pymia"')


def read_csv(path: str | os.PathLike[str]) -> Results:
    """Read the tidy layout; other columns are left out, ``reason`` and ``presence`` may be missing.

    Args:
        path: The file.

    Raises:
        CorruptFileError: If columns are missing.
    """
    with Path(path).open(newline="", encoding="utf-8-sig") as file:
        table = csv.DictReader(file)
        missing = [name for name in _COLUMNS[:4] if name not in (table.fieldnames or ())]
        if missing:
            raise CorruptFileError(
                f"{path} has no column {', '.join(missing)}",
                expected=f"the columns {', '.join(_COLUMNS)}: layout 'tidy'",
                file=str(path),
            )
        records = [_record(row) for row in table]
    return Results(records, metrics=known_metrics(r.metric for r in records))


def _record(row: dict[str, str]) -> Record:
    presence: Any = row.get("presence") or "both"
    value = float(row["value"]) if row["value"] not in ("", "NA") else math.nan
    return Record(row["case"], row["label"], row["metric"], value, row.get("reason") or "", presence)


def _tidy(results: Results) -> tuple[list[str], list[list[str]]]:
    rows = [[r.case, r.label, r.metric, _text(r.value), r.reason, r.presence] for r in results]
    return list(_COLUMNS), rows


def _wide(results: Results, as_pymia: bool) -> tuple[list[str], list[list[str]]]:
    names = sorted(results.metric_names) if as_pymia else results.metric_names
    found: dict[tuple[str, str], dict[str, float]] = {}
    for r in results:
        found.setdefault((r.case, r.label), {})[r.metric] = r.value
    head = ["SUBJECT", "LABEL"] if as_pymia else ["case", "label"]
    return [*head, *names], list(_cells(found, names, "n/a" if as_pymia else "NaN"))


def _cells(found: dict[tuple[str, str], dict[str, float]], names: Sequence[str], nothing: str) -> Iterator[list[str]]:
    for (case, label), values in found.items():
        cells = [values.get(name, math.nan) for name in names]
        yield [case, label, *(nothing if math.isnan(value) else _text(value) for value in cells)]


def _text(value: Any) -> str:
    """Return a number as R and pandas read it."""
    if not isinstance(value, float):
        return str(value)
    return "NaN" if math.isnan(value) else repr(float(value)).replace("inf", "Inf")


def _write(path: str | os.PathLike[str], rows: Iterable[Row], delimiter: str = ",") -> None:
    with atomic_write(path, "w") as file:
        csv.writer(file, delimiter=delimiter, lineterminator="\n").writerows(rows)
