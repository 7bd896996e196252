"""The fields of one module, whether it stands in a section or inside of another module."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from eisen.config.places import Place
from eisen_cli.builder.look.widgets import error_card
from eisen_cli.builder.panels.desk import Desk
from eisen_cli.builder.panels.field import FieldBox
from eisen_cli.builder.parts.fields import FieldSpec
from eisen_cli.builder.parts.part import Part
from eisen_cli.builder.parts.values import UNSET, same

__all__ = ["EntryFields"]


class EntryFields(ui.element):
    """All parameters of a module: the usual ones, those of the file that nobody knows, and the rare ones in a fold.

    Args:
        desk: Reads and edits the document.
        inside: Place of the entry, seen from that of the panel; () is the panel's own.
        role: The section or role of the module.
        inside_of_entry: Whether it stands inside of an entry of its role.
    """

    def __init__(self, desk: Desk, inside: Place, role: str, *, inside_of_entry: bool = False) -> None:
        super().__init__("div")
        self.classes("e-entry")
        self.desk, self.inside, self.role, self._is_inner = desk, inside, role, inside_of_entry
        self._boxes: dict[str, FieldBox] = {}
        self._is_unfolded = False
        self._folded: list[FieldSpec] = []
        self._build()

    @property
    def title(self) -> str:
        """Name of the module."""
        return self.part.name

    def refresh(self) -> None:
        """Show what the document says now; the fields are made again only where other ones are needed."""
        if self._signature() != self._made_for:
            self._rebuild()
            return
        for box in self._boxes.values():
            box.refresh()
        self._show_own()

    def relabel(self) -> None:
        """Follow the module to another place."""
        self.refresh()

    def show_findings(self) -> None:
        """Show what is wrong with the module and each of its parameters; what is wrong in the fold opens it."""
        hidden = [spec.name for spec in self._folded if self.desk.findings(self._place_of(spec.name), below=True)]
        if hidden and not self._is_unfolded:
            self._unfold()
        for box in self._boxes.values():
            box.show_findings()
        self._show_own()

    def focus(self, place: Place) -> None:
        """Put the cursor into the field of a place inside of the module; without one into the first field."""
        depth = len(self.desk.at(self.inside))
        name = str(place[depth + 1]) if len(place) > depth + 1 and place[depth] == "params" else ""
        if any(spec.name == name for spec in self._folded):
            self._unfold()
        box = self._boxes.get(name) or next(iter(self._boxes.values()), None)
        if box is not None:
            box.focus(place if name and len(place) > depth + 2 else ())

    def _place_of(self, name: str) -> Place:
        return (*self.inside, "params", name)

    def _params(self) -> dict[str, Any]:
        params = self.desk.value((*self.inside, "params"))
        return params if isinstance(params, dict) else {}

    def _signature(self) -> tuple[Any, ...]:
        """Return what decides which fields there are: the class, and what the file says beyond its parameters."""
        path = self.desk.value((*self.inside, "type"))
        known = {spec.name for spec in self.part.fields} if hasattr(self, "part") else set()
        params = self.desk.value((*self.inside, "params"))
        is_object = params is UNSET or isinstance(params, dict)
        return (path, is_object, tuple(name for name in self._params() if name not in known))

    def _build(self) -> None:
        path = self.desk.value((*self.inside, "type"))
        self.part: Part = self.desk.catalogue.part(
            self.role, path if isinstance(path, str) else "", inside=self._is_inner
        )
        self._made_for = self._signature()
        params = self._params()
        fields = [spec for spec in self.part.fields if not spec.advanced or spec.name in params]
        self._folded = [spec for spec in self.part.fields if spec not in fields]
        with self:
            self._own = ui.element("div").classes("e-own-errors")
            with ui.element("div").classes("e-fields") as self._grid:
                for spec in fields:
                    self._add(spec)
                self._add_strangers()
            if not self.part.fields and not self._boxes:
                ui.label("It has no parameters.").classes("e-quiet e-s")
            self._bottom()
        self._show_own()
        if self._is_unfolded:
            self._is_unfolded = False
            self._unfold()

    def _rebuild(self) -> None:
        self.clear()
        self._boxes = {}
        self._build()

    def _add(self, spec: FieldSpec, *, is_unknown: bool = False) -> None:
        is_data = any(filled.name == "data_dir" for filled in self.part.filled)
        self._boxes[spec.name] = FieldBox(
            self.desk, spec, self._place_of(spec.name), self.part.name, is_unknown=is_unknown, is_data=is_data
        )

    def _add_strangers(self) -> None:
        """Show what the file says beyond the known parameters; nothing of it is dropped."""
        params = self.desk.value((*self.inside, "params"))
        if params is not UNSET and not isinstance(params, dict):
            spec = FieldSpec("params", "json", "an object", required=True)
            self._boxes["params"] = FieldBox(self.desk, spec, (*self.inside, "params"), self.part.name)
            return
        for name in self._params():
            if name in self._boxes or any(spec.name == name for spec in self._folded):
                continue
            known = self.part.field(name)
            is_unknown = known is None and not self.part.open
            self._add(known or FieldSpec(name, "json", "a value"), is_unknown=is_unknown)

    def _bottom(self) -> None:
        with ui.element("div").classes("e-entry-foot"):
            if self._folded:
                self._fold = ui.button(on_click=self._turn).props("flat dense no-caps size=sm data-action=more")
                self._show_fold()
            if self.part.open:
                ui.button("Add a parameter", icon="add", on_click=self._ask_name).props(
                    "flat dense no-caps size=sm data-action=add-parameter"
                )
        self._rare = ui.element("div").classes("e-fields e-rare")
        self._rare.visible = False

    def _show_fold(self) -> None:
        word, icon = ("Less", "expand_less") if self._is_unfolded else (f"{len(self._folded)} more", "expand_more")
        self._fold.text = word
        self._fold.props(f"icon={icon} aria-expanded={'true' if self._is_unfolded else 'false'}")

    def _turn(self) -> None:
        if self._is_unfolded:
            self._is_unfolded = self._rare.visible = False
            self._show_fold()
        else:
            self._unfold()

    def _unfold(self) -> None:
        """Show the rare parameters; they are made when they are first looked at."""
        if not self._folded:
            return
        self._is_unfolded = self._rare.visible = True
        with self._rare:
            for spec in self._folded:
                if spec.name not in self._boxes:
                    self._add(spec)
        self._show_fold()

    def _show_own(self) -> None:
        """Show what is wrong with the module as a whole."""
        places: tuple[Place, ...] = (self.inside, (*self.inside, "type"), (*self.inside, "params"))
        found = [each for place in places for each in self.desk.findings(place, below=False)]
        shown = [(each.what, each.expected) for each in found]
        if not self.part.is_known and not shown:
            shown = [self.part.why]
        if shown == getattr(self, "_own_shown", None):
            return
        self._own_shown = shown
        self._own.clear()
        with self._own:
            for what, expected in dict.fromkeys(shown):
                error_card(what, expected)

    async def _ask_name(self) -> None:
        with ui.dialog() as dialog, ui.card().classes("e-col").style("min-width: 320px"):
            ui.label("Add a parameter").classes("e-title e-title-m")
            ui.label(f"{self.part.name} passes further keywords on.").classes("e-quiet e-s")
            name = ui.input("Name").props("outlined dense autofocus data-action=parameter-name")
            name.on("keydown.enter", lambda: dialog.submit(name.value))
            with ui.row().classes("e-row").style("justify-content: flex-end"):
                ui.button("Cancel", on_click=lambda: dialog.submit(None)).props("flat no-caps")
                ui.button("Add", on_click=lambda: dialog.submit(name.value)).props("unelevated no-caps")
        word = str(await dialog or "").strip()
        if not dialog.is_deleted:  # the page may have been closed meanwhile
            dialog.delete()
        if word and same(self.desk.value(self._place_of(word)), UNSET):
            self.desk.write(self._place_of(word), None)
            self.refresh()
