"""A chart in the browser that is sent new points only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import nicegui.elements.echart
from nicegui.element import Element

from eisen_cli.builder.board.passes import Point

__all__ = ["Line", "LiveChart"]

_SHIPPED = nicegui.elements.echart
"""Importing it serves the charting library from here, under the name that ``live_chart.js`` imports."""


@dataclass(frozen=True)
class Line:
    """A line of a chart.

    Args:
        id: Tells it apart from the others.
        name: Its name in the legend.
        points: Points, in order of x.
        colour: Number of its colour.
        dashed: Whether it is dashed, as those of Training are.
    """

    id: str
    name: str
    points: Sequence[Point]
    colour: int = 0
    dashed: bool = False

    def facts(self) -> dict[str, Any]:
        """Return it for the browser."""
        return {**vars(self), "points": [list(point) for point in self.points]}


@dataclass
class _Sent:
    look: tuple[Any, ...]
    points: list[Point] = field(default_factory=list)


class LiveChart(Element, component="live_chart.js"):
    """Lines, or bars on top of each other, that grow while somebody looks.

    Args:
        kind: ``"line"`` or ``"bar"``.
        across: What the horizontal axis counts.
        unit: Unit of the values; ``"bytes"`` is shown as MiB and GiB.
        words: What it shows, for those who do not see it.
    """

    def __init__(self, *, kind: str = "line", across: str = "epoch", unit: str = "", words: str = "") -> None:
        super().__init__()
        self._sent: dict[str, _Sent] = {}
        self._props.update(lines=[], kind=kind, across=across, unit=unit, weight=0.0, log=False, words=words)
        self.style("height: 270px; width: 100%")

    def show(self, lines: Sequence[Line]) -> bool:
        """Show these lines and no others; only what is new is sent.

        Args:
            lines: All lines, with all points.

        Returns:
            Whether anything was sent.
        """
        changes = self._changes(lines)
        if changes:
            self.run_method("feed", changes)
        return bool(changes)

    def smooth(self, weight: float) -> None:
        """Smooth the lines.

        Args:
            weight: Weight of the past, from 0 (nothing) to below 1.
        """
        self.run_method("set_weight", weight)

    def logarithmic(self, is_on: bool) -> None:
        """Choose the scale of the values."""
        self.run_method("set_log", is_on)

    def _changes(self, lines: Sequence[Line]) -> dict[str, Any]:
        wanted = {line.id: line for line in lines}
        gone = [name for name in self._sent if name not in wanted]
        for name in gone:
            del self._sent[name]
        whole: list[dict[str, Any]] = []
        more: dict[str, list[list[float]]] = {}
        for line in lines:
            new = self._new_points(line)
            if new is None:
                whole.append(line.facts())
                self._sent[line.id] = _Sent(_look(line), list(line.points))
            elif new:
                more[line.id] = [list(point) for point in new]
                self._sent[line.id].points.extend(new)
        changes = {"gone": gone, "lines": whole, "points": more}
        return {name: value for name, value in changes.items() if value}

    def _new_points(self, line: Line) -> Sequence[Point] | None:
        """Return the points behind those that were sent; None when the line has to be sent as a whole."""
        sent = self._sent.get(line.id)
        if sent is None or sent.look != _look(line) or len(line.points) < len(sent.points):
            return None
        n = len(sent.points)
        return line.points[n:] if list(line.points[:n]) == sent.points else None


def _look(line: Line) -> tuple[Any, ...]:
    return line.name, line.colour, line.dashed
