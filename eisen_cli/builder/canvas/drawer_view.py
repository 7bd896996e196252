"""The drawer at the left: modules of the section that the user is in, with a search."""

from __future__ import annotations

from typing import Any

from nicegui import ui
from nicegui.events import GenericEventArguments

from eisen_cli.builder.canvas.desk import Desk
from eisen_cli.builder.canvas.elements import PartsElement
from eisen_cli.builder.canvas.lanes import Lane, lane_of
from eisen_cli.builder.canvas.shelf import shelf

__all__ = ["DrawerView"]

_ALL = "*"


class DrawerView:
    """The drawer of modules.

    Args:
        desk: What the parts of the page share.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._is_all = False
        with ui.element("aside").classes("eisen-drawer").props('aria-label="Modules" data-drawer') as self.element:
            with ui.element("div").classes("eisen-drawer-head"):
                self._section = ui.select({}, on_change=self._chosen).props(
                    'outlined dense options-dense aria-label="Section"'
                )
                self._search = ui.input(placeholder="Search, or a dotted path")
                self._search.props("outlined dense clearable debounce=120 type=search data-action=search")
                self._search.props('aria-label="Search for modules"')
                self._search.on_value_change(lambda: self.refresh())
                self._search.on("keydown.enter", self._add_first, js_handler="(event) => emit(event.target.value)")
                self._search.on("keydown.down.prevent", self._into_list)
                with self._search.add_slot("prepend"):
                    ui.icon("search").style("font-size:18px")
                with self._search.add_slot("append"):
                    ui.html("<kbd>/</kbd>", sanitize=False).classes("eisen-key")
            self._words = ui.label("The modules are being loaded …").classes("e-quiet e-s").style("padding: 4px 14px")
            self._list = PartsElement()
        self._list.on("add", lambda event: self._add(_first(event)))
        self._list.on("put", self._put)
        self._shown: tuple[Any, ...] = ()
        self.refresh()

    def enter(self) -> None:
        """Show the modules of another section; what was searched for in the one before is done."""
        self._search.value = ""
        self.refresh()

    def refresh(self, *, again: bool = False) -> None:
        """Show the modules of the section that the user is in.

        Args:
            again: Whether there may be more of them than before.
        """
        lanes = self._desk.lanes()
        self._show_sections(lanes)
        chosen = lanes if self._is_all else [lane for lane in lanes if lane.place == self._desk.lane]
        catalogue, search = self._desk.workspace.catalogue, str(self._search.value or "")
        shown = (catalogue is not None, tuple(lane.key for lane in chosen), search)
        if catalogue is None or (shown == self._shown and not again):
            return
        self._shown = shown
        rows = shelf(catalogue, chosen, search, self._desk.editor.roles)
        self._list.show(rows=rows)
        self._words.set_text("" if rows else self._nothing(chosen, search))
        self._words.set_visibility(not rows)

    def _nothing(self, lanes: list[Lane], search: str) -> str:
        if not lanes:
            return "This part has no modules."
        return f"Nothing here is called '{search}'. The dotted path of a class of your own works as well."

    def _show_sections(self, lanes: list[Lane]) -> None:
        self._section.set_visibility(bool(lanes))
        self._search.set_visibility(bool(lanes))
        options = {lane.key: lane.title for lane in lanes}
        if len(lanes) > 1:
            options[_ALL] = "All sections"
        here = next((lane.key for lane in lanes if lane.place == self._desk.lane), None)
        value = _ALL if self._is_all and _ALL in options else here
        if self._section.options != options or self._section.value != value:
            self._section.set_options(options, value=value)

    def _chosen(self) -> None:
        self._is_all = self._section.value == _ALL
        lane = next((lane for lane in self._desk.lanes() if lane.key == self._section.value), None)
        if lane is not None:
            self._desk.enter(lane.place)
        self.refresh()

    def _into_list(self) -> None:
        self._list.run_method("first")

    def _add_first(self, event: GenericEventArguments) -> None:
        """Add the best module for what is in the field now; the typing itself is told a moment later."""
        self._search.value = str(_first(event) or "")
        self.refresh()
        row = next((row for row in self._list.props["rows"] if "path" in row), None)
        if row is not None:
            self._add(row["key"])

    def _add(self, key: str) -> None:
        role, _, path = key.partition("/")
        lane = lane_of(self._desk.workspace.document.data, self._desk.phase, role)
        if lane is not None:
            self._desk.do(self._desk.editor.add, lane.place, path)

    def _put(self, event: GenericEventArguments) -> None:
        self._desk.do(self._desk.editor.put, _first(event), self._desk.phase)


def _first(event: GenericEventArguments) -> Any:
    return event.args[0] if isinstance(event.args, list) else event.args
