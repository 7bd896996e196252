"""Opening, saving, exporting: what the page does with files."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nicegui import ui

from eisen._core.errors import EisenError
from eisen_cli.builder.canvas.desk import Desk
from eisen_cli.builder.document.document import Document
from eisen_cli.builder.document.files import FileInTheWay
from eisen_cli.builder.look.widgets import ask
from eisen_cli.builder.panels.chooser import choose_path

__all__ = ["FilesMenu"]


class FilesMenu:
    """What the page does with files.

    Args:
        desk: What the parts of the page share.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def save(self) -> bool:
        """Save to the file; ask for one if there is none, and before writing over the work of others."""
        document = self._desk.workspace.document
        if document.path is None:
            return await self.save_as()
        return await self._write(document.path)

    async def save_as(self) -> bool:
        """Ask for a file and save there."""
        path = await _ask_for_name(self._desk)
        return path is not None and await self._write(path)

    async def _write(self, path: Path, *, force: bool = False) -> bool:
        document = self._desk.workspace.document
        try:
            document.save(path, force=force)
        except FileInTheWay as error:
            if await ask(error.card.what, yes="Write over it", more="What is in the file now is lost."):
                return await self._write(path, force=True)
            return False
        except EisenError as error:
            self._desk.fail(error)
            return False
        self._desk.workspace.check_soon()
        self._desk.say(f"Saved {path.name}")
        return True

    async def open(self) -> None:
        """Ask for a file and edit it."""
        if not await self.may_leave():
            return
        path = await choose_path(self._desk.workspace, folders=False, suffixes=[".json"])
        if path is None:
            return
        try:
            self._desk.workspace.open(await asyncio.to_thread(Document.open, path))
        except EisenError as error:
            self._desk.fail(error)

    async def may_leave(self) -> bool:
        """Ask what to do with changes that are not saved; tell whether to go on."""
        document = self._desk.workspace.document
        if document.is_saved:
            return True
        return await ask(
            "Drop the changes that are not saved?",
            yes="Drop them",
            more=f"{document.path.name if document.path else 'The new experiment'} has changes that no file has.",
        )


async def _ask_for_name(desk: Desk) -> Path | None:
    document, folders = desk.workspace.document, desk.workspace.folders
    start = document.path or next(iter(folders)) / "experiment.json"
    with ui.dialog() as dialog, ui.card().style("width: min(620px, 94vw)"):
        ui.label("Save as").classes("e-title e-title-l")
        field = ui.input("File", value=str(start)).props("outlined data-action=file-name autofocus").style("width:100%")
        wrong = ui.label().classes("e-bad e-s")

        def submit() -> None:
            name = str(field.value or "").strip()
            try:
                dialog.submit(folders.resolve(name if Path(name).suffix else f"{name}.json"))
            except EisenError as error:
                wrong.set_text(f"{error.card.what}; expected {error.card.expected}")

        field.on("keydown.enter", submit)
        with ui.element("div").classes("e-row").style("justify-content:flex-end; width:100%"):
            ui.button("Cancel", on_click=dialog.close).props("flat")
            ui.button("Save", on_click=submit).props("unelevated data-action=save-now")
    answer = await dialog
    dialog.delete()
    return answer if isinstance(answer, Path) else None
