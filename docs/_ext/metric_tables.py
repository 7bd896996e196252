"""Sphinx extension: the tables of all metrics, written from their classes whenever the documentation is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eisen.evaluation.definitions import KINDS, Definition, definitions

__all__ = ["file_of", "table", "write_tables"]

_EMPTY = {"empty prediction": "P empty", "empty reference": "R empty", "both empty": "both"}
_ARROWS = {"higher": " ↑", "lower": " ↓", "neither": ""}


def file_of(kind: str) -> str:
    """Return the file of a table, which the page includes; beside the generated reference, so never checked in."""
    return f"reference/metrics-{kind}.txt"


def table(kind: str) -> str:
    """Return the table of a kind of metrics, in Markdown."""
    titles = ["Metric", "Definition", "Range", *(_EMPTY.values() if kind == "segmentation" else ())]
    lines = [titles, ["---"] * len(titles), *(_row(found) for found in definitions(kind))]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _row(found: Definition) -> list[str]:
    name = f"`{found.name}` {{py:obj}}`~eisen.evaluation.metrics.{found.plain_name}`"
    meant = f"`{found.formula}`" if found.formula else found.summary.replace("``", "`")
    on_empty = [found.on_empty[which].replace("undefined", "NaN") for which in _EMPTY if which in found.on_empty]
    cells = [name, meant, f"{found.range}{_ARROWS[found.better]}", *on_empty]
    return [cell.replace("|", r"\|") for cell in cells]


def write_tables(app: Any) -> None:
    """Write a table per kind; one that did not change is left alone, so rebuilding is quick."""
    for kind in KINDS:
        path, text = Path(app.srcdir) / file_of(kind), table(kind)
        path.parent.mkdir(exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Register with Sphinx."""
    app.connect("builder-inited", write_tables)
    return {"parallel_read_safe": True}
