"""Metrics, as a list and one by one."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import shorten, wrap
from typing import TYPE_CHECKING

from eisen_cli.show.screen import Screen
from eisen_cli.show.tables import show_rows

if TYPE_CHECKING:
    from eisen.evaluation.definitions import Definition

__all__ = ["show_definition", "show_definitions"]

_TITLES = {
    "segmentation": "Masks: SegmentationEvaluator",
    "image": "Images: ImageEvaluator",
    "classification": "Scores and classes: ClassificationEvaluator",
}


def show_definitions(screen: Screen, found: Sequence[Definition]) -> None:
    """Write a line for each metric, a table for each kind.

    Args:
        screen: Where to write.
        found: The metrics.
    """
    room = (screen.console().width if screen.is_terminal() else 140) - 58
    for kind, title in _TITLES.items():
        rows = [
            (
                d.name,
                d.range,
                {"neither": "–"}.get(d.better, d.better),
                shorten(_plain(d.summary), max(room, 30), placeholder="…"),
            )
            for d in found
            if d.kind == kind
        ]
        if rows:
            screen.line(title, style="accent")
            show_rows(screen, ("metric", "range", "better", ""), rows)
            screen.line()
    groups = sorted({group for d in found for group in d.groups})
    screen.line(f"groups: {', '.join(groups)}", style="quiet")
    screen.line("eisen metrics NAME shows the definition of one of them", style="quiet")


def show_definition(screen: Screen, found: Definition) -> None:
    """Write one metric: formula, what there is to know about it, and its parameters.

    Args:
        screen: Where to write.
        found: The metric.
    """
    screen.line(f"{found.name}  {found.plain_name}", style="accent")
    for paragraph in (found.summary, *found.text.split("\n\n")):
        for line in wrap(_plain(paragraph), 78):
            screen.line(f"  {line}")
        screen.line()
    better = "neither direction is better" if found.better == "neither" else f"{found.better} is better"
    facts = {"range": f"{found.range}, {better}", **found.on_empty, "groups": ", ".join(found.groups)}
    for name, value in {**facts, "source": found.source}.items():
        first, *others = wrap(_plain(value), 60) or ["–"]
        screen.line(f"  {name:<18}{first}")
        for line in others:
            screen.line(f"  {'':<18}{line}")
    for parameter in found.parameters:
        screen.line()
        screen.line(f"  {parameter.name} = {parameter.default!r}", style="title")
        for line in wrap(_plain(parameter.doc), 74):
            screen.line(f"      {line}")


def _plain(text: str) -> str:
    """Return text of a docstring without the marks for code and emphasis."""
    return text.replace("`", "").replace("**", "").replace("*inter*", "inter")
