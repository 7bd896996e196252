"""The addresses of the pages of runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nicegui import ui
from starlette.requests import Request

from eisen._core.errors import EisenError
from eisen_cli.builder.board.board import Board
from eisen_cli.builder.board.compare_page import ComparePage
from eisen_cli.builder.board.run_page import RunPage
from eisen_cli.builder.board.runs_page import RunsPage
from eisen_cli.builder.look.theme import frame
from eisen_cli.builder.look.widgets import error_card
from eisen_cli.builder.workspace import Workspace

__all__ = ["register"]

_STYLE = Path(__file__).with_name("board.css")


def register(workspace: Workspace) -> None:
    """Register the pages.

    Args:
        workspace: What the server works on.
    """
    board = Board(workspace)

    @ui.page("/runs")
    def runs() -> None:
        with _framed(board, "Runs"):
            RunsPage(board)

    @ui.page("/run")
    def one_run(artifacts: str = "") -> None:
        with _framed(board, Path(artifacts).name or "Run"):
            RunPage(board, board.folder(artifacts))

    @ui.page("/compare")
    def compare(request: Request) -> None:
        with _framed(board, "Compare"):
            ComparePage(board, [board.folder(text) for text in request.query_params.getlist("artifacts")])


@contextmanager
def _framed(board: Board, title: str) -> Iterator[None]:
    """Put the frame around a page; what is wrong with its address is shown in its place."""
    with frame(board.workspace, title, active="runs"):
        ui.add_css(_STYLE)
        try:
            yield
        except EisenError as error:
            with ui.element("main").classes("e-page"):
                error_card(error)
