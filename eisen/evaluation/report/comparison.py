"""The page that compares methods."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from eisen.evaluation.comparing.compare import Comparison, PairRow
from eisen.evaluation.report.page import definitions_of, write_page
from eisen.evaluation.report.plots import difference_plot, distribution
from eisen.evaluation.report.summary import unit_of

__all__ = ["write_comparison"]

_ALPHA = 0.05


def write_comparison(found: Comparison, path: str | PathLike[str], title: str = "Comparison") -> Path:
    """Write the page of a comparison: one HTML file with everything in it.

    Args:
        found: What `compare_results` returned.
        path: The file.
        title: Heading of the page.

    Returns:
        The file.

    Example:
        >>> import tempfile
        >>> from eisen.evaluation import Record, Results, compare_results
        >>> results = {name: Results([Record("a", "lung", "DICE", v)]) for name, v in [("one", 0.9), ("two", 0.8)]}
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = write_comparison(compare_results(results), f"{folder}/compare.html")
        ...     "lung" in path.read_text(encoding="utf-8")
        True
    """
    return write_page(
        "comparison.html.j2",
        Path(path),
        title=title,
        found=found,
        alpha=_ALPHA,
        verdicts=[_verdict(pair) for pair in found.pairs],
        plots=[_plots(found, *key) for key in dict.fromkeys((p.label, p.metric) for p in found.pairs)],
        definitions=definitions_of(found),
    )


def _verdict(pair: PairRow) -> str:
    """Return in words what a row says; chance is not ruled out where the corrected p-value is not small."""
    if not pair.p_holm <= _ALPHA:
        return "no clear difference"
    return f"{pair.better} is better" if pair.better else "they differ"


def _plots(found: Comparison, label: str, metric: str) -> dict[str, Any]:
    kind = found.metrics.get(metric)
    columns = {name: found.values[name][label, metric] for name in found.methods}
    within = (kind.low, kind.high) if kind is not None else None
    differences = {
        f"{p.first} - {p.second}": {case: value - columns[p.second][case] for case, value in columns[p.first].items()}
        for p in found.pairs
        if (p.label, p.metric) == (label, metric)
    }
    name = f"{metric}{unit_of(kind)}"
    plots = [distribution(columns, name, within), difference_plot(differences, name)]
    return {"label": label, "metric": metric, "plots": plots}
