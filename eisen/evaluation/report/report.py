"""The report of one evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.errors import EmptyDatasetError
from eisen.evaluation.comparing.intervals import bootstrap_interval
from eisen.evaluation.labels import LabelNames
from eisen.evaluation.metric import Metric
from eisen.evaluation.report.examples import examples_of
from eisen.evaluation.report.page import definitions_of, write_page
from eisen.evaluation.report.plots import agreement_of, bland_altman, distribution
from eisen.evaluation.report.summary import Attributes, groups_of, silent_cases, summary, unit_of
from eisen.evaluation.results import Results

__all__ = ["Extras", "write_report"]


@dataclass(frozen=True)
class Extras:
    """What a report can tell beside its results; all of it may be left out.

    Args:
        title: Heading of the page.
        labels: Values of each label, for pictures.
        images: What is behind the outlines, by case: files or arrays on the grid of the reference.
        attributes: Of the cases, for subgroups, e.g. sex, age, scanner.
        origin: What the results are of: digests of data, split, model; names to text.
        main_metric: Spelling of the metric that decides which cases are shown; None: the first that has a direction.
    """

    title: str = "Evaluation"
    labels: LabelNames = field(default_factory=dict)
    images: Mapping[str, Any] = field(default_factory=dict)
    attributes: Attributes = field(default_factory=dict)
    origin: Mapping[str, str] = field(default_factory=dict)
    main_metric: str | None = None


def write_report(results: Results, path: str | PathLike[str], extras: Extras | None = None) -> Path:
    """Write the report of an evaluation: one HTML file with everything in it.

    Args:
        results: What was measured.
        path: The file, e.g. ``results/report.html``.
        extras: What else is known.

    Returns:
        The file.

    Raises:
        EmptyDatasetError: If there are no records.

    Example:
        >>> import tempfile
        >>> from eisen.evaluation import SegmentationEvaluator
        >>> evaluator = SegmentationEvaluator(["DICE"], {1: "square"})
        >>> _ = evaluator.evaluate(np.eye(4, dtype=int), np.eye(4, dtype=int), "a")
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     "square" in write_report(evaluator.results, f"{folder}/report.html").read_text(encoding="utf-8")
        True
    """
    if not results.records:
        raise EmptyDatasetError("there is nothing to report", expected="results with one record at least")
    extras = extras or Extras()
    main = _main_metric(results, extras)
    rows = summary(results)
    return write_page(
        "report.html.j2",
        Path(path),
        title=extras.title,
        results=results,
        rows=rows,
        has_charges=any(row.aggregate.n_missed + row.aggregate.n_extra for row in rows),
        distributions=[_distribution(results, name) for name in _plotted(results)],
        agreements=[found for label in results.labels if (found := _agreement(results, label)) is not None],
        main=main,
        examples=[] if main is None else examples_of(results, main, extras.labels, extras.images),
        silent=silent_cases(results),
        groups=[] if main is None else _subgroups(results, main, extras.attributes),
        definitions=definitions_of(results),
        origin=dict(extras.origin),
    )


def _main_metric(results: Results, extras: Extras) -> Metric | None:
    if extras.main_metric is not None:
        from eisen.evaluation.spelling import metric_of

        wanted = metric_of(extras.main_metric).name
        return results.metrics.get(wanted)
    known = [m for m in results.metrics.values() if m.better != "neither"]
    return next(iter(known), None)


def _plotted(results: Results) -> list[str]:
    """Return the metrics that are worth a plot: those with a direction."""
    return [n for n in results.metric_names if n not in results.metrics or results.metrics[n].better != "neither"]


def _distribution(results: Results, name: str) -> dict[str, Any]:
    metric = results.metrics.get(name)
    columns = {label or "all": {r.case: r.value for r in results.of(label, name)} for label in results.labels}
    within = (metric.low, metric.high) if metric is not None else None
    values = [v for column in columns.values() for v in column.values() if np.isfinite(v)]
    return {"name": name, "plot": distribution(columns, f"{name}{unit_of(metric)}", within) if values else ""}


def _agreement(results: Results, label: str) -> dict[str, Any] | None:
    """Return the agreement of volumes, where both were measured."""
    both = [{r.case: r.value for r in results.of(label, name)} for name in ("PREDVOL", "REFVOL")]
    cases = [c for c in both[0] if np.isfinite(both[0][c]) and np.isfinite(both[1].get(c, np.nan))]
    if len(cases) < 2:
        return None
    predicted, actual = (np.array([side[c] for c in cases]) / 1000 for side in both)
    found = agreement_of(predicted, actual)
    return {"label": label, "plot": bland_altman(cases, predicted, actual, "ml"), "found": found}


def _subgroups(results: Results, metric: Metric, attributes: Attributes) -> list[dict[str, Any]]:
    tables = []
    for name, groups in groups_of(attributes, results.cases).items():
        rows = []
        for label in results.labels:
            values = {r.case: r.value for r in results.of(label, metric.name)}
            for group, cases in groups.items():
                of = np.array([values[c] for c in cases if c in values], dtype=np.float64)
                known = of[np.isfinite(of)]
                mean = float(known.mean()) if len(known) else float("nan")
                rows.append((label, group, len(of), len(of) - len(known), mean, bootstrap_interval(of)))
        tables.append({"name": name, "rows": rows})
    return tables
