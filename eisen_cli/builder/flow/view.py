"""The flow of a phase on a page: the map of its fields, the dry run, and the slices behind every wire."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from nicegui import app, background_tasks, ui

from eisen.config.places import Place, parse
from eisen_cli.builder.flow.cards import error_html
from eisen_cli.builder.flow.controls import Controls
from eisen_cli.builder.flow.detail import detail_html
from eisen_cli.builder.flow.drawing import Drawing, lane_colour
from eisen_cli.builder.flow.trials import Trials, trials_of
from eisen_cli.builder.look.widgets import icon_button
from eisen_cli.builder.workspace import Workspace

__all__ = ["FlowView"]

_HERE = Path(__file__).parent
_ROUTE = "/eisen-flow"
_AFTER = 0.15
_EVENTS = """(event) => {
  if (event.type === 'keydown' && event.key !== 'Enter' && event.key !== ' ') return;
  const goto = event.target.closest('[data-goto]');
  if (goto) { if (event.type === 'click') emit('goto', goto.dataset.goto); return; }
  const wire = event.target.closest('[data-wire]');
  if (!wire) return;
  event.preventDefault();
  const root = event.currentTarget;
  root.querySelectorAll('.ef-open').forEach((old) => old.classList.remove('ef-open'));
  root.querySelectorAll('[data-wire]').forEach((e) => {
    if (e.dataset.wire === wire.dataset.wire) e.classList.add('ef-open');
  });
  emit('wire', wire.dataset.wire);
}"""


class FlowView(ui.element):
    """Shows which way the fields of a phase go, and what a dry run found on every wire.

    Args:
        workspace: What the server works on.
        on_goto: Is called with the place of a module or of a parameter that the user wants to see.
        phase: Name of the phase that is shown first.
    """

    def __init__(
        self, workspace: Workspace, on_goto: Callable[[Place], object] | None = None, phase: str = "Training"
    ) -> None:
        super().__init__("div")
        _serve_files()
        ui.add_head_html(f'<link rel="stylesheet" href="{_ROUTE}/flow.css">')
        self.classes("ef")
        self.workspace, self.phase = workspace, phase
        self.trials: Trials = trials_of(workspace)
        _close_with_server(self.trials)
        self._on_goto = on_goto
        self._chosen: tuple[str, str] | None = None
        self._drawing: Drawing | None = None
        self._due: asyncio.TimerHandle | None = None
        with self:
            self.controls = Controls(self.trials, self.phase, self._start, self.trials.stop)
            self._status = ui.html(sanitize=False).classes("ef-status-box").props("aria-live=polite")
            self._alert = ui.html(sanitize=False)
            self._legend = ui.html(sanitize=False)
            with ui.element("div").classes("ef-split"):
                self._map = ui.html(sanitize=False)
                self._panel = ui.element("div").classes("ef-panel").props('role=region aria-label="Slices"')
        for event in ("click", "keydown"):
            self._map.on(event, self._heard, js_handler=_EVENTS)
            self._alert.on(event, self._heard, js_handler=_EVENTS)
        self._ends = [
            workspace.on_change(lambda _change: self._refresh_soon()),
            workspace.on_document(lambda _document: self._refresh_soon()),
            self.trials.listen(self._refresh_soon),
        ]
        self._close_panel()
        self.refresh()

    def set_phase(self, name: str) -> None:
        """Show another phase."""
        if name != self.phase:
            self.phase = name
            self._close_panel()
            self.refresh()

    def refresh(self) -> None:
        """Draw everything as it is now."""
        self._due = None
        self._drawing = drawing = self.trials.drawing(self.phase, self._chosen)
        self.controls.show(self.phase)
        self._status.set_content(self._status_html())
        failure = drawing.outcome.failure if drawing.outcome is not None else None
        is_above = failure is not None and not failure.station
        self._alert.set_content(error_html(failure) if failure is not None and is_above else "")
        self._legend.set_content(_legend_html(drawing))
        self._map.set_content(drawing.html())
        if self._chosen is not None:
            self._open(*self._chosen)

    def _handle_delete(self) -> None:
        for end in self._ends:
            end()
        if self._due is not None:
            self._due.cancel()
        super()._handle_delete()

    def _refresh_soon(self) -> None:
        """Draw a moment later, so that many changes are drawn once."""
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(_AFTER, self.refresh)

    def _start(self) -> None:
        background_tasks.create(self.trials.run(self.phase), name="dry run")

    def _heard(self, event: Any) -> None:
        kind, text = event.args
        if kind == "goto":
            place = parse(str(text))
            if place is not None and self._on_goto is not None:
                self._on_goto(place)
            return
        station, _, name = str(text).partition("|")
        self._open(station, name)

    # -- the panel ------------------------------------------------------------------------------------------------

    def _open(self, station: str, name: str) -> None:
        assert self._drawing is not None
        content = detail_html(self._drawing, station, name)
        if not content:
            self._close_panel()
            return
        self._chosen = (station, name)
        lanes = self._drawing.flow.lanes
        colour = lane_colour(lanes.index(name)) if name in lanes else "var(--e-quiet)"
        self._panel.clear()
        with self._panel:
            with ui.element("div").classes("ef-panel-head"):
                ui.html(f'<i style="background:{colour};display:block"></i>', sanitize=False)
                ui.label(name).classes("e-grow")
                icon_button("close", "Close", self._close_and_draw, "close-slices")
            ui.html(content, sanitize=False)
        self._panel.set_visibility(True)

    def _close_panel(self) -> None:
        self._chosen = None
        self._panel.clear()
        self._panel.set_visibility(False)

    def _close_and_draw(self) -> None:
        self._close_panel()
        self.refresh()

    # -- texts ----------------------------------------------------------------------------------------------------

    def _status_html(self) -> str:
        trials, outcome = self.trials, self.trials.outcome(self.phase)
        if trials.running == self.phase:
            under = trials.runner.underway
            words = f"at {under['name']}" if under else "starting its process"
            chip = '<span class="ef-spin"></span><span class="e-chip e-chip-accent">running</span>'
            return f'<div class="ef-status">{chip}{escape(words)}</div>'
        if outcome is None:
            return '<div class="ef-status">A dry run on one case shows what is on every wire. Nothing is written.</div>'
        facts, chips = outcome.facts, []
        if outcome.failure is not None:
            chips.append('<span class="e-chip e-chip-bad">failed</span>')
        elif trials.is_stale(self.phase):
            chips.append('<span class="e-chip e-chip-warn">changed since</span>')
        else:
            chips.append('<span class="e-chip e-chip-good">went through</span>')
        texts = [str(facts.get("case") or ""), _seconds(facts), _memory(facts.get("peak_memory"))]
        texts += [f"{facts['n_parameters']:,} trained parameters"] if facts.get("n_parameters") else []
        shown = "".join(f"<span>{escape(text)}</span>" for text in texts if text)
        return f'<div class="ef-status">{"".join(chips)}{shown}</div>'


def _seconds(facts: Any) -> str:
    return f"{facts['seconds']:.1f} s" if facts.get("seconds") is not None else ""


def _memory(n_bytes: Any) -> str:
    return f"peak memory {n_bytes / 1e9:.2f} GB" if n_bytes else ""


def _legend_html(drawing: Drawing) -> str:
    lanes = "".join(
        f'<span><i style="background:{lane_colour(index)}"></i>{escape(name)}</span>'
        for index, name in enumerate(drawing.flow.lanes)
    )
    unused = drawing.flow.unused
    more = f'<span class="e-quiet">not used: {escape(", ".join(unused))}</span>' if unused else ""
    return f'<div class="ef-legend" aria-label="Fields">{lanes}{more}</div>'


@cache
def _serve_files() -> None:
    app.add_static_file(local_file=_HERE / "flow.css", url_path=f"{_ROUTE}/flow.css", max_cache_age=0)


@cache
def _close_with_server(trials: Trials) -> None:
    """End what is running and remove the files when the server ends."""
    app.on_shutdown(trials.runner.close)
