"""The style sheets of the viewer and of the table."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from nicegui import app, ui

__all__ = ["add_look"]

_ROUTE = "/eisen-viewer/look"


def add_look(name: str) -> None:
    """Add one of our style sheets to the page.

    Args:
        name: The file.
    """
    _serve()
    ui.add_head_html(f'<link rel="stylesheet" href="{_ROUTE}/{name}">')


@cache
def _serve() -> None:
    app.add_static_files(_ROUTE, Path(__file__).parent / "look", max_cache_age=0)
