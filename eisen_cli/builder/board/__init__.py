"""The pages of runs: watching them live, comparing them, starting and stopping them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eisen_cli.builder.workspace import Workspace

__all__ = ["register_board"]


def register_board(workspace: Workspace) -> None:
    """Register ``/runs``, ``/run`` and ``/compare`` with the server.

    Args:
        workspace: What the server works on.
    """
    from eisen_cli.builder.board.pages import register

    register(workspace)
