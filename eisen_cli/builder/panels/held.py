"""The controls for modules that stand inside of a module: one of them, or a list."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from eisen.config.places import Place
from eisen.config.sections import SINGULAR
from eisen_cli.builder.look.widgets import icon_button
from eisen_cli.builder.panels.controls import Control
from eisen_cli.builder.panels.desk import Desk
from eisen_cli.builder.panels.picker import pick_part
from eisen_cli.builder.parts.fields import FieldSpec
from eisen_cli.builder.parts.part import Part
from eisen_cli.builder.parts.values import UNSET

__all__ = ["EntriesControl", "EntryControl"]


class _Held(Control):
    is_wide = True

    def __init__(
        self,
        desk: Desk,
        spec: FieldSpec,
        inside: Place,
        change: Callable[[Any], None],
        reject: Callable[[str], None],
    ) -> None:
        super().__init__(spec, change, reject)
        self.desk, self.inside = desk, inside
        self._boxes: list[Any] = []
        self.element = ui.element("div").classes("e-held").props("role=group tabindex=-1")
        self._fill()

    @property
    def _what(self) -> str:
        return SINGULAR.get(self.spec.role, "module")

    def name(self, label: str, place: str) -> None:
        """Say what the group is, and let what is inside follow it to another place."""
        super().name(label, place)
        for box in self._boxes:
            box.relabel()

    def mark_wrong(self, is_wrong: bool, described_by: str) -> None:
        """Say whether the module as a whole is wrong, and where it is told why."""
        self.element.props["aria-invalid"] = "true" if is_wrong else "false"
        self.element.props["aria-describedby"] = described_by

    def show_findings(self) -> None:
        """Let every module inside show what is wrong with it."""
        for box in self._boxes:
            box.show_findings()

    def focus(self) -> None:
        """Put the focus onto the group."""
        self.element.client.run_javascript(f"getHtmlElement({self.element.id})?.focus()")

    def _fill(self) -> None:
        raise NotImplementedError

    def _fill_again(self) -> None:
        """Fill after a dialog, during which the field may have been made again."""
        if not self.element.is_deleted:
            self._fill()

    async def _pick(self) -> Part | None:
        holder = self.desk.workspace.document.value(self.desk.at((*self.inside[:-2], "type")), "")
        return await pick_part(self.desk.catalogue, self.spec.role, str(holder))

    def _entry_of(self, part: Part) -> dict[str, Any]:
        """Return the new entry: of the module itself where it was made for this place, else with what it needs."""
        holder = self.desk.workspace.document.value(self.desk.at((*self.inside[:-2], "type")), "")
        own = self.desk.catalogue.part(part.section, part.path, inside=True)
        fits = not part.holder or part.holder == holder
        return (own if fits else part).new_entry(list(self.desk.names()))

    def _box(self, inside: Place) -> Any:
        from eisen_cli.builder.panels.entry import EntryFields  # a module holds fields, and a field a module

        return EntryFields(self.desk, inside, self.spec.role, inside_of_entry=True)


class EntryControl(_Held):
    """One module inside of a module."""

    def show(self, value: Any) -> None:
        """Show what the document says now; what is inside is made again only when there is more or less of it."""
        if bool(self._boxes) != isinstance(value, dict):
            self._fill()
        for box in self._boxes:
            box.refresh()
            self._title.text = box.title

    def focus_inside(self, place: Place) -> None:
        """Put the cursor into a field of the module."""
        for box in self._boxes:
            box.focus(place)

    def _fill(self) -> None:
        self.element.clear()
        self._boxes = []
        is_there = isinstance(self.desk.value(self.inside), dict)
        with self.element:
            if not is_there:
                ui.button(f"Choose a {self._what}", icon="add", on_click=self._choose).props(
                    "flat dense no-caps data-action=choose-part"
                )
                return
            with ui.element("div").classes("e-held-head"):
                self._title = ui.label().classes("e-held-title")
                ui.element("div").classes("e-grow")
                icon_button("swap_horiz", f"Another {self._what}", self._choose, "swap-part").props("size=sm")
                icon_button("close", f"Take the {self._what} out", self._remove, "remove-part").props("size=sm")
            self._boxes.append(self._box(self.inside))
            self._title.text = self._boxes[0].title

    async def _choose(self) -> None:
        part = await self._pick()
        if part is not None:
            self.desk.write(self.inside, self._entry_of(part))
            self._fill_again()

    def _remove(self) -> None:
        self._change(UNSET)
        self._fill()


class EntriesControl(_Held):
    """A list of modules inside of a module."""

    def show(self, value: Any) -> None:
        """Show what the document says now; what is inside is made again only when there is more or less of it."""
        count = len(value) if isinstance(value, list) else 0
        if count != len(self._boxes):
            self._fill()
        for box, title in zip(self._boxes, self._titles, strict=True):
            box.refresh()
            title.text = box.title

    def focus_inside(self, place: Place) -> None:
        """Put the cursor into a field of one of the modules."""
        number = place[len(self.desk.at(self.inside))] if len(place) > len(self.desk.at(self.inside)) else None
        if isinstance(number, int) and number < len(self._boxes):
            self._boxes[number].focus(place)
        else:
            self.focus()

    def _fill(self) -> None:
        self.element.clear()
        self._boxes = []
        self._titles: list[ui.label] = []
        value = self.desk.value(self.inside)
        with self.element:
            for number in range(len(value) if isinstance(value, list) else 0):
                with ui.element("div").classes("e-held-item"):
                    self._head(number)
                    self._boxes.append(self._box((*self.inside, number)))
                    self._titles[-1].text = self._boxes[-1].title
            ui.button(f"Add a {self._what}", icon="add", on_click=self._add).props(
                "flat dense no-caps data-action=add-part"
            )

    def _head(self, number: int) -> None:
        with ui.element("div").classes("e-held-head"):
            ui.label(f"{number + 1}").classes("e-quiet e-number")
            self._titles.append(ui.label().classes("e-held-title"))
            ui.element("div").classes("e-grow")
            icon_button("arrow_upward", "Move up", lambda: self._move(number, -1), "up").props("size=sm")
            icon_button("arrow_downward", "Move down", lambda: self._move(number, 1), "down").props("size=sm")
            icon_button("content_copy", "Duplicate", lambda: self._duplicate(number), "duplicate").props("size=sm")
            icon_button("close", f"Take the {self._what} out", lambda: self._remove(number), "remove").props("size=sm")

    async def _add(self) -> None:
        part = await self._pick()
        if part is not None:
            self.desk.do(self.desk.workspace.document.add, self.desk.at(self.inside), self._entry_of(part))
            self._fill_again()

    def _move(self, number: int, by: int) -> None:
        place, last = self.desk.at(self.inside), len(self._boxes) - 1
        if 0 <= number + by <= last:
            self.desk.do(self.desk.workspace.document.move, (*place, number), place, number + by)
            self._fill()

    def _duplicate(self, number: int) -> None:
        self.desk.do(self.desk.workspace.document.duplicate, self.desk.at((*self.inside, number)))
        self._fill()

    def _remove(self, number: int) -> None:
        self.desk.do(self.desk.workspace.document.remove, self.desk.at((*self.inside, number)))
        self._fill()
