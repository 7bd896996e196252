"""The cases of a run, the worst first."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nicegui import run, ui

from eisen_cli.builder.board.actions import Actions
from eisen_cli.builder.board.board import Board
from eisen_cli.builder.board.view import RunView

__all__ = ["CasesTab"]


class CasesTab:
    """Shows the table of reviewed cases, and the button that has them reviewed.

    Args:
        board: What all pages share.
        folder: The artifact folder.
        actions: Starts the review.
        view: Returns the run as it is now.
    """

    def __init__(self, board: Board, folder: Path, actions: Actions, view: Callable[[], RunView]) -> None:
        self._board, self._folder, self._actions, self._view = board, folder, actions, view
        self._made_of: object = None
        self._box = ui.element("div").classes("e-col")

    async def show(self) -> None:
        """Show the table, unless what is shown is still true."""
        view = self._view()
        state = (view.verdict.task, view.n_done > 0, await run.io_bound(_stamp, self._folder))
        if state == self._made_of:
            return
        self._made_of = state
        self._box.clear()
        with self._box:
            with ui.element("div").classes("e-row e-wrap"):
                self._button(view)
            from eisen_cli.builder.viewer.table import cases_table

            cases_table(self._board.workspace, self._folder)

    def _button(self, view: RunView) -> None:
        button = ui.button("Review the validation cases", icon="fact_check")
        button.on_click(lambda: self._actions.again("review")).props("unelevated data-action=review")
        if view.verdict.is_busy:
            button.disable()
        words = {
            "review": "The model is going through the cases; they appear here when it has finished.",
            "train": "When the training is over, the model can go through every case with a reference.",
        }.get(view.verdict.task, "The best model predicts every case with a reference; the worst ones come first.")
        ui.label(words).classes("e-quiet e-s")


def _stamp(folder: Path) -> tuple[tuple[str, int], ...]:
    """Return what changes when cases were reviewed."""
    return tuple(sorted((path.parent.name, path.stat().st_mtime_ns) for path in folder.glob("review/*/cases.json")))
