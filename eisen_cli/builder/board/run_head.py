"""The head of the page of a run: how it is doing, how far it is, and the buttons."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nicegui import ui

from eisen_cli.builder.board import words
from eisen_cli.builder.board.actions import Actions
from eisen_cli.builder.board.view import RunView
from eisen_cli.builder.look.widgets import error_card

__all__ = ["RunHead", "place_of"]

_TASKS = {
    "validate": "Validate",
    "test": "Test",
    "predict": "Predict",
    "review": "Review cases",
}
"""What can be done with a trained model, and the text of its menu entry."""

_CAN_GO_ON = ("interrupted", "failed", "dead", "complete")


class RunHead:
    """Shows status and progress.

    Args:
        view: The run at first.
        actions: What the buttons do.
        new_run: Opens the panel for another run; None where there is no document to train.
    """

    def __init__(self, view: RunView, actions: Actions, new_run: Callable[[], None] | None) -> None:
        self._actions = actions
        self._failure = ""
        with ui.element("section").classes("e-card").props("aria-label=Progress"):
            with ui.element("div").classes("b-head"):
                with ui.element("div").style("min-width: 0"):
                    with ui.element("div").classes("e-row").style("gap: 10px"):
                        ui.label(view.name).classes("b-name").props("role=heading aria-level=1")
                        self._status = ui.label("").classes("e-chip").props("data-status")
                    ui.label(str(view.folder)).classes("e-mono e-quiet e-xs").style("overflow-wrap: anywhere")
                with ui.element("div").classes("b-buttons"):
                    self._buttons(new_run)
            with ui.element("div").classes("b-progress").props("role=progressbar aria-label=Progress") as self._bar:
                self._fill = ui.element("div")
            with ui.element("div").classes("b-under"):
                self._place, self._left = ui.label(""), ui.label("").props("data-eta")
        self._error = ui.element("div").style("display: contents")

    def show(self, view: RunView) -> None:
        """Show the run as it is now."""
        task = view.verdict.task
        busy = f" · {task}" if task not in ("", "train") else ""
        self._status.set_text("no run yet" if view.status == "none" else f"{view.status}{busy}")
        self._status.classes(replace=f"e-chip e-chip-{words.STATUS_KINDS.get(view.status, '')}")
        self._status.props(f"data-status={view.status}")
        percent = 100 * (1.0 if view.status == "complete" else view.fraction)
        self._fill.style(f"width: {percent:.1f}%")
        self._bar.props(f"data-status={view.status} aria-valuenow={percent:.0f}")
        self._place.set_text(place_of(view))
        self._left.set_text(_left(view))
        self._show_buttons(view)
        self._show_error(view)

    def _buttons(self, new_run: Callable[[], None] | None) -> None:
        actions = self._actions
        self._stop = ui.button("Stop", icon="stop", on_click=actions.stop)
        self._stop.props("outline color=negative data-action=stop")
        self._resume = ui.button("Resume", icon="play_arrow", on_click=lambda: actions.again())
        self._resume.props("unelevated data-action=resume")
        with ui.element("div").classes("e-row").style("gap: 6px") as self._extend:
            self._more = ui.number(value=10, min=1, max=100000, step=1, format="%d")
            self._more.props('dense outlined hide-bottom-space suffix=epochs aria-label="More epochs" data-field=more')
            self._more.style("width: 128px")
            extend = ui.button("Extend", icon="more_time", on_click=self._extended)
            extend.props("outline data-action=extend")
        with ui.button("Use model", icon="expand_more").props("flat data-action=use") as self._use, ui.menu():
            for command, text in _TASKS.items():
                item = ui.menu_item(text, on_click=partial(actions.again, command))
                item.props(f"data-action={command}")
        self._new = ui.button("New run", icon="add", on_click=new_run) if new_run else None
        if self._new:
            self._new.props("flat data-action=new")
        for button in (self._stop, self._resume, self._extend, self._use, *([self._new] if self._new else [])):
            button.set_visibility(False)

    def _show_buttons(self, view: RunView) -> None:
        is_free = not view.verdict.is_busy
        can_go_on = is_free and view.status in _CAN_GO_ON and bool(view.record)
        self._stop.set_visibility(view.verdict.is_busy)
        self._resume.set_visibility(can_go_on and view.status != "complete")
        self._extend.set_visibility(can_go_on and view.n_done > 0)
        self._use.set_visibility(can_go_on and view.n_done > 0)
        if self._new:
            self._new.set_visibility(is_free and view.status != "none")

    async def _extended(self) -> None:
        if self._more.value and self._more.value >= 1:
            await self._actions.again(more=int(self._more.value))
        else:
            ui.notify("by how many epochs? At least one", type="warning")

    def _show_error(self, view: RunView) -> None:
        is_bad = view.status in ("failed", "dead")
        failure = f"{view.status} {view.verdict.words} {view.output[-1:]}" if is_bad else ""
        if failure == self._failure:
            return
        self._failure = failure
        self._error.clear()
        if failure:
            with self._error:
                _failure_card(view, self._actions)


def place_of(view: RunView) -> str:
    """Return how far a run is, in words.

    Args:
        view: The run.
    """
    asked = view.n_epochs
    if view.status == "none":
        return "Nothing was trained in this folder yet"
    if view.status == "waiting":
        return view.verdict.words
    if not view.is_running:
        return f"{view.n_done} of {asked} epochs" if asked else f"{view.n_done} epochs"
    progress = view.progress
    epoch = progress.get("epoch")
    parts = [f"epoch {epoch + 1 if isinstance(epoch, int) else view.n_done + 1} of {asked or '?'}"]
    if progress.get("phase"):
        parts.append(f"{progress['phase']}, batch {progress.get('batch', 0)} of {progress.get('n_batches', '?')}")
    parts += [view.verdict.words] if view.verdict.words else []
    return " · ".join(parts)


def _left(view: RunView) -> str:
    eta = view.eta_seconds
    if eta is not None:
        return f"about {words.duration(eta)} left"
    if view.is_running:
        return "the time left is not known yet"
    when = words.ago(view.record.get("finished"))
    return f"{view.status} {when}" if when and view.status not in ("waiting", "none") else ""


def _failure_card(view: RunView, actions: Actions) -> None:
    said = view.verdict.words or "the run has failed"
    with error_card(
        said, to_do="" if view.status == "dead" else "correct what is said below, then go on or start again"
    ):
        lines = [line for line in view.output if line.strip()][-24:]
        if lines:
            text = ui.label("\n".join(lines)).classes("b-lines b-nowrap").props("data-output")
            text.style("margin-top: 8px; max-height: 300px")
        if view.is_refused:
            button = ui.button("Go on anyway", icon="play_arrow", on_click=actions.forced)
            button.props("outline color=negative data-action=force").style("margin-top: 8px")
