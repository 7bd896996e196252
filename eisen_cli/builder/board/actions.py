"""What the buttons of the page of a run do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from nicegui import run, ui

from eisen._core.errors import EisenError
from eisen_cli.builder.board.board import Board
from eisen_cli.builder.board.commands import Order
from eisen_cli.builder.board.view import RunView
from eisen_cli.builder.look.widgets import ask, error_card

__all__ = ["Actions", "address", "show_error"]

Result = TypeVar("Result")


def address(folder: Path) -> str:
    """Return the address of the page of a run."""
    return f"/run?artifacts={quote(str(folder))}"


def show_error(error: EisenError) -> None:
    """Show an error in a dialog."""
    with ui.dialog() as dialog, ui.card().style("min-width: 360px; max-width: 560px"):
        error_card(error)
        ui.button("Close", on_click=dialog.close).props("flat data-action=close").style("align-self: flex-end")
    dialog.on("hide", dialog.delete)
    dialog.open()


class Actions:
    """Starts, stops, resumes and extends one run; what goes wrong is shown as a card.

    Args:
        board: What all pages share.
        folder: The artifact folder.
        view: Returns the run as it is now.
    """

    def __init__(self, board: Board, folder: Path, view: Callable[[], RunView]) -> None:
        self._board, self._folder, self._view = board, folder, view
        self._asked_to_stop = -1

    async def start(self, order: Order) -> bool:
        """Start a command; return whether it was started."""
        started = await self._tried(self._board.processes.start, order)
        if started is None:
            return False
        self._asked_to_stop = -1
        self._board.workspace.folders.add(order.artifact_dir)
        self._board.finder.add(order.artifact_dir)
        self._board.watches.look_now(order.artifact_dir)
        return True

    async def stop(self) -> None:
        """Ask the run to stop after its batch; the second time, at once."""
        view = self._view()
        at_once = self._asked_to_stop == view.generation
        if at_once and not await ask(
            "Stop in the middle of the batch?",
            yes="Stop at once",
            more="What was trained since the last checkpoint is lost. Without this, it stops after the present batch.",
        ):
            return
        words = await self._tried(lambda: self._board.processes.stop(self._folder, at_once=at_once))
        if words is not None:
            self._asked_to_stop = view.generation
            ui.notify(words, type="info", position="bottom")
            self._board.watches.look_now(self._folder)

    async def again(self, command: str = "train", more: int = 0) -> None:
        """Resume, extend by some epochs, or use the model of the run."""
        view = self._view()
        if command == "train" and not await self._is_sure(view):
            return
        order = await self._tried(lambda: self._board.again(view, command, more=more))
        if order is not None:
            await self.start(order)

    async def forced(self) -> None:
        """Continue although something has changed since the checkpoint."""
        more = "What is trained from here on is not what would have been trained without the changes."
        if await ask("Go on with what has changed?", yes="Go on", more=more):
            order = await self._tried(self._board.forced, self._view())
            if order is not None:
                await self.start(order)

    async def _is_sure(self, view: RunView) -> bool:
        mark = view.verdict.process
        if view.status != "dead" or mark is None or mark.is_here:
            return True
        return await ask(
            f"Is the training on {mark.host} over?",
            yes="It is, resume here",
            more="It has given no sign of life for a while, which cannot be told from a machine that is cut off. "
            "Two trainings in one folder would spoil each other.",
        )

    async def _tried(self, what: Callable[..., Result], *args: Any) -> Result | None:
        try:
            return await run.io_bound(what, *args)
        except EisenError as error:
            show_error(error)
            return None
