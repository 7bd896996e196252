"""Several runs side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from nicegui import background_tasks, run, ui

from eisen._core.errors import ArgumentError, EisenError
from eisen_cli.builder.board.actions import address
from eisen_cli.builder.board.board import Board
from eisen_cli.builder.board.charts import ChartBox, Controls
from eisen_cli.builder.board.comparing import distinct_names, result_rows, try_differences
from eisen_cli.builder.board.config_tab import changes_table
from eisen_cli.builder.board.live_chart import Line
from eisen_cli.builder.board.presence import follow_while_visible
from eisen_cli.builder.board.view import RunView
from eisen_cli.builder.look.widgets import error_card

__all__ = ["ComparePage"]

_MOST = 8


class ComparePage:
    """Overlaid curves, results side by side, and what went in that is different.

    Args:
        board: What all pages share.
        folders: Their artifact folders, from two to eight.

    Raises:
        ArgumentError: If there are fewer or more.
    """

    def __init__(self, board: Board, folders: Sequence[Path]) -> None:
        folders = list(dict.fromkeys(folders))
        if not 2 <= len(folders) <= _MOST:
            expected = f"two runs at least, {_MOST} at most"
            raise ArgumentError(
                f"{len(folders)} runs cannot be compared", expected=expected, to_do="mark them in the list"
            )
        self._board, self._folders = board, folders
        self._names = distinct_names(folders)
        self._views: dict[Path, RunView] = {}
        self._shown: object = None
        with ui.element("main").classes("e-page e-col"):
            ui.label("Compare").classes("e-title e-title-xl").props("role=heading aria-level=1")
            controls = ui.element("div")
            with ui.element("div").classes("b-grid"):
                self._charts = [
                    _ChosenCurve(kind, title, lambda: list(self._views.values()), self._names)
                    for kind, title in (("metrics", "Metric"), ("losses", "Loss"))
                ]
            with controls:
                charts = [chosen.box.chart for chosen in self._charts]
                Controls(charts, charts[1:])
            self._results = self._section("Results", "results")
            self._differences = self._section("What went in", "differences")
        follow_while_visible(self._follow)

    def _section(self, title: str, name: str) -> ui.element:
        with ui.element("section").classes("e-card e-col"):
            ui.label(title).classes("e-title e-title-m")
            return ui.element("div").classes("b-scroll").props(f"data-section={name}")

    def _follow(self) -> Callable[[], None]:
        ends = [self._board.watches.watch(folder, self._take) for folder in self._folders]

        def end() -> None:
            for each in ends:
                each()

        return end

    def _take(self, view: RunView) -> None:
        self._views[view.folder] = view
        if len(self._views) < len(self._folders):
            return
        self._views = {folder: self._views[folder] for folder in self._folders}
        for chosen in self._charts:
            chosen.show()
        self._show_results()
        stamp = [str(view.record.get("started")) for view in self._views.values()]
        if stamp != self._shown:
            self._shown = stamp
            background_tasks.create(self._show_differences(), context=self._differences)

    def _show_results(self) -> None:
        rows = result_rows(list(self._views.values()))
        self._results.clear()
        with self._results, ui.element("table").classes("b-table").props("data-table=results"):
            with ui.element("thead"), ui.element("tr"):
                ui.element("th")
                for folder, name in zip(self._folders, self._names, strict=True):
                    with ui.element("th").classes("b-right"):
                        ui.link(name, address(folder))
            with ui.element("tbody"):
                for title, texts, best in rows:
                    with ui.element("tr"):
                        with ui.element("td").classes("e-quiet"):
                            ui.label(title)
                        for i, text in enumerate(texts):
                            with ui.element("td").classes("b-right" + (" b-strong e-good" if i == best else "")):
                                ui.label(text)

    async def _show_differences(self) -> None:
        found = await run.io_bound(try_differences, self._folders)
        self._differences.clear()
        with self._differences:
            if isinstance(found, EisenError):
                error_card(found)
            elif not found:
                ui.label("The same configuration, data, split, code and environment.").classes("e-good")
            else:
                rows = [(subject, what, *texts) for subject, what, texts in found]
                changes_table(("", "what", *self._names), rows)


class _ChosenCurve:
    """A chart of one curve of every run, and the choice which."""

    def __init__(self, kind: str, title: str, views: Callable[[], list[RunView]], names: Sequence[str]) -> None:
        self._kind, self._views, self._names = kind, views, names
        with ui.element("div"):
            self._select = ui.select({}, label=title, on_change=self.show).style("width: 100%; margin-bottom: 8px")
            self._select.props(f"outlined dense data-field={kind}")
            self.box = ChartBox(kind, title, f"no {kind} yet")

    def show(self) -> None:
        """Show the curve that is chosen; at first that of the validation."""
        keys = {key: None for view in self._views() for key in getattr(view.curves, self._kind)}
        options = {
            f"{phase}/{name}": f"{name} · {phase}"
            for phase, name in sorted(keys, key=lambda key: key[0] != "Validation")
        }
        if options != self._select.options:
            value = self._select.value if self._select.value in options else next(iter(options), None)
            self._select.set_options(options, value=value)
        phase, _, name = str(self._select.value or "").partition("/")
        lines: list[Line] = []
        for i, (view, run_name) in enumerate(zip(self._views(), self._names, strict=False)):
            points = getattr(view.curves, self._kind).get((phase, name))
            if points:
                lines += [Line(run_name, run_name, points, i)]
        self.box.show(lines)
