"""The builder page: tabs, drawer, canvas, flow, and the foot, all following one document."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from nicegui import app, background_tasks, ui

from eisen._core.errors import EisenError
from eisen.config.places import Place
from eisen_cli.builder.canvas import dialogs
from eisen_cli.builder.canvas.desk import Desk
from eisen_cli.builder.canvas.drawer_view import DrawerView
from eisen_cli.builder.canvas.editing import Editor
from eisen_cli.builder.canvas.elements import KeysElement
from eisen_cli.builder.canvas.files_menu import FilesMenu
from eisen_cli.builder.canvas.keeping import Keeper
from eisen_cli.builder.canvas.lanes import lanes_of, tabs_of
from eisen_cli.builder.canvas.phase_tabs import PhaseTabs
from eisen_cli.builder.canvas.problems_view import ProblemsView
from eisen_cli.builder.canvas.stage import Stage
from eisen_cli.builder.canvas.toolbar import Toolbar
from eisen_cli.builder.flow.view import FlowView
from eisen_cli.builder.look.theme import frame
from eisen_cli.builder.look.widgets import ask
from eisen_cli.builder.workspace import Workspace

__all__ = ["BuilderPage", "register"]

_ROUTE = "/eisen-canvas"
_LOOK_AT_DISK = 3.0


def register(workspace: Workspace) -> None:
    """Register the page at ``/``.

    Args:
        workspace: What the server works on.
    """
    editor, keeper = Editor(workspace), Keeper(workspace)
    app.add_static_files(_ROUTE, Path(__file__).parent, max_cache_age=0)
    app.on_shutdown(keeper.close)

    @ui.page("/")
    def build() -> None:
        BuilderPage(workspace, editor, keeper)


class BuilderPage:
    """One open window of the builder.

    Args:
        workspace: What the server works on.
        editor: The commands.
        keeper: What keeps a copy of what is not saved.
    """

    def __init__(self, workspace: Workspace, editor: Editor, keeper: Keeper) -> None:
        self._workspace, self._keeper = workspace, keeper
        self._asked: int | None = None
        with frame(workspace, "Build", active="build") as outer:
            ui.add_head_html(f'<link rel="stylesheet" href="{_ROUTE}/canvas.css">')
            self.desk = Desk(workspace, editor, KeysElement())
            self._enter_first_phase()
            self._files = FilesMenu(self.desk)
            acts = self._acts()
            self._toolbar = Toolbar(self.desk, outer, acts)
            self._build()
        self.desk.keys.on_act(lambda name, _: acts[name]())
        self.desk.keys.on("paste", lambda event: self.desk.paste(*event.args))
        self.desk.on_lane.append(self._entered)
        self._follow()

    def _enter_first_phase(self) -> None:
        data = self._workspace.document.data
        there = [tab.name for tab in tabs_of(data) if tab.is_there and tab.name != "General"]
        kept = str(self._workspace.preferences.get("phase", there[0] if there else "Training"))
        self._set_phase(kept if kept in {tab.name for tab in tabs_of(data)} else "Training")

    def _set_phase(self, phase: str) -> None:
        self.desk.phase = self._workspace.preferences["phase"] = phase
        lanes = self.desk.lanes()
        if lanes:
            empty = [lane for lane in lanes[:3] if not self._workspace.document.value(lane.place)]
            self.desk.lane = (empty or lanes[2:] or lanes)[0].place

    def _build(self) -> None:
        with ui.element("main").classes("eisen-build") as self._main:
            self._tabs = PhaseTabs(self.desk, self.show_phase)
            self._drawer = DrawerView(self.desk)
            self._stage = Stage(self.desk, self._pick)
            with ui.element("aside").classes("eisen-side").props('aria-label="Flow of the fields" data-flow'):
                self._flow = FlowView(self._workspace, self.go, self.desk.phase)
            self._problems = ProblemsView(self.desk, self.go)

    def _follow(self) -> None:
        """Listen to the workspace until the window is closed."""
        ends = [
            self._workspace.on_change(lambda _: self.sync()),
            self._workspace.on_findings(lambda _: self._found()),
            self._workspace.on_document(lambda _: self._opened()),
            self._workspace.on_catalogue(lambda _: self._drawer.refresh(again=True)),
        ]
        ui.context.client.on_delete(lambda: [end() for end in ends])
        ui.timer(_LOOK_AT_DISK, self._look_at_disk)
        background_tasks.create(self._load(), context=self._main)

    async def _load(self) -> None:
        try:
            await self._workspace.ready()
            self._drawer.refresh()
            self._stage.show_roles()
            self._tell_repairs()
            await self._workspace.check_now()
        except EisenError as error:
            self.desk.fail(error)
        await dialogs.ask_recovery(self.desk, self._keeper)

    async def _look_at_disk(self) -> None:
        change = self._keeper.change_by_others()
        if change is not None and change != self._asked:
            self._asked = change
            await dialogs.ask_changed_by_others(self.desk, self._keeper)

    # following the document

    def sync(self) -> None:
        """Follow the document; only what is different is sent to the browser."""
        self._tabs.sync()
        self._stage.sync()
        self._drawer.refresh()
        self._toolbar.refresh()

    def _found(self) -> None:
        self._tabs.show_findings()
        self._stage.show_findings()
        self._problems.refresh()

    def _opened(self) -> None:
        if self.desk.asking is not None:
            self.desk.asking.close()  # about the document that was edited before
        self._enter_first_phase()
        self._stage.forget()
        self._flow.set_phase(self.desk.phase)
        self.sync()
        self._found()
        self._tell_repairs()

    def _tell_repairs(self) -> None:
        """Say what was understood differently from what the file says."""
        repairs = self._workspace.document.repairs
        if repairs:
            many = f" and {len(repairs) - 1} more; 'Compare with the file' shows them" if len(repairs) > 1 else ""
            self.desk.say(f"Repaired: {repairs[0]}{many}")

    def _entered(self) -> None:
        self._stage.show_current()
        self._drawer.enter()

    # going somewhere

    def show_phase(self, phase: str) -> None:
        """Show another phase."""
        if phase != self.desk.phase:
            self._set_phase(phase)
            self._tabs.show_current()
            self._stage.sync()
            self._entered()
            self._flow.set_phase(phase)

    def go(self, place: Place) -> None:
        """Open a place: its phase, its card, its field."""
        data = self._workspace.document.data
        if place and any(tab.name == place[0] for tab in tabs_of(data)):
            self.show_phase(str(place[0]))
            if any(lane.place == place[:2] and lane.kind == "modules" for lane in lanes_of(data, str(place[0]))):
                self.desk.enter(place[:2])
            self._stage.focus(place)

    def _pick(self) -> None:
        """Choose a module for the section that the user is in."""
        self._drawer.refresh()
        self._main.classes(add="eisen-pick")

    # what buttons and keys do

    def _acts(self) -> dict[str, Callable[..., Any]]:
        editor = self.desk.editor
        return {
            "undo": lambda: self.desk.do(editor.undo),
            "redo": lambda: self.desk.do(editor.redo),
            "save": self._files.save,
            "save-as": self._files.save_as,
            "open": self._files.open,
            "new": self._new,
            "diff": lambda: dialogs.show_diff(self.desk),
            "export": self._export,
            "download": self._download,
            "help": dialogs.show_keys,
            "search": self._pick,
            "drawer": lambda: self._main.classes(toggle="eisen-flip", remove="eisen-pick"),
            "flow": lambda: self._main.classes(toggle="eisen-flip-flow"),
            "run": self._run,
        }

    async def _new(self) -> None:
        if await self._files.may_leave():
            ui.navigate.to("/start")

    async def _export(self) -> None:
        from eisen_cli.builder.start.export_dialog import export_dialog

        await export_dialog(self._workspace)

    def _download(self) -> None:
        document = self._workspace.document
        name = document.path.name if document.path else "configuration.json"
        ui.download.content(document.text(), name, "application/json")

    async def _run(self) -> None:
        """Go to the page of the run; it trains what is in the file, so that is written first."""
        findings = [finding for finding in await self._workspace.check_now() if finding.kind == "error"]
        if findings:
            words = f"{len(findings)} problem{'s' * (len(findings) > 1)} would stop the run"
            if not await ask(words, yes="Go to the run page", no="Look at them", more=findings[0].what):
                self.go(findings[0].place)
                return
        if self._workspace.document.is_saved or await self._files.save():
            ui.navigate.to(f"/run?artifacts={quote(str(self._workspace.artifact_dir))}")
