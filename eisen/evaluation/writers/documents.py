"""Results as one JSON document: records, cases, metrics with their direction, failures."""

from __future__ import annotations

import json
import math
import os
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from eisen._core.atomic import atomic_write
from eisen._core.errors import CorruptFileError
from eisen.evaluation.metric import Metric
from eisen.evaluation.results import CaseFacts, Record, Results
from eisen.evaluation.writers.known import known_metrics

__all__ = ["around", "facts_of", "read_json", "write_json"]

_FORMAT, _VERSION = "eisen-evaluation", 1
_COLUMNS = [f.name for f in fields(Record)]


def write_json(results: Results, path: str | os.PathLike[str]) -> None:
    """Write everything that is known as JSON; what is not defined is null, infinity the text "inf".

    Args:
        results: What was measured.
        path: The file. Its folder must exist.

    Raises:
        ArtifactError: If the file cannot be written.
    """
    rows = [[_plain(value) for value in vars(record).values()] for record in results]
    document = {**around(results), "columns": _COLUMNS, "rows": rows}
    with atomic_write(path, "w") as file:
        json.dump(document, file, ensure_ascii=False, allow_nan=False)


def read_json(path: str | os.PathLike[str]) -> Results:
    """Read what `write_json` wrote.

    Args:
        path: The file.

    Raises:
        CorruptFileError: If it is another kind of document, or of a later version.
    """
    document = json.loads(Path(path).read_text(encoding="utf-8"))
    if document.get("format") != _FORMAT or document.get("version", 0) > _VERSION:
        raise CorruptFileError(
            f"{path} is no document of results that this version of eisen knows",
            expected=f'"format": "{_FORMAT}", "version": {_VERSION}',
            file=str(path),
        )
    named = [dict(zip(document["columns"], row, strict=True)) for row in document["rows"]]
    records = [Record(**{**row, "value": _number(row["value"])}) for row in named]
    return facts_of(document, records)


def around(results: Results) -> dict[str, Any]:
    """Return everything but the records."""
    cases = {case: {k: _plain(v) for k, v in asdict(facts).items()} for case, facts in results.facts.items()}
    metrics = [_described(name, metric) for name, metric in results.metrics.items()]
    head = {"format": _FORMAT, "version": _VERSION}
    return {**head, "metrics": metrics, "cases": cases, "failures": results.failures}


def facts_of(document: dict[str, Any], records: list[Record]) -> Results:
    """Return results from what `around` gave, and records."""
    facts = {case: _facts(entry) for case, entry in document["cases"].items()}
    metrics = known_metrics(entry["name"] for entry in document["metrics"])
    return Results(records, facts, metrics, dict(document["failures"]))


def _facts(entry: dict[str, Any]) -> CaseFacts:
    shape, spacing = tuple(entry["shape"]), tuple(entry["spacing_mm"])
    return CaseFacts(entry["prediction"], entry["reference"], shape, spacing, _number(entry["diagonal_mm"]))


def _described(name: str, metric: Metric) -> dict[str, Any]:
    limits = {"best": metric.best, "low": metric.low, "high": metric.high}
    told = (type(metric).__doc__ or "").strip().partition("\n")[0]
    facts = {"name": name, "description": told, "better": metric.better, "unit": metric.unit}
    return facts | {key: _plain(value) for key, value in limits.items()}


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it."""
    if not isinstance(value, float):
        return list(value) if isinstance(value, tuple) else value
    return None if math.isnan(value) else float(value) if math.isfinite(value) else str(float(value))


def _number(value: float | str | None) -> float:
    return math.nan if value is None else float(value)
