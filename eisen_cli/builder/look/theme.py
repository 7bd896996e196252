"""The frame of every page: colours, header, navigation, dark and light."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from nicegui import app, ui

from eisen_cli.builder.workspace import Workspace

__all__ = ["Frame", "frame"]

_HERE = Path(__file__).parent
_ROUTE = "/eisen-look"
_LOOKS = {None: ("brightness_auto", "as the system"), False: ("light_mode", "light"), True: ("dark_mode", "dark")}
_NEXT = {None: False, False: True, True: None}


@dataclass
class Frame:
    """The places of a page that it fills itself.

    Args:
        title: Row in the header behind the name of the program, e.g. for the name of the file.
        actions: Row at the right end of the header, e.g. for buttons.
        dark: The switch between dark and light; its `value` is None while it follows the system.
    """

    title: ui.row
    actions: ui.row
    dark: ui.dark_mode


@contextmanager
def frame(workspace: Workspace, title: str, *, active: str = "") -> Iterator[Frame]:
    """Put header and colours around the page that is made inside.

    Args:
        workspace: What the server works on.
        title: Name of the page in the browser's tab.
        active: Which link of the navigation is this page: ``"build"``, ``"runs"`` or ``""``.
    """
    _serve_files()
    ui.add_head_html(f'<link rel="stylesheet" href="{_ROUTE}/theme.css">')
    ui.page_title(f"{title} · eisen")
    dark = ui.dark_mode(workspace.dark)
    with ui.header().classes("e-header").props("role=banner"):
        with ui.link(target="/" if workspace.has_builder else "/runs").classes("e-logo").props('aria-label="eisen"'):
            ui.html(f'<img src="{_ROUTE}/eisen.svg" alt="">', sanitize=False)
            ui.label("eisen")
        with ui.element("nav").classes("e-row").style("gap:2px"):
            if workspace.has_builder:
                _link("Build", "/", active == "build")
            _link("Runs", "/runs", active == "runs")
        head = ui.row().classes("e-row e-grow").style("flex-wrap:nowrap")
        actions = ui.row().classes("e-row").style("gap:4px; flex-wrap:nowrap")
        _look_button(workspace, dark)
    yield Frame(head, actions, dark)


def _link(text: str, target: str, is_here: bool) -> None:
    ui.link(text, target).classes("e-nav").props('aria-current="page"' if is_here else "")


def _look_button(workspace: Workspace, dark: ui.dark_mode) -> None:
    def switch() -> None:
        workspace.dark = dark.value = _NEXT[workspace.dark]
        show()

    def show() -> None:
        icon, words = _LOOKS[workspace.dark]
        button.props(f'icon={icon} aria-label="Colours: {words}"')
        tip.text = f"Colours: {words}"

    button = ui.button(on_click=switch).props("flat round dense data-action=look")
    with button:
        tip = ui.tooltip()
    show()


@cache
def _serve_files() -> None:
    app.add_static_files(_ROUTE, _HERE, max_cache_age=0)
