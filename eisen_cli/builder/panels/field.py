"""One field of a panel: its name, its control, its help, and what is wrong with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nicegui import ui

from eisen.config.places import Place, text_of
from eisen_cli.builder.look.widgets import icon_button
from eisen_cli.builder.panels.controls import ChoiceControl, Control, SwitchControl, TextControl, suggestion_row
from eisen_cli.builder.panels.desk import Desk
from eisen_cli.builder.panels.held import EntriesControl, EntryControl
from eisen_cli.builder.panels.pairs import PairsControl
from eisen_cli.builder.parts.fields import FieldSpec, spoken
from eisen_cli.builder.parts.values import UNSET, same, suits

__all__ = ["FieldBox"]

_WIDE = ("nested", "dict", "entry", "entries", "json")
_MOST_NAMES = 8
_OPEN = "(event) => event.target.classList.toggle('e-open')"


class FieldBox(ui.element):
    """One parameter with everything about it.

    Args:
        desk: Reads and edits the document.
        spec: The field.
        inside: Its place, seen from that of the panel.
        owner: Name of the module, for those who do not see the page.
        is_unknown: Whether the module has no such parameter.
        is_data: Whether paths start at the data folder.
    """

    def __init__(
        self, desk: Desk, spec: FieldSpec, inside: Place, owner: str, *, is_unknown: bool = False, is_data: bool = False
    ) -> None:
        super().__init__("div")
        self.desk, self.spec, self.inside, self.owner = desk, spec, inside, owner
        self.is_unknown, self.is_data = is_unknown, is_data
        self._misread = self._named_at = ""
        self._as_json = False
        self._known: Any = UNSET
        self._control: Control
        self.classes("e-field")
        self._build()

    # what others call

    def refresh(self) -> None:
        """Show what the document says now; what is being typed stays as long as nobody else changed it."""
        value = self.desk.value(self.inside)
        self._relabel()
        if isinstance(self._control, (EntryControl, EntriesControl)):
            if suits(self.spec, value):
                self._control.show(value)
                self._known = value
                self._mark()
            else:
                self._rebuild()
        elif not same(value, self._known):
            if self._fitting(value).kind == self._shown.kind:
                self._known = value
                self._control.show(value)
                self._mark()
            else:
                self._rebuild()
        self.show_findings()

    def show_findings(self) -> None:
        """Show what is wrong with the value, as text below it."""
        is_held = isinstance(self._control, (EntryControl, EntriesControl))
        lines = [_line(each) for each in self.desk.findings(self.inside, below=not is_held)]
        if self._misread and not lines:
            lines = [f"expected: {self._misread}"]
        self._errors.clear()
        with self._errors:
            for line in dict.fromkeys(lines):
                ui.label(line)
        self._errors.visible = bool(lines)
        self._control.mark_wrong(bool(lines), self._errors.html_id)
        self.classes(add="e-wrong" if lines else "", remove="" if lines else "e-wrong")
        if is_held:
            self._control.show_findings()  # type: ignore[attr-defined]

    def focus(self, place: Place = ()) -> None:
        """Put the cursor into the field, or into one inside of the module that stands in it."""
        if place and isinstance(self._control, (EntryControl, EntriesControl)):
            self._control.focus_inside(place)
        else:
            self._control.focus()
        self.client.run_javascript(f'getHtmlElement({self.id})?.scrollIntoView({{block: "center"}})')

    # making it

    def _build(self) -> None:
        self._known = value = self.desk.value(self.inside)
        self._shown = self._fitting(value)
        with self:
            self._head()
            self._control = self._make(value)
            self.classes(add="e-wide" if self._control.is_wide or self._shown.kind in _WIDE else "", remove="")
            self._beside()
            self._errors = ui.element("div").classes("e-field-errors").props("aria-live=polite")
            if self.spec.doc:
                ui.label(spoken(self.spec.doc)).classes("e-help").on("click", js_handler=_OPEN)
        self._relabel()
        self._mark()
        self.show_findings()

    def _rebuild(self) -> None:
        self._misread = self._named_at = ""
        self.clear()
        self.classes(remove="e-wide")
        self._build()

    def _fitting(self, value: Any) -> FieldSpec:
        """Return the field as it is shown: as JSON where the control cannot show the value, or was asked to."""
        if self.spec.kind == "switch" and self.spec.nullable and not self._as_json:
            return replace(self.spec, kind="choice")
        if self._as_json or not suits(self.spec, value):
            return replace(self.spec, kind="json", unit="")
        return self.spec

    def _make(self, value: Any) -> Control:
        spec = self._shown
        if spec.kind == "entry":
            return EntryControl(self.desk, spec, self.inside, self._change, self._reject)
        if spec.kind == "entries":
            return EntriesControl(self.desk, spec, self.inside, self._change, self._reject)
        if spec.kind == "dict":
            return PairsControl(spec, value, self._change, self._reject)
        if spec.kind == "switch":
            return SwitchControl(spec, value, self._change, self._reject)
        if spec.kind == "choice":
            return ChoiceControl(spec, value, self._change, self._reject)
        return TextControl(spec, value, self._change, self._reject)

    def _head(self) -> None:
        with ui.element("div").classes("e-field-head"):
            ui.label(self.spec.name).classes("e-field-name")
            if self.spec.required:
                ui.label("required").classes("e-field-need")
            if self.is_unknown:
                ui.label("unknown").classes("e-chip e-chip-warn")
            ui.element("div").classes("e-grow")
            default = self.spec.shown_default
            words = f"Back to the default: {default}" if default and len(default) < 40 else "Take it out of the file"
            self._reset = icon_button("restart_alt", words, self._take_out, "reset").props("size=xs tabindex=-1")
            self._more = icon_button("more_horiz", f"More about {self.spec.name}", self._menu, "field-more")
            self._more.props("size=xs tabindex=-1").classes("e-field-more")

    def _menu(self) -> None:
        with self._more, ui.menu().props("auto-close") as menu:
            if self._shown.kind != "json" or self._as_json:
                ui.menu_item("Edit as a field" if self._as_json else "Edit as JSON", self._switch_json)
            if self.spec.nullable:
                ui.menu_item("Set to null", lambda: self._put(None))
            if not same(self.desk.value(self.inside), UNSET):
                ui.menu_item("Take it out of the file", self._take_out)
            ui.menu_item(f"Takes {self.spec.words}").props("disable").classes("e-s")
        menu.on("hide", menu.delete)
        menu.open()

    def _beside(self) -> None:
        """Add what helps to fill the control: a file chooser, values to choose from."""
        control = self._control
        if not isinstance(control, TextControl):
            return
        kind = control.spec.kind
        if kind == "path":
            with control.element.add_slot("append"):
                icon_button("folder_open", f"Choose {self.spec.name}", self._choose, "choose-path").props("size=sm")
        names = self.desk.names() if kind == "names" else control.spec.suggestions
        if names:
            suggestion_row(control, list(names)[:_MOST_NAMES], kind == "names" and control.spec.shape != "one")

    # what happens

    def _change(self, value: Any) -> None:
        self._known = value
        self.desk.write(self.inside, value)
        self._mark()

    def _put(self, value: Any) -> None:
        self.desk.write(self.inside, value)
        self.refresh()

    def _take_out(self) -> None:
        self.desk.write(self.inside, UNSET)
        self._rebuild()

    def _switch_json(self) -> None:
        self._as_json = not self._as_json
        self._rebuild()

    def _reject(self, expected: str) -> None:
        if expected != self._misread:
            self._misread = expected
            self.show_findings()

    def _mark(self) -> None:
        is_set = not same(self._known, UNSET)
        self._reset.visible = is_set and not self.spec.required
        self.classes(add="e-set" if is_set else "", remove="" if is_set else "e-set")

    def _relabel(self) -> None:
        place = text_of(self.desk.at(self.inside))
        if self._named_at != place:
            self._named_at = self.props["data-field"] = place
            self._control.name(f"{self.spec.name} of {self.owner}", place)

    async def _choose(self) -> None:
        from eisen_cli.builder.panels.chooser import choose_path

        folders = any(word in self.spec.name for word in ("dir", "folder", "root"))
        chosen = await choose_path(self.desk.workspace, folders=folders)
        if chosen is not None and isinstance(self._control, TextControl):
            self._control.put(self.desk.shown_path(chosen, is_data=self.is_data))


def _line(finding: Any) -> str:
    return f"{finding.what}; expected: {finding.expected}" if finding.expected else str(finding.what)
