"""The builder page: phases and sections as a canvas, modules to drag into it, keys, files and problems."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eisen_cli.builder.workspace import Workspace

__all__ = ["register"]


def register(workspace: Workspace) -> None:
    """Register the builder page at ``/``.

    Args:
        workspace: What the server works on.
    """
    from eisen_cli.builder.canvas.page import register as register_page

    register_page(workspace)
