"""The start page: from your data, from a template, from a file, or from nothing."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path

from nicegui import ui

from eisen._core.errors import EisenError
from eisen_cli.builder.document.autosave import Recovery, recoveries_without_file
from eisen_cli.builder.document.document import Document
from eisen_cli.builder.look.theme import frame
from eisen_cli.builder.look.widgets import ask, error_card
from eisen_cli.builder.start.adopting import adopt, configurations_in
from eisen_cli.builder.start.drawings import drawing
from eisen_cli.builder.start.drop_zone import DropZone
from eisen_cli.builder.start.reading import Start, from_files
from eisen_cli.builder.start.styles import add_styles
from eisen_cli.builder.start.templates import TEMPLATES, Template
from eisen_cli.builder.start.wizard import Wizard
from eisen_cli.builder.workspace import Workspace

__all__ = ["register_start"]

_MOST_UNSAVED = 3


def register_start(workspace: Workspace) -> None:
    """Register the start page.

    Args:
        workspace: What the server works on.
    """

    @ui.page("/start")
    async def start_page(template: str = "") -> None:
        with frame(workspace, "Start"):
            add_styles()
            page = _StartPage(workspace)
        if template in TEMPLATES:
            page.from_template(TEMPLATES[template])
        await page.list_unsaved()
        await page.list_files()


class _StartPage:
    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        with ui.element("main").classes("e-page e-start") as self._overview:
            with ui.element("div").classes("e-start-head"):
                ui.label("Start an experiment").classes("e-title e-title-xl").props("role=heading aria-level=1")
                ui.label("Whatever you begin with can be changed on the canvas afterwards.").classes("e-quiet")
            with ui.element("div").classes("e-start-two"):
                self._from_data()
                self._from_file()
            self._unsaved = ui.element("section").classes("e-col")
            self._message = ui.element("div").props("aria-live=polite")
            self._templates()
        self._wizard = ui.element("main").classes("e-page e-start")
        self._wizard.set_visibility(False)

    def _from_data(self) -> None:
        with DropZone(self._workspace, self._look, self._show, self._fail):
            ui.html(drawing("drop"), sanitize=False)
            with ui.element("div").classes("e-drop-words"):
                ui.label("From your data").classes("e-title e-title-l").props("role=heading aria-level=2")
                ui.label(
                    "Drop a folder with images, a dataset.json, a CSV file or a store here. A few cases are looked at, "
                    "and an experiment for them is proposed. The data stay where they are."
                ).classes("e-quiet")
                with ui.element("div").classes("e-row e-wrap").style("gap:8px"):
                    folder = ui.button(
                        "Choose a folder", icon="folder_open", on_click=lambda: self._choose(folders=True)
                    )
                    folder.props("unelevated data-action=choose-data-folder")
                    file = ui.button("Choose a file", icon="description", on_click=lambda: self._choose(folders=False))
                    file.props("flat data-action=choose-data-file")

    def _from_file(self) -> None:
        with ui.element("div").classes("e-card e-start-open"):
            ui.label("Open an experiment").classes("e-title e-title-l").props("role=heading aria-level=2")
            self._files = ui.element("div").style("display:flex; flex-direction:column")
            with self._files:
                ui.label("Looking for configurations ...").classes("e-quiet e-s")
            ui.space()
            with ui.element("div").classes("e-row e-wrap").style("gap:8px"):
                opener = ui.button("Open a file", icon="file_open", on_click=self._open_dialog)
                opener.props("outline data-action=open-file")
                empty = ui.button("Empty canvas", icon="add", on_click=self._empty)
                empty.props("flat data-action=empty-canvas")

    def _templates(self) -> None:
        with ui.element("section").classes("e-col"):
            ui.label("From a template").classes("e-title e-title-l").props("role=heading aria-level=2")
            with ui.element("div").classes("e-start-cards"):
                for template in TEMPLATES.values():
                    self._card(template)

    def _card(self, template: Template) -> None:
        with ui.element("button").classes("e-card e-start-card").props(f"data-template={template.name}") as card:
            ui.html(drawing(template.name), sanitize=False)
            ui.html(f"<b>{template.title}</b>", sanitize=False)
            ui.label(template.words).classes("e-quiet e-s")
        card.on("click", lambda: self.from_template(template))

    def from_template(self, template: Template) -> None:
        """Show what a template lets people choose."""
        self._open_wizard(Start(template.title, None, template.name, template.default()), template)

    async def list_files(self) -> None:
        """Show the configurations that are in the allowed folders."""
        found = await asyncio.to_thread(configurations_in, self._workspace.folders)
        self._files.clear()
        with self._files:
            if not found:
                ui.label("No configurations in the folders of this page yet.").classes("e-quiet e-s")
            for path in found or []:
                with ui.element("button").classes("e-start-file") as row:
                    row.props["data-file"] = path.name
                    ui.label(path.name).classes("e-ellipsis")
                    ui.label(path.parent.name).classes("e-quiet e-xs e-ellipsis")
                row.on("click", lambda path=path: self._open(path))

    async def list_unsaved(self) -> None:
        """Offer the experiments that were never saved into a file."""
        found = await asyncio.to_thread(recoveries_without_file)
        self._unsaved.clear()
        with self._unsaved:
            for recovery in found[:_MOST_UNSAVED]:
                self._offer(recovery)

    def _offer(self, recovery: Recovery) -> None:
        when = datetime.fromtimestamp(recovery.time).strftime("%d %B, %H:%M")
        with ui.element("div").classes("e-card e-row e-wrap").props("data-unsaved"):
            ui.label(f"An experiment of {when} was never saved into a file.").classes("e-grow")
            ui.button("Go on with it", on_click=lambda: self._recover(recovery)).props("outline data-action=recover")
            ui.button("Throw it away", on_click=lambda: self._forget(recovery)).props("flat data-action=forget")

    async def _recover(self, recovery: Recovery) -> None:
        if not await self._may_leave():
            return
        try:
            document = await asyncio.to_thread(recovery.document)
        except EisenError as error:
            self._fail(error)
            return
        self._workspace.open(document)
        ui.navigate.to("/")

    async def _forget(self, recovery: Recovery) -> None:
        recovery.discard()
        await self.list_unsaved()

    async def _open_dialog(self) -> None:
        from eisen_cli.builder.panels.chooser import choose_path

        path = await choose_path(self._workspace, folders=False, suffixes=[".json"])
        if path is not None:
            await self._open(path)

    async def _open(self, path: Path) -> None:
        if not await self._may_leave():
            return
        try:
            document = await asyncio.to_thread(Document.open, self._workspace.folders.resolve(path))
        except EisenError as error:
            self._fail(error)
            return
        self._workspace.open(document)
        ui.navigate.to("/")

    async def _empty(self) -> None:
        if await self._may_leave():
            adopt(self._workspace, {}, "an empty experiment")
            ui.navigate.to("/")

    async def _choose(self, *, folders: bool) -> None:
        from eisen_cli.builder.panels.chooser import choose_path

        path = await choose_path(self._workspace, folders=folders)
        if path is None:
            return
        self._look()
        try:
            start = await asyncio.to_thread(from_files, [path], self._workspace.folders)
        except EisenError as error:
            self._fail(error)
            return
        await self._show(start)

    async def _show(self, start: Start) -> None:
        self._message.clear()
        if start.path is not None:
            await self._open(start.path)
        else:
            self._open_wizard(start, TEMPLATES[start.template])

    def _open_wizard(self, start: Start, template: Template) -> None:
        self._wizard.clear()
        with self._wizard:
            Wizard(self._workspace, start, template, self._back, self._create)
        self._overview.set_visibility(False)
        self._wizard.set_visibility(True)

    def _back(self) -> None:
        self._wizard.set_visibility(False)
        self._overview.set_visibility(True)

    async def _create(self, start: Start) -> None:
        if not await self._may_leave():
            return
        adopt(self._workspace, start.draft().data, f"start: {start.title}", start.data_dir)
        ui.navigate.to("/")

    async def _may_leave(self) -> bool:
        document = self._workspace.document
        if document.is_saved:
            return True
        name = document.path.name if document.path else "The experiment on the canvas"
        more = f"{name} has changes that are not in a file."
        return await ask("Drop the changes that are not saved?", yes="Drop them", more=more)

    def _look(self) -> None:
        self._message.clear()
        with self._message, ui.element("div").classes("e-card e-row"):
            ui.spinner(size="22px")
            ui.label("Looking at the data ...").classes("e-quiet")

    def _fail(self, error: EisenError | None) -> None:
        self._message.clear()
        if error is not None:
            with self._message:
                error_card(error)
