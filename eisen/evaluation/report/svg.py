"""Drawings as SVG text: a frame with axes, and what is put into it. Colours come from the page, so both themes work."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

import numpy as np

__all__ = ["Frame", "nice_ticks", "number"]


def number(value: float, digits: int = 3) -> str:
    """Return a number as people write it.

    Args:
        value: Any number.
        digits: Significant ones.

    Example:
        >>> number(0.98765), number(12345.6), number(float("nan")), number(-0.00001234)
        ('0.988', '12346', '–', '-1.23e-05')
    """
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == 0:
        return "0"
    if abs(value) >= 10 ** (digits - 1):
        return f"{value:.0f}"
    return f"{value:#.{digits}g}" if abs(value) >= 1e-3 else f"{value:.{digits}g}"


def nice_ticks(low: float, high: float, n: int = 5) -> list[float]:
    """Return about `n` round numbers from low to high.

    Args:
        low: Lower end.
        high: Upper end, above it.
        n: How many, about.

    Example:
        >>> nice_ticks(0, 1), nice_ticks(-12, 31)
        ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [-10.0, 0.0, 10.0, 20.0, 30.0])
    """
    raw = (high - low) / max(1, n)
    power = 10 ** math.floor(math.log10(raw))
    step = next(s * power for s in (1, 2, 2.5, 5, 10) if s * power >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(float(k * step), 12) for k in range(first, last + 1)]


@dataclass
class Frame:
    """A drawing with a numeric vertical axis, and a horizontal one that is numeric or has names.

    Args:
        y: Lower and upper end of the vertical axis.
        x: Of the horizontal one.
        width: Of the drawing; it is scaled to the page.
        height: Of the drawing.
        y_name: Written along the axis.
        x_name: Written below.
        names: Places with names, instead of numbers below.
    """

    y: tuple[float, float]
    x: tuple[float, float] = (0.0, 1.0)
    width: int = 640
    height: int = 260
    y_name: str = ""
    x_name: str = ""
    names: Sequence[str] = ()
    parts: list[str] = field(default_factory=list)

    _LEFT, _RIGHT, _TOP = 58, 12, 10

    @property
    def _bottom(self) -> int:
        return 26 + (18 if self.x_name else 0)

    def at_x(self, value: float) -> float:
        """Return where a value is, in the units of the drawing."""
        share = (value - self.x[0]) / (self.x[1] - self.x[0])
        return self._LEFT + share * (self.width - self._LEFT - self._RIGHT)

    def at_y(self, value: float) -> float:
        """Return where a value is; one beyond an end is drawn at the end."""
        share = min(max((value - self.y[0]) / (self.y[1] - self.y[0]), 0.0), 1.0)
        return self.height - self._bottom - share * (self.height - self._TOP - self._bottom)

    def dot(self, x: float, y: float, title: str = "", kind: str = "dot", radius: float = 3.2) -> None:
        """Put a dot, with a text that appears when the mouse is on it."""
        place = f'cx="{self.at_x(x):.1f}" cy="{self.at_y(y):.1f}" r="{radius}"'
        self.parts.append(f'<circle class="{kind}" {place}><title>{escape(title)}</title></circle>')

    def line(self, start: tuple[float, float], end: tuple[float, float], kind: str = "line") -> None:
        """Put a line between two points."""
        (x1, y1), (x2, y2) = start, end
        ends = f'x1="{self.at_x(x1):.1f}" y1="{self.at_y(y1):.1f}" x2="{self.at_x(x2):.1f}" y2="{self.at_y(y2):.1f}"'
        self.parts.append(f'<line class="{kind}" {ends}/>')

    def level(self, y: float, kind: str = "line", text: str = "") -> None:
        """Put a line from the left to the right."""
        self.line((self.x[0], y), (self.x[1], y), kind)
        if text:
            self.text(self.x[1], y, text, anchor="end", rise=4)

    def text(self, x: float, y: float, text: str, anchor: str = "middle", rise: float = 0) -> None:
        """Put a text."""
        place = f'x="{self.at_x(x):.1f}" y="{self.at_y(y) - rise:.1f}" text-anchor="{anchor}"'
        self.parts.append(f"<text {place}>{escape(text)}</text>")

    def box(self, x: float, values: Sequence[float], half: float) -> None:
        """Put quartiles as a box, with whiskers to the last value within 1.5 times its height (Tukey)."""
        low, middle, high = np.percentile(values, [25, 50, 75])
        kept = [v for v in values if low - 1.5 * (high - low) <= v <= high + 1.5 * (high - low)]
        top, height = self.at_y(high), self.at_y(low) - self.at_y(high)
        left, width = self.at_x(x - half), self.at_x(x + half) - self.at_x(x - half)
        self.line((x, min(kept)), (x, low), "whisker")
        self.line((x, high), (x, max(kept)), "whisker")
        at = f'x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{max(height, 0.5):.1f}"'
        self.parts.append(f'<rect class="box" {at}/>')
        self.line((x - half, middle), (x + half, middle), "median")

    def svg(self, label: str) -> str:
        """Return the drawing.

        Args:
            label: What it shows, for those who cannot see it.
        """
        view = f'viewBox="0 0 {self.width} {self.height}" role="img" aria-label="{escape(label)}"'
        return f'<svg class="plot" {view}>{"".join([*self._axes(), *self.parts])}</svg>'

    def _axes(self) -> list[str]:
        left, right, bottom = self._LEFT, self.width - self._RIGHT, self.height - self._bottom
        found = []
        for tick in nice_ticks(*self.y):
            y = self.at_y(tick)
            found.append(f'<line class="grid" x1="{left}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
            found.append(f'<text class="tick" x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
        places = enumerate(self.names) if self.names else [(t, f"{t:g}") for t in nice_ticks(*self.x)]
        for place, name in places:
            at = f'x="{self.at_x(place):.1f}" y="{bottom + 16}"'
            found.append(f'<text class="tick" {at} text-anchor="middle">{escape(name)}</text>')
        middle = (self._TOP + bottom) / 2
        if self.y_name:
            turned = f'transform="translate(13 {middle:.0f}) rotate(-90)" text-anchor="middle"'
            found.append(f"<text {turned}>{escape(self.y_name)}</text>")
        if self.x_name:
            at = f'x="{(left + right) / 2:.0f}" y="{self.height - 6}" text-anchor="middle"'
            found.append(f"<text {at}>{escape(self.x_name)}</text>")
        return found
