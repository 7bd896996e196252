"""The controls for single values: text of all kinds, switches, drop-downs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nicegui import ui

from eisen_cli.builder.parts.fields import FieldSpec, plain_value
from eisen_cli.builder.parts.values import UNSET, Misread, as_text, loosely_read, read_text, same

__all__ = ["ChoiceControl", "Control", "SwitchControl", "TextControl"]

_WAIT_MS = 250


class Control:
    """Shows the value of one field.

    Args:
        spec: The field.
        change: Is called with a new value.
        reject: Is called with what was expected when what was typed is no value, and with "" when it is one again.
    """

    element: ui.element
    is_wide = False

    def __init__(self, spec: FieldSpec, change: Callable[[Any], None], reject: Callable[[str], None]) -> None:
        self.spec, self._change, self._reject = spec, change, reject

    def show(self, value: Any) -> None:
        """Show a value that came from outside."""
        raise NotImplementedError

    def name(self, label: str, place: str) -> None:
        """Say what the control is for, to those who do not see it and to tests."""
        self.element.props["aria-label"] = label
        self.element.props["data-place"] = place
        if self.spec.required:
            self.element.props["aria-required"] = "true"

    def mark_wrong(self, is_wrong: bool, described_by: str) -> None:
        """Say whether what is shown is wrong, and where it is told why."""
        self.element.props["aria-invalid"] = "true" if is_wrong else "false"
        self.element.props["error"] = is_wrong
        if is_wrong:
            self.element.props["aria-describedby"] = described_by
        else:
            self.element.props.pop("aria-describedby", None)

    def focus(self) -> None:
        """Put the cursor into it."""
        self.element.run_method("focus")


class TextControl(Control):
    """Everything that is typed as text: numbers, lists, names, JSON."""

    def __init__(
        self, spec: FieldSpec, value: Any, change: Callable[[Any], None], reject: Callable[[str], None]
    ) -> None:
        super().__init__(spec, change, reject)
        text = as_text(spec, value)
        make = ui.textarea if spec.kind in ("nested", "json") else ui.input
        hint = spec.shown_default or (spec.words if spec.kind != "text" else "")
        self.element: Any = make(value=text, placeholder=hint, on_change=lambda event: self._typed(event.value or ""))
        self.element.props(f"outlined dense hide-bottom-space no-error-icon debounce={_WAIT_MS} autocomplete=off")
        self.element.classes("e-input")
        if spec.kind in ("nested", "json"):
            self.element.props("autogrow rows=1 spellcheck=false").classes("e-mono-input")
        if spec.kind in ("number", "integer", "list", "names", "path"):
            self.element.props("spellcheck=false")
        if spec.kind in ("number", "integer"):
            self.element.props(f"inputmode={'numeric' if spec.kind == 'integer' else 'decimal'}")
        if spec.unit:
            self.element.props["suffix"] = spec.unit
        self._is_silent = False

    def show(self, value: Any) -> None:
        """Show a value that came from outside; what is typed stays when it means the same."""
        try:
            if same(read_text(self.spec, self.element.value or ""), value):
                return
        except Misread:
            pass
        self._is_silent = True
        self.element.value = as_text(self.spec, value)
        self._is_silent = False
        self._reject("")

    def put(self, text: str) -> None:
        """Show a text as if it had been typed."""
        self.element.value = text

    def _typed(self, text: str) -> None:
        if self._is_silent:
            return
        try:
            value = read_text(self.spec, text)
        except Misread as misread:
            self._reject(str(misread))
            value = loosely_read(text)
            if self.spec.problem(value):  # nothing that was typed is lost, and the check goes on saying what is wrong
                self._change(value)
            return
        self._reject("")
        self._change(value)


class SwitchControl(Control):
    """True or false."""

    def __init__(
        self, spec: FieldSpec, value: Any, change: Callable[[Any], None], reject: Callable[[str], None]
    ) -> None:
        super().__init__(spec, change, reject)
        self.element: Any = ui.switch(value=self._shown(value), on_change=lambda event: self._switched(event.value))
        self.element.props("dense").classes("e-switch")
        self._is_silent = False

    def show(self, value: Any) -> None:
        """Show a value that came from outside."""
        self._is_silent = True
        self.element.value = self._shown(value)
        self._is_silent = False

    def _switched(self, value: bool) -> None:
        if not self._is_silent:
            self._change(bool(value))

    def _shown(self, value: Any) -> bool:
        return bool(self.spec.default if value is UNSET else value)


class ChoiceControl(Control):
    """One of the values that are listed; a value that is not stays to be seen."""

    def __init__(
        self, spec: FieldSpec, value: Any, change: Callable[[Any], None], reject: Callable[[str], None]
    ) -> None:
        super().__init__(spec, change, reject)
        self._values: list[Any] = []
        self._is_silent = False
        self.element: Any = ui.select({}, on_change=lambda event: self._chosen(event.value))
        self.element.props("outlined dense options-dense hide-bottom-space no-error-icon").classes("e-input")
        self.show(value)

    def show(self, value: Any) -> None:
        """Show a value that came from outside."""
        self._values = self._listed(value)
        shown = plain_value(self.spec.default) if value is UNSET and not self.spec.required else value
        number = next((index for index, each in enumerate(self._values) if same(each, shown)), None)
        self._is_silent = True
        self.element.set_options(dict(enumerate(map(self._word, self._values))), value=number)
        self._is_silent = False

    def _listed(self, value: Any) -> list[Any]:
        nothing = [None] if self.spec.nullable or (self.spec.default is None and not self.spec.required) else []
        listed = [*nothing, *(self.spec.choices or (True, False))]
        default = plain_value(self.spec.default)
        extra = [each for each in (value, default) if each is not UNSET and not any(same(each, one) for one in listed)]
        return [*listed, *extra[:1]] if value is not UNSET or not self.spec.required else listed

    def _word(self, value: Any) -> str:
        if value is None:
            return "none"
        is_listed = any(same(value, choice) for choice in (self.spec.choices or (True, False)))
        word = value if isinstance(value, str) else as_text(FieldSpec("", "json", ""), value)
        return word if is_listed or value == self.spec.default else f"{word} (not one of these)"

    def _chosen(self, number: int | None) -> None:
        if self._is_silent or number is None or number >= len(self._values):
            return
        value = self._values[number]
        is_unset = value is None and not self.spec.nullable
        self._change(UNSET if is_unset else value)


def suggestion_row(control: TextControl, names: Sequence[str], several: bool) -> ui.element:
    """Show values to choose from as small buttons; of a list they are put in and taken out.

    Args:
        control: Gets the chosen value.
        names: The values.
        several: Whether the field takes several.
    """
    with ui.element("div").classes("e-suggest-place") as row, ui.element("div").classes("e-suggest"):
        for name in names:
            button = ui.button(name, on_click=lambda _, name=name: _toggle(control, name, several))
            button.props("flat dense no-caps size=sm tabindex=-1").classes("e-suggestion")
            button.props["aria-label"] = f"add or remove {name}" if several else name
    return row


def _toggle(control: TextControl, name: str, several: bool) -> None:
    if not several:
        control.put(name)
        return
    try:
        present = read_text(control.spec, control.element.value or "")
    except Misread:
        present = UNSET
    listed = [] if present is UNSET or present is None else present if isinstance(present, list) else [present]
    listed = [item for item in listed if item != name] if name in listed else [*listed, name]
    control.put(as_text(control.spec, listed if listed else UNSET))
