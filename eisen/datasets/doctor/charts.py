"""Distributions as inline SVG: one row of dots per quantity, a dot per case."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["Row", "strip_chart"]

_WIDTH, _LEFT, _RIGHT, _HEIGHT = 560, 112, 22, 28
_MOST_ROWS = 24
_LOG_RATIO = 30.0
_SQUEEZED = 100.0
_TICK_WIDTH = 44


@dataclass(frozen=True)
class Row:
    """One row of a chart.

    Args:
        name: What stands at its left.
        points: Value and name of each case.
        colour: Of the dots; empty takes the accent colour.
    """

    name: str
    points: Sequence[tuple[float, str]]
    colour: str = ""


def strip_chart(title: str, unit: str, rows: Sequence[Row]) -> str:
    """Return a chart: each case is a dot that tells its name when pointed at, the median a line.

    The scale is logarithmic when the largest value is more than 30 times the smallest; of values around 0, when it is
    more than 100 times the median.

    Args:
        title: What is shown.
        unit: Its unit.
        rows: At least one row; rows without finite values are left out.

    Returns:
        A ``<figure>``; empty when there is nothing to show.

    Example:
        >>> chart = strip_chart("spacing", "mm", [Row("x", [(1.0, "case a"), (1.2, "case b")])])
        >>> chart.count("<circle"), "case a: 1 mm" in chart
        (2, True)
    """
    rows = [Row(row.name, [p for p in row.points if math.isfinite(p[0])], row.colour) for row in rows]
    rows = [row for row in rows if row.points]
    hidden, rows = rows[_MOST_ROWS:], rows[:_MOST_ROWS]
    if not rows:
        return ""
    values = [value for row in rows for value, _ in row.points]
    scale = _Scale(values)
    height = len(rows) * _HEIGHT + 26
    body = [*_grid(scale, len(rows)), *(line for n, row in enumerate(rows) for line in _dots(scale, n, row, unit))]
    more = f", {len(hidden)} more in the table" if hidden else ""
    small = f"{escape(unit)}{', logarithmic' if scale.log else ''}{more}"
    head = f"<figcaption>{escape(title)} <small>{small}</small></figcaption>"
    picture = f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">{"".join(body)}</svg>'
    return f"<figure>{head}{picture}</figure>"


class _Scale:
    """From a value to a place between the left and the right edge; logarithmic on both sides of 0 where that helps."""

    def __init__(self, values: Sequence[float]) -> None:
        sizes = sorted(abs(value) for value in values if value)
        middle, largest = (sizes[len(sizes) // 2], sizes[-1]) if sizes else (1.0, 1.0)
        one_sided = min(values) > 0
        self.log = max(values) > _LOG_RATIO * min(values) if one_sided else largest > _SQUEEZED * middle
        self.unit = sizes[0] if one_sided else middle / 10  # below it the scale is linear
        self.low, self.high = self._position(min(values)), self._position(max(values))
        if self.high - self.low < 1e-9 * max(abs(self.high), 1e-30):
            margin = abs(self.high) * 0.1 or 1.0
            self.low, self.high = self.low - margin, self.high + margin

    def _position(self, value: float) -> float:
        return math.asinh(value / self.unit) if self.log else value

    def place(self, value: float) -> float:
        """Return the horizontal coordinate of a value."""
        return _LEFT + (self._position(value) - self.low) / (self.high - self.low) * (_WIDTH - _LEFT - _RIGHT)

    def ticks(self) -> list[float]:
        """Return a few round values along the axis."""
        if self.log:
            powers = [10.0**power for power in range(math.floor(math.log10(self.unit)), 40)]
            ticks = [-power for power in reversed(powers)] + [0.0, *powers]
            return self._apart([tick for tick in ticks if self.low <= self._position(tick) <= self.high])
        raw = (self.high - self.low) / 5
        power = 10 ** math.floor(math.log10(raw))
        step = next(power * m for m in (1, 2, 5, 10) if power * m >= raw)
        first = math.ceil(self.low / step - 1e-9)
        return [n * step for n in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def _apart(self, ticks: Sequence[float]) -> list[float]:
        """Leave out ticks whose numbers would touch."""
        kept: list[float] = []
        for tick in ticks:
            if not kept or self.place(tick) - self.place(kept[-1]) > _TICK_WIDTH:
                kept.append(tick)
        return kept


def _grid(scale: _Scale, n_rows: int) -> list[str]:
    bottom = n_rows * _HEIGHT + 4
    lines = []
    for tick in scale.ticks():
        x = scale.place(tick)
        lines.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="2" y2="{bottom}"/>')
        lines.append(f'<text class="tick" x="{x:.1f}" y="{bottom + 15}">{tick:.6g}</text>')
    return lines


def _dots(scale: _Scale, number: int, row: Row, unit: str) -> list[str]:
    """Return the dots of one row, moved up and down a little so that equal values stay apart, and the median."""
    middle = number * _HEIGHT + _HEIGHT / 2 + 2
    style = f' style="fill:{row.colour}"' if row.colour else ""
    ordered = sorted(value for value, _ in row.points)
    median = scale.place(ordered[len(ordered) // 2])
    lines = [f'<text class="name" x="{_LEFT - 14}" y="{middle + 4:.1f}">{escape(row.name[:18])}</text>']
    for index, (value, name) in enumerate(row.points):
        y = middle + ((index * 0.618034) % 1 - 0.5) * 14
        words = escape(f"{name}: {value:.6g} {unit}")
        lines.append(f'<circle cx="{scale.place(value):.1f}" cy="{y:.1f}" r="3"{style}><title>{words}</title></circle>')
    lines.append(
        f'<line class="median" x1="{median:.1f}" x2="{median:.1f}" y1="{middle - 11:.1f}" y2="{middle + 11:.1f}"/>'
    )
    return lines
