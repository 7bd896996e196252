"""The style sheet of the panels."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from nicegui import ui

__all__ = ["add_styles"]

_PAGES = "eisen-panels"


def add_styles() -> None:
    """Give the page that is being made the style sheet of the panels, once."""
    client = ui.context.client
    if not getattr(client, _PAGES, False):
        setattr(client, _PAGES, True)
        ui.add_css(_sheet())


@cache
def _sheet() -> str:
    return Path(__file__).with_name("panels.css").read_text(encoding="utf-8")
