"""The dialog that shows an experiment as a Python script."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nicegui import ui

from eisen._core.atomic import atomic_write
from eisen._core.errors import ArgumentError, EisenError
from eisen_cli.builder.look.widgets import error_card
from eisen_cli.builder.start.script import export_python
from eisen_cli.builder.start.styles import add_styles
from eisen_cli.builder.workspace import Workspace

__all__ = ["export_dialog", "save_script"]


async def export_dialog(workspace: Workspace) -> None:
    """Show the experiment as a Python script, to be copied or saved; return when the dialog is closed.

    Args:
        workspace: What the server works on.
    """
    add_styles()
    document = workspace.document
    with ui.dialog() as dialog, ui.card().classes("e-export").style("width: min(1080px, 94vw); max-width: none"):
        ui.label("As a Python script").classes("e-title e-title-l")
        try:
            text = await asyncio.to_thread(export_python, document.snapshot(), document.path)
        except EisenError as error:
            error_card(error)
            ui.button("Close", on_click=dialog.close).props("flat data-action=close-export")
        else:
            _show(workspace, dialog, text)
    dialog.open()
    await dialog
    if not dialog.is_deleted:
        dialog.delete()


def _show(workspace: Workspace, dialog: ui.dialog, text: str) -> None:
    ui.label("It gives the same losses as 'eisen train' with the same seed.").classes("e-quiet e-s")
    ui.code(text, language="python").style("width: 100%").props("data-page=script")
    document = workspace.document
    folder = document.path.parent if document.path else next(iter(workspace.folders))
    name = document.path.stem if document.path else "experiment"
    wrong = ui.element("div").props("aria-live=polite").style("width:100%")
    with ui.element("div").classes("e-row").style("width:100%"):
        field = ui.input("File", value=str(folder / f"{name}.py"))
        field.props("outlined dense data-action=script-path").classes("e-grow")
        save = ui.button("Save", icon="save", on_click=lambda: _save(workspace, str(field.value), text, wrong))
        save.props("unelevated data-action=save-script")
        ui.button("Download", on_click=lambda: ui.download.content(text, f"{name}.py", "text/x-python")).props(
            "flat data-action=download-script"
        )
        ui.button("Close", on_click=dialog.close).props("flat data-action=close-export")


def _save(workspace: Workspace, name: str, text: str, wrong: ui.element) -> None:
    wrong.clear()
    try:
        path = save_script(workspace, name, text)
    except EisenError as error:
        with wrong:
            error_card(error)
        return
    ui.notify(f"Saved {path.name}")


def save_script(workspace: Workspace, name: str, text: str) -> Path:
    """Write a script into one of the allowed folders; a file with other content is not overwritten.

    Args:
        workspace: Knows which folders are allowed.
        name: The file.
        text: The script.

    Raises:
        ArgumentError: If it is outside, is no ``.py`` file, or is there already with other content.
        ArtifactError: If it cannot be written.
    """
    path = workspace.folders.resolve(name)
    if path.suffix != ".py":
        raise ArgumentError(f"'{path.name}' is no name of a Python script", expected="a name that ends in .py")
    if path.exists() and (not path.is_file() or path.read_text(encoding="utf-8", errors="replace") != text):
        raise ArgumentError(f"there is another {path.name}, and it is not overwritten", to_do="choose another name")
    if not path.parent.is_dir():
        raise ArgumentError(f"there is no folder {path.parent}", to_do="choose a folder that is there")
    with atomic_write(path, "w") as file:
        file.write(text)
    return path
