"""The fields of the hyperparameters of a phase."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import background_tasks, ui

from eisen.config.places import Place
from eisen_cli.builder.document.hyperparameters import hyper_place, hyper_values
from eisen_cli.builder.look.widgets import icon_button
from eisen_cli.builder.panels.desk import Desk
from eisen_cli.builder.panels.field import FieldBox
from eisen_cli.builder.panels.folding import FoldedFields
from eisen_cli.builder.panels.styles import add_styles
from eisen_cli.builder.parts.fields import FieldSpec
from eisen_cli.builder.parts.hyper import WINDOW, hyper_fields, window_fields
from eisen_cli.builder.parts.values import UNSET, same
from eisen_cli.builder.workspace import Workspace

__all__ = ["HyperPanel"]

_NEW_WINDOW = {"window": [64, 64, 64]}


class _HyperDesk(Desk):
    """Finds hyperparameters by their name, wherever they stand in the list."""

    def at(self, inside: Place) -> Place:
        return (*self.place, "Hyperparameters", *inside)

    def value(self, inside: Place) -> Any:
        return self.workspace.document.hyper(str(self.place[0])).get(str(inside[0]), UNSET)

    def write(self, inside: Place, value: Any) -> None:
        if not same(self.value(inside), value):
            self.workspace.document.set_hyper(str(self.place[0]), str(inside[0]), None if value is UNSET else value)

    def findings(self, inside: Place, *, below: bool) -> list[Any]:
        phase, name = str(self.place[0]), str(inside[0])
        entries = self.workspace.document.entries(phase, "Hyperparameters")
        places = [
            (phase, "Hyperparameters", number) for number, each in enumerate(entries) if name in hyper_values([each])
        ]
        found = self.workspace.findings
        return [each for each in found if each.place[:3] in places and (below or each.place in places)]


class HyperPanel(ui.element):
    """Shows and edits ``.BatchSize``, ``.Seed`` ... of General or of a phase.

    Args:
        workspace: What the server works on.
        phase: ``"General"`` or the name of a phase.
    """

    def __init__(self, workspace: Workspace, phase: str) -> None:
        super().__init__("div")
        add_styles()
        self.classes("e-panel")
        self.workspace, self.phase = workspace, phase
        self._stops: list[Callable[[], None]] = []
        if workspace.catalogue is None:
            background_tasks.create(self._build_later(), context=self)
        else:
            self._build()

    def refresh(self) -> None:
        """Show what the document says now."""
        if not self._stops:
            return
        for name in self.workspace.document.hyper(self.phase):
            self._fields.open_for(name)
        for box in self._fields.boxes.values():
            box.refresh()
        self._windows.refresh()

    def focus(self, place: Place = ()) -> None:
        """Put the cursor into the field of a place, e.g. ``("General", "Hyperparameters", 0, "params", "value")``."""
        name = self._name_at(place)
        if name == WINDOW:
            self._windows.focus(place)
            return
        self._fields.open_for(name)
        box = self._fields.boxes.get(name) or next(iter(self._fields.boxes.values()))
        box.focus()

    def _name_at(self, place: Place) -> str:
        if len(place) > 2 and isinstance(place[2], str):
            return place[2]
        kind = self.workspace.document.value((*place[:3], "type"), "")
        name = kind.removeprefix(".") if isinstance(kind, str) else ""
        return "NumWorkers" if name == "NumWorker" else name

    def _handle_delete(self) -> None:
        for stop in self._stops:
            stop()
        super()._handle_delete()

    async def _build_later(self) -> None:
        await self.workspace.ready()
        if not self.is_deleted:
            self._build()

    def _build(self) -> None:
        assert self.workspace.catalogue is not None
        desk = _HyperDesk(self.workspace, self.workspace.catalogue, (self.phase,))
        present = self.workspace.document.hyper(self.phase)
        shown = [spec for spec in hyper_fields() if not spec.advanced or spec.name in present]
        rare = [spec for spec in hyper_fields() if spec not in shown]
        with self:
            self._fields = FoldedFields(shown, rare, lambda spec: FieldBox(desk, spec, (spec.name,), self.phase))
            self._windows = _Windows(self.workspace, self.phase)
        self._stops = [
            self.workspace.on_change(lambda _: self.refresh()),
            self.workspace.on_findings(lambda _: self._show_findings()),
        ]

    def _show_findings(self) -> None:
        for box in self._fields.boxes.values():
            box.show_findings()
        self._windows.refresh()


class _Windows(ui.element):
    """The hyperparameter ``.SlidingWindow``, which has a field for each of its parameters."""

    def __init__(self, workspace: Workspace, phase: str) -> None:
        super().__init__("div")
        self.classes("e-held")
        self.workspace, self.phase = workspace, phase
        self._place: Place | None = None
        self._fields: FoldedFields | None = None
        self._build()

    def refresh(self) -> None:
        """Show what the document says now."""
        if self._found() != self._place:
            self.clear()
            self._build()
        for box in self._fields.boxes.values() if self._fields else ():
            box.refresh()

    def focus(self, place: Place) -> None:
        """Put the cursor into the field of a place."""
        if self._fields is None:
            return
        name = str(place[4]) if len(place) > 4 else "window"
        self._fields.open_for(name)
        if name in self._fields.boxes:
            self._fields.boxes[name].focus()

    def _found(self) -> Place | None:
        return hyper_place(self.workspace.document.data, self.phase, WINDOW)

    def _build(self) -> None:
        self._place, self._fields = self._found(), None
        with self:
            if self._place is None:
                ui.button("Look at images through sliding windows", icon="add", on_click=self._add).props(
                    "flat dense no-caps data-action=add-windows"
                )
                return
            with ui.element("div").classes("e-held-head"):
                ui.label(WINDOW).classes("e-held-title")
                ui.element("div").classes("e-grow")
                icon_button("close", "Take the sliding windows out", self._remove, "remove-windows").props("size=sm")
            self._fields = self._made(self._place)

    def _made(self, place: Place) -> FoldedFields:
        assert self.workspace.catalogue is not None
        desk = Desk(self.workspace, self.workspace.catalogue, place)
        value = desk.value(("params",))
        inner: Place = ("params", "value") if isinstance(value, dict) and set(value) == {"value"} else ("params",)
        params = desk.value(inner)
        present = params if isinstance(params, dict) else {}
        known = window_fields()
        strangers = [FieldSpec(name, "json", "a value") for name in present if name not in {s.name for s in known}]
        shown = [spec for spec in known if not spec.advanced or spec.name in present]
        rare = [spec for spec in known if spec not in shown]
        names = {spec.name for spec in strangers}
        return FoldedFields(
            [*shown, *strangers],
            rare,
            lambda spec: FieldBox(desk, spec, (*inner, spec.name), WINDOW, is_unknown=spec.name in names),
        )

    def _add(self) -> None:
        self.workspace.document.set_hyper(self.phase, WINDOW, _NEW_WINDOW)
        self.refresh()

    def _remove(self) -> None:
        self.workspace.document.set_hyper(self.phase, WINDOW, None)
        self.refresh()
