"""A part of the configuration that is a plain object, with one line per value."""

from __future__ import annotations

from typing import Any

from nicegui import ui

from eisen._core.errors import EisenError
from eisen.config.places import Place, text_of
from eisen_cli.builder.canvas.desk import Desk
from eisen_cli.builder.canvas.values import Value, parsed, shown, values_of

__all__ = ["ValuesView"]


class ValuesView:
    """An object with its values; they are written as JSON, or as plain text.

    Args:
        desk: What the parts of the page share.
        place: Where the object stands.
        title: Its heading.
        words: A sentence below.
    """

    def __init__(self, desk: Desk, place: Place, title: str, words: str = "") -> None:
        self._desk, self.place = desk, place
        self._values: list[Value] = []
        self._fields: dict[str, Any] = {}
        self._notes: dict[str, ui.label] = {}
        self.element = ui.element("section").classes("eisen-lane").props(f'data-section="{text_of(place)}"')
        with self.element:
            with ui.element("header").classes("eisen-lane-head"):
                ui.label(title).classes("e-title e-title-m")
                ui.label(words).classes("eisen-note")
            self._body = ui.element("div").classes("e-col eisen-values")
            self._whole = ui.label().classes("e-bad e-s")
            self._add_row()
        self.sync()

    def sync(self) -> None:
        """Follow the document."""
        values = values_of(self._desk.workspace.document.data, self.place)
        if values != self._values or not self._fields:
            self._build(values)
        for name, field in self._fields.items():
            text = self._text(name)
            if parsed(field.value or "") != parsed(text):
                field.value = text
        self.show_findings()

    def _build(self, values: list[Value]) -> None:
        self._values, self._fields, self._notes = values, {}, {}
        self._body.clear()
        with self._body:
            for value in values:
                self._row(value)

    def _row(self, value: Value) -> None:
        label = f"{value.name}{' *' if value.required else ''}"
        with ui.element("div"):
            if value.choices:
                field: Any = ui.select(
                    list(value.choices), label=label, clearable=True, value=self._text(value.name) or None
                )
            else:
                field = ui.input(label, placeholder=value.default, value=self._text(value.name)).props(
                    "clearable debounce=300"
                )
            field.props(f'outlined dense stack-label data-field="{value.name}"').style("width:100%")
            field.on_value_change(lambda event: self._set(value.name, event.value))
            self._fields[value.name] = field
            if value.help:
                ui.label(value.help).classes("e-quiet e-s")
            self._notes[value.name] = ui.label().classes("e-bad e-s")

    def _add_row(self) -> None:
        def add() -> None:
            if name.value and name.value not in self._fields:
                self._put(str(name.value), "")
                name.value = ""

        with ui.element("div").classes("e-row").style("margin-top:8px"):
            name = ui.input(placeholder="Name of a further value").props(
                'outlined dense aria-label="Name of a further value"'
            )
            name.on("keydown.enter", add).classes("e-grow")
            ui.button("Add", on_click=add).props("flat")

    def _text(self, name: str) -> str:
        part = self._desk.workspace.document.value(self.place, {})
        return shown(part.get(name)) if isinstance(part, dict) else ""

    def _set(self, name: str, text: Any) -> None:
        if parsed(str(text or "")) == parsed(self._text(name)):
            return
        if text in (None, ""):
            self._desk.workspace.document.unset((*self.place, name))
        else:
            self._put(name, parsed(str(text)))

    def _put(self, name: str, value: Any) -> None:
        try:
            self._desk.workspace.document.set((*self.place, name), value)
        except EisenError as error:
            self._desk.fail(error)

    def show_findings(self) -> None:
        """Show the problems under their values."""
        texts: dict[str, list[str]] = {}
        for finding in self._desk.workspace.findings:
            if self.holds(finding.place):
                name = str(finding.place[len(self.place)]) if len(finding.place) > len(self.place) else ""
                words = f"{finding.what}{f' – {finding.expected}' if finding.expected else ''}"
                texts.setdefault(name if name in self._notes else "", []).append(words)
        for name, note in self._notes.items():
            note.set_text("; ".join(texts.get(name, [])))
        self._whole.set_text("; ".join(texts.get("", [])))

    def holds(self, place: Place) -> bool:
        """Tell whether a place is in here."""
        return place[: len(self.place)] == self.place

    def focus(self, place: Place) -> None:
        """Put the cursor into the field of a place."""
        name = str(place[len(self.place)]) if len(place) > len(self.place) else ""
        field = self._fields.get(name) or next(iter(self._fields.values()), None)
        if field is not None:
            field.run_method("focus")
