"""Looking at cases: the volume viewer and the table of all cases of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eisen_cli.builder.workspace import Workspace

__all__ = ["register"]


def register(workspace: Workspace) -> None:
    """Register ``/case``, and the routes that volumes and the script of the viewer come from.

    Args:
        workspace: What the server works on.
    """
    from eisen_cli.builder.viewer.page import register_page
    from eisen_cli.builder.viewer.routes import register_routes

    register_routes(workspace)
    register_page(workspace)
