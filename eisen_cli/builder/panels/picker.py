"""Choosing a module for a place inside of another module."""

from __future__ import annotations

from nicegui import ui

from eisen.config.sections import SINGULAR
from eisen_cli.builder.look.widgets import chip
from eisen_cli.builder.parts.catalogue import Catalogue
from eisen_cli.builder.parts.fields import spoken
from eisen_cli.builder.parts.part import Part

__all__ = ["pick_part"]

_MOST = 60


async def pick_part(catalogue: Catalogue, role: str, holder: str = "") -> Part | None:
    """Ask for a module; return None when none was chosen.

    Args:
        catalogue: What there is.
        role: What it shall be.
        holder: Dotted path of the module that it will stand inside of.
    """
    what = SINGULAR.get(role, "module")
    with ui.dialog() as dialog, ui.card().classes("e-picker"):
        ui.label(f"Choose a {what}").classes("e-title e-title-l")
        search = ui.input(placeholder="Search, or a dotted path").props(
            f'outlined dense clearable autofocus debounce=150 aria-label="Search a {what}" data-action=search-part'
        )
        shown = ui.element("div").classes("e-picker-list").props("role=listbox")

        def fill() -> None:
            shown.clear()
            parts = catalogue.parts_inside(holder, role, search.value or "")
            with shown:
                for part in parts[:_MOST]:
                    _row(part, dialog)
                if not parts:
                    ui.label("Nothing of that name. A dotted path works too.").classes("e-quiet e-s")
                if len(parts) > _MOST:
                    ui.label(f"and {len(parts) - _MOST} more; type to find them").classes("e-quiet e-s")

        search.on_value_change(fill)
        search.on(
            "keydown.enter",
            lambda: dialog.submit(next(iter(catalogue.parts_inside(holder, role, search.value or "")), None)),
        )
        fill()
    part = await dialog
    if not dialog.is_deleted:  # the page may have been closed meanwhile
        dialog.delete()
    return part if isinstance(part, Part) else None


def _row(part: Part, dialog: ui.dialog) -> None:
    with ui.element("button").classes("e-picker-row").props("type=button role=option") as row:
        with ui.element("div").classes("e-row").style("gap: 8px"):
            ui.label(part.name).classes("e-picker-name")
            chip(part.origin)
        ui.label(spoken(part.summary)).classes("e-quiet e-s")
    row.props["data-part"] = part.path
    row.on("click", lambda: dialog.submit(part))
