"""The style sheet of the start page."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from nicegui import ui

__all__ = ["add_styles"]

_MARK = "eisen-start"


def add_styles() -> None:
    """Give the page that is being made the style sheet, once."""
    client = ui.context.client
    if not getattr(client, _MARK, False):
        setattr(client, _MARK, True)
        ui.add_css(_sheet())


@cache
def _sheet() -> str:
    return Path(__file__).with_name("start.css").read_text(encoding="utf-8")
