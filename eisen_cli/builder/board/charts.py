"""The curves of one run or of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nicegui import ui

from eisen_cli.builder.board.live_chart import Line, LiveChart
from eisen_cli.builder.board.passes import PARTS_OF_TIME, Curves, Point
from eisen_cli.builder.board.view import RunView

__all__ = ["ChartBox", "Controls", "batch_lines", "lines_of", "time_lines"]

Series = Mapping[tuple[str, str], Sequence[Point]]

_PARTS = {
    "compute": "computing",
    "loader": "waiting for data",
    "transfer": "moving to the device",
    "other": "anything else",
    "Validation": "validation",
}
"""Parts of the time of an epoch as the legend names them, from below."""


def lines_of(series: Series, run: str = "", number: int = 0) -> list[Line]:
    """Return the lines of some curves: a colour per name, those of Training dashed where there are others.

    Args:
        series: Points by phase and name.
        run: Name of the run, where several are compared; then each run has its colour.
        number: Its number.
    """
    names = list(dict.fromkeys(name for _, name in series))
    has_phases = len({phase for phase, _ in series}) > 1
    lines = []
    for phase, name in sorted(series, key=lambda key: (names.index(key[1]), key[0])):
        words = [run, name, phase if has_phases else ""]
        colour = number if run else names.index(name)
        is_dashed = has_phases and phase == "Training"
        title = " · ".join(word for word in words if word)
        lines.append(Line(f"{run}/{phase}/{name}", title, series[phase, name], colour, is_dashed))
    return lines


def time_lines(curves: Curves) -> list[Line]:
    """Return what the seconds of every epoch were spent on."""
    found: dict[str, list[Point]] = {}
    for (phase, name), points in curves.times.items():
        found[name if phase == "Training" else phase] = points
    has_parts = any(part in found for part in PARTS_OF_TIME)
    titles = {**_PARTS, "other": _PARTS["other"] if has_parts else "training"}
    epochs = sorted({x for points in found.values() for x, _ in points})
    lines = []
    for i, (key, title) in enumerate(titles.items()):
        if key in found:
            values = dict(found[key])
            lines.append(Line(key, title, [(x, values.get(x, 0.0)) for x in epochs], 7 if key == "other" else i))
    return lines


class ChartBox:
    """A chart with a title; words stand in its place until there is something to show.

    Args:
        name: Value of the attribute ``data-chart``.
        title: Its title.
        empty: What is said before there are points.
        kind: ``"line"`` or ``"bar"``.
        across: What the horizontal axis counts.
        unit: Unit of the values.
    """

    def __init__(
        self, name: str, title: str, empty: str, *, kind: str = "line", across: str = "epoch", unit: str = ""
    ) -> None:
        with ui.element("div").classes("e-card b-chart"):
            with ui.element("div").classes("b-title"):
                ui.label(title)
            self._empty = ui.label(empty).classes("b-empty")
            self.chart = LiveChart(kind=kind, across=across, unit=unit, words=title)
            self.chart.props(f"data-chart={name}").set_visibility(False)

    def show(self, lines: Sequence[Line]) -> None:
        """Show lines."""
        has_points = any(line.points for line in lines)
        if has_points != self.chart.visible:
            self.chart.set_visibility(has_points)
            self._empty.set_visibility(not has_points)
        if has_points:
            self.chart.show(lines)


class Controls:
    """Smoothing and scale of some charts.

    Args:
        charts: The charts; those that measure what the scale is for.
    """

    def __init__(self, charts: Sequence[LiveChart], logarithmic: Sequence[LiveChart]) -> None:
        def smooth(weight: float) -> None:
            for chart in charts:
                chart.smooth(weight)

        def scale(is_on: bool) -> None:
            for chart in logarithmic:
                chart.logarithmic(is_on)

        with ui.element("div").classes("b-controls"):
            ui.label("Smoothing")
            slider = ui.slider(min=0, max=0.98, step=0.02, value=0, on_change=lambda e: smooth(e.value))
            slider.style("width: 150px").props('data-action=smooth aria-label="Smoothing" label')
            switch = ui.switch("Logarithmic losses", on_change=lambda e: scale(e.value))
            switch.props("dense data-action=logarithmic")


def batch_lines(view: RunView) -> list[Line]:
    """Return the losses of the batches."""
    return lines_of(view.batch_losses)
