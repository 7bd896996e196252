"""How an experiment begins: templates, configurations made from files, the start page, and export as a script.

Everything but `page`, `wizard`, `drop` and `export_dialog` works without a browser.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eisen_cli.builder.workspace import Workspace

__all__ = ["register"]


def register(workspace: Workspace) -> None:
    """Register the start page.

    Args:
        workspace: What the server works on.
    """
    from eisen_cli.builder.start.page import register_start

    register_start(workspace)
