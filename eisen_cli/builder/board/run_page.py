"""The page of one run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nicegui import ui

from eisen.experiments.artifacts import Artifacts
from eisen_cli.builder.board.actions import Actions
from eisen_cli.builder.board.board import Board
from eisen_cli.builder.board.cases_tab import CasesTab
from eisen_cli.builder.board.charts import ChartBox, Controls, batch_lines, lines_of, time_lines
from eisen_cli.builder.board.config_tab import ConfigTab
from eisen_cli.builder.board.presence import follow_while_visible
from eisen_cli.builder.board.run_head import RunHead
from eisen_cli.builder.board.start_panel import StartPanel
from eisen_cli.builder.board.tail import Tail
from eisen_cli.builder.board.tiles import Tiles
from eisen_cli.builder.board.view import RunView
from eisen_cli.builder.board.words import log_line

__all__ = ["RunPage"]

_TABS = {"curves": "Curves", "time": "Time and memory", "cases": "Cases", "log": "Log", "config": "Configuration"}


class RunPage:
    """Shows a run and keeps what it shows up to date while somebody looks.

    Args:
        board: What all pages share.
        folder: The artifact folder.
    """

    def __init__(self, board: Board, folder: Path) -> None:
        self._board, self._folder = board, folder
        self.view = RunView(folder)
        self._actions = Actions(board, folder, lambda: self.view)
        self._panels: dict[str, ui.element] = {}
        with ui.element("main").classes("e-page e-col"):
            has_builder = board.workspace.has_builder
            self._head = RunHead(self.view, self._actions, self._new_run if has_builder else None)
            self._begin = ui.element("div").style("display: contents")
            with ui.element("div").classes("e-col") as self._body:
                self._tiles = Tiles()
                self._tab_row()
                self._curves()
                self._times()
                self._others()
        self._body.set_visibility(False)
        self._tabs.on_value_change(lambda event: self._show_tab(str(event.value)))
        self._tabs.set_value("curves")
        follow_while_visible(lambda: board.watches.watch(folder, self.show))

    def show(self, view: RunView) -> None:
        """Show the run as it is now.

        Args:
            view: The run.
        """
        before, self.view = self.view, view
        self._head.show(view)
        self._show_beginning(view)
        self._body.set_visibility(view.status != "none")
        self._tiles.show(view)
        for update in self._updates:
            update(view)
        if before.verdict.task != view.verdict.task:
            self._tabs_changed()

    def _show_beginning(self, view: RunView) -> None:
        is_there = bool(self._begin.default_slot.children)
        if (view.status == "none") == is_there:
            return
        self._begin.clear()
        if view.status != "none":
            return
        with self._begin:
            if self._board.workspace.has_builder:
                StartPanel(self._board, self._folder, self._actions)
            else:
                ui.label("As soon as a training writes into this folder, it is shown here.").classes("e-quiet")

    def _new_run(self) -> None:
        """Open the panel for another run, with a folder in which nothing is lost."""
        has_run = Artifacts(self._folder).checkpoint.exists()
        folder = self._board.free_folder(self._folder) if has_run else self._folder
        with ui.dialog() as dialog, ui.card().style("padding: 0; width: 760px; max-width: 94vw"):
            StartPanel(self._board, folder, self._actions)
        dialog.on("hide", dialog.delete)
        dialog.open()

    def _tab_row(self) -> None:
        self._tabs = ui.tabs().classes("b-tabs")
        self._tabs.props("dense align=left inline-label no-caps")
        with self._tabs:
            for name, title in _TABS.items():
                ui.tab(name, title).props(f"data-tab={name}")

    def _show_tab(self, name: str) -> None:
        for other, panel in self._panels.items():
            panel.set_visibility(other == name)
        self._tabs_changed()

    def _tabs_changed(self) -> None:
        """Have the tabs that read files by themselves read them, when they are in front."""
        from nicegui import background_tasks

        show = {"cases": self._cases.show, "config": self._config.show}.get(str(self._tabs.value))
        if show is not None:
            background_tasks.create(show(), context=self._panels[str(self._tabs.value)])

    def _panel(self, name: str) -> ui.element:
        panel = self._panels[name] = ui.element("div").classes("e-col").props(f"role=tabpanel data-panel={name}")
        return panel

    def _curves(self) -> None:
        with self._panel("curves"):
            controls = ui.element("div")
            with ui.element("div").classes("b-grid"):
                losses = ChartBox("losses", "Losses", "the first point comes with the end of the first epoch")
                metrics = ChartBox("metrics", "Metrics", "no metrics yet")
                batches = ChartBox("batches", "Losses of the batches", "no batches yet", across="batch")
                rates = ChartBox("rates", "Learning rate", "no learning rates yet")
            with controls:
                boxes = (losses, metrics, batches)
                Controls([box.chart for box in boxes], [losses.chart, batches.chart])
        self._updates: list[Callable[[RunView], object]] = [
            lambda view: losses.show(lines_of(view.curves.losses)),
            lambda view: metrics.show(lines_of(view.curves.metrics)),
            lambda view: batches.show(batch_lines(view)),
            lambda view: rates.show(lines_of(view.curves.rates)),
        ]

    def _times(self) -> None:
        with self._panel("time"), ui.element("div").classes("b-grid"):
            times = ChartBox("times", "Where time goes", "the first epoch is not over yet", kind="bar", unit="s")
            rate = ChartBox("throughput", "Samples per second", "not known of this run")
            memory = ChartBox("memory", "Memory of the processes", "not known of this run", unit="bytes")
        self._updates += [
            lambda view: times.show(time_lines(view.curves)),
            lambda view: rate.show(lines_of(view.curves.rate)),
            lambda view: memory.show(lines_of(view.curves.memory)),
        ]

    def _others(self) -> None:
        with self._panel("cases"):
            self._cases = CasesTab(self._board, self._folder, self._actions, lambda: self.view)
        with self._panel("log"):
            ui.label("Log").classes("e-title e-title-m")
            log = Tail(most=2000).props("data-lines=log")
            ui.label("Output").classes("e-title e-title-m")
            output = Tail(most=600).props("data-lines=output")
            nothing = ui.label("The process was not started from the page, so its output is in its terminal.")
            nothing.classes("e-quiet e-s")
        with self._panel("config"):
            self._config = ConfigTab(self._board, self._folder)
        self._updates += [
            lambda view: log.show([log_line(event) for event in view.log]),
            lambda view: output.show(view.output),
            lambda view: nothing.set_visibility(not view.output),
        ]
