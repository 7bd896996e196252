"""The fields of the parts that are no lists of modules: Split, Evaluation, and others as JSON."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import background_tasks, ui

from eisen.config.places import Place
from eisen_cli.builder.panels.desk import Desk
from eisen_cli.builder.panels.field import FieldBox
from eisen_cli.builder.panels.styles import add_styles
from eisen_cli.builder.parts.fields import FieldSpec
from eisen_cli.builder.parts.settings import settings_fields
from eisen_cli.builder.workspace import Workspace

__all__ = ["SettingsPanel"]


class SettingsPanel(ui.element):
    """Shows and edits a part of the file that has no modules.

    Args:
        workspace: What the server works on.
        part: Its name, e.g. ``"Evaluation"``.
        place: Where it stands, if that is not the top of the file, e.g. ``("Training", "Options")``.
    """

    def __init__(self, workspace: Workspace, part: str, place: Place = ()) -> None:
        super().__init__("div")
        add_styles()
        self.classes("e-panel")
        self.workspace, self.part, self.place = workspace, part, place or (part,)
        self._boxes: dict[str, FieldBox] = {}
        self._stops: list[Callable[[], None]] = []
        if workspace.catalogue is None:
            background_tasks.create(self._build_later(), context=self)
        else:
            self._start()

    def refresh(self) -> None:
        """Show what the document says now."""
        if [spec.name for spec in self._specs()] != list(self._boxes):
            self.clear()
            self._build()
        for box in self._boxes.values():
            box.refresh()

    def focus(self, place: Place = ()) -> None:
        """Put the cursor into the field of a place."""
        name = str(place[len(self.place)]) if len(place) > len(self.place) else ""
        box = self._boxes.get(name) or next(iter(self._boxes.values()), None)
        if box is not None:
            box.focus()

    def _handle_delete(self) -> None:
        for stop in self._stops:
            stop()
        super()._handle_delete()

    async def _build_later(self) -> None:
        await self.workspace.ready()
        if not self.is_deleted:
            self._start()

    def _start(self) -> None:
        self._build()
        self._stops = [
            self.workspace.on_change(lambda _: self.refresh()),
            self.workspace.on_findings(lambda _: self._show_findings()),
        ]

    def _specs(self) -> list[FieldSpec]:
        """Return the fields: those of the schema, what the file says beyond them, or one for the whole as JSON."""
        value = self.workspace.document.value(self.place)
        known = settings_fields(self.part)
        if not known or not (value is None or isinstance(value, dict)):
            return [FieldSpec(self.part, "json", "an object", doc=_OTHERS.get(self.part, ""))]
        names = {spec.name for spec in known}
        strangers = [FieldSpec(name, "json", "a value") for name in value or {} if name not in names]
        return [*known, *strangers]

    def _build(self) -> None:
        assert self.workspace.catalogue is not None
        desk = Desk(self.workspace, self.workspace.catalogue, self.place)
        known = {spec.name for spec in settings_fields(self.part)}
        self._boxes = {}
        with self, ui.element("div").classes("e-fields"):
            for spec in self._specs():
                is_whole = spec.name == self.part
                inside: Place = () if is_whole else (spec.name,)
                is_unknown = bool(known) and not is_whole and spec.name not in known
                self._boxes[spec.name] = FieldBox(desk, spec, inside, self.part, is_unknown=is_unknown)

    def _show_findings(self) -> None:
        for box in self._boxes.values():
            box.show_findings()


_OTHERS = {
    "Serving": "What the original Eisen read for serving; it is kept as it is.",
    "Packaging": "What eisen pack is told.",
    "Options": "Settings of the phase.",
}
