"""The panel of one module: what it is, and a typed field for each of its parameters."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import background_tasks, ui

from eisen.config.places import Place
from eisen_cli.builder.document.fitting import role_at
from eisen_cli.builder.panels.desk import Desk
from eisen_cli.builder.panels.entry import EntryFields
from eisen_cli.builder.panels.styles import add_styles
from eisen_cli.builder.parts.fields import spoken
from eisen_cli.builder.workspace import Workspace

__all__ = ["ModulePanel"]

_OPEN = "(event) => event.target.classList.toggle('e-open')"


class ModulePanel(ui.element):
    """Shows and edits the module at a place of the document.

    Whoever shows it calls `refresh` after changes of the document, and `show_at` when the module has moved; what is
    wrong with the module is shown by itself after each check.

    Args:
        workspace: What the server works on.
        place: Where the module stands, e.g. ``("Training", "Transforms", 0)``.
    """

    def __init__(self, workspace: Workspace, place: Place) -> None:
        super().__init__("div")
        add_styles()
        self.classes("e-panel")
        self.workspace, self.place = workspace, place
        self._fields: EntryFields | None = None
        self._wanted: Place | None = None
        self._stop: Callable[[], None] = workspace.on_findings(lambda _: self._show_findings())
        if workspace.catalogue is not None:
            self._build()
        else:
            with self:
                ui.skeleton().props("height=64px")
            background_tasks.create(self._build_later(), context=self)

    def refresh(self) -> None:
        """Show what the document says now."""
        if self._fields is not None and isinstance(self.workspace.document.value(self.place), dict):
            self._fields.refresh()
            self._tell()

    def show_at(self, place: Place) -> None:
        """Follow the module to another place."""
        self.place = place
        if self._fields is not None:
            self._fields.desk.place = place
            self.refresh()

    def focus(self, place: Place = ()) -> None:
        """Put the cursor into the field of a place; folds that it is in are opened."""
        if self._fields is None:
            self._wanted = place
        else:
            self._fields.focus(place)

    def _handle_delete(self) -> None:
        self._stop()
        super()._handle_delete()

    async def _build_later(self) -> None:
        await self.workspace.ready()
        if self.is_deleted:
            return
        self.clear()
        self._build()
        if self._wanted is not None:
            self.focus(self._wanted)

    def _build(self) -> None:
        assert self.workspace.catalogue is not None
        desk = Desk(self.workspace, self.workspace.catalogue, self.place)
        role = role_at(self.workspace.document.data, self.place[:-1]) or str(self.place[1])
        with self:
            with ui.element("div").classes("e-panel-about"):
                self._about = ui.label().classes("e-help e-s").on("click", js_handler=_OPEN)
                self._path = ui.label().classes("e-mono e-xs e-quiet")
            self._fields = EntryFields(desk, (), role)
        self._tell()

    def _tell(self) -> None:
        """Say what the module is."""
        if self._fields is not None:
            self._about.text = spoken(self._fields.part.about)
            self._about.visible = bool(self._about.text)
            self._path.text = str(self.workspace.document.value((*self.place, "type"), ""))

    def _show_findings(self) -> None:
        if self._fields is not None:
            self._fields.show_findings()
