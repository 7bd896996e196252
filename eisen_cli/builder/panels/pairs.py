"""The control for objects: one row per name and value."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nicegui import ui

from eisen_cli.builder.panels.controls import Control
from eisen_cli.builder.parts.fields import FieldSpec
from eisen_cli.builder.parts.values import UNSET, Misread, as_text, read_text, same, suits

__all__ = ["PairsControl"]


class PairsControl(Control):
    """Names and values, one row each; an empty row at the end takes a new one."""

    is_wide = True

    def __init__(
        self, spec: FieldSpec, value: Any, change: Callable[[Any], None], reject: Callable[[str], None]
    ) -> None:
        super().__init__(spec, change, reject)
        self._rows: list[tuple[ui.input, ui.input]] = []
        self._value = value
        self._label = self._place = ""
        with ui.element("div").classes("e-pairs").props("role=group") as self.element:
            self._fill()

    def name(self, label: str, place: str) -> None:
        """Say what each row is for."""
        super().name(label, place)
        self._label, self._place = label, place
        self._name_rows()

    def show(self, value: Any) -> None:
        """Show a value that came from outside."""
        if same(value, self._value):
            return
        self._value = value
        self._fill()
        self._reject("")

    def focus(self) -> None:
        """Put the cursor into the first value, or into the name of a new row."""
        (self._rows[0] if len(self._rows) > 1 else self._rows[-1])[1 if len(self._rows) > 1 else 0].run_method("focus")

    def _fill(self) -> None:
        self.element.clear()
        self._rows = []
        with self.element:
            for key, value in (self._value if isinstance(self._value, dict) else {}).items():
                self._row(key, as_text(self._item(value), value))
            self._row("", "")
        self._name_rows()

    def _row(self, key: str, text: str) -> None:
        with ui.element("div").classes("e-pair"):
            props = "outlined dense hide-bottom-space debounce=250 autocomplete=off spellcheck=false"
            name = ui.input(value=key, placeholder="name", on_change=self._changed).props(props).classes("e-input")
            value = ui.input(value=text, placeholder="value", on_change=self._changed).props(props).classes("e-input")
            row = (name, value)
            remove = ui.button(icon="close", on_click=lambda: self._remove(row)).props("flat round dense size=sm")
            remove.classes("e-pair-remove").props["aria-label"] = f"Remove the row {key}"
        self._rows.append(row)

    def _name_rows(self) -> None:
        for number, (name, value) in enumerate(self._rows, start=1):
            for element, word in ((name, "name"), (value, "value")):
                element.props["aria-label"] = f"{self._label}, {word} {number}"
                element.props["data-place"] = f"{self._place}#{word}{number}"

    def _remove(self, row: tuple[ui.input, ui.input]) -> None:
        for element in row:
            element.value = ""
        self._changed()
        self._fill()

    def _changed(self, *_: Any) -> None:
        try:
            value = self._read()
        except Misread as misread:
            self._reject(str(misread))
            return
        self._reject("")
        self._value = value
        self._change(value)
        if any(each.value for each in self._rows[-1]):
            with self.element:
                self._row("", "")
            self._name_rows()

    def _read(self) -> Any:
        found: dict[str, Any] = {}
        for name, value in self._rows:
            key, text = (name.value or "").strip(), value.value or ""
            if not key:
                if text.strip():
                    raise Misread("a name for each value")
                continue
            if key in found:
                raise Misread(f"each name once; '{key}' is there twice")
            read = read_text(self._typed(text), text)
            found[key] = "" if read is UNSET else read
        if not found:
            return {} if isinstance(self._value, dict) and self.spec.required else UNSET
        expected = self.spec.problem(found)
        if expected:
            raise Misread(expected)
        return found

    def _item(self, value: Any) -> FieldSpec:
        """Return how one value is shown: as its type says, or as JSON."""
        item = self._typed("")
        return item if suits(item, value) else replace(item, kind="json")

    def _typed(self, text: str) -> FieldSpec:
        kind = self.spec.item if self.spec.item in ("text", "integer", "number") else "json"
        is_json = kind == "text" and text.strip()[:1] in ("[", "{")
        return FieldSpec("", "json" if is_json else kind, self.spec.words)
