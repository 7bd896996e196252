"""Fields of which the rare ones are folded, for panels that are no modules."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from nicegui import ui

from eisen_cli.builder.panels.field import FieldBox
from eisen_cli.builder.parts.fields import FieldSpec

__all__ = ["FoldedFields"]


class FoldedFields(ui.element):
    """Shows fields; the rare ones when they are asked for.

    Args:
        shown: The fields that are always to be seen.
        rare: The fields behind "more".
        make: Makes one field.
    """

    def __init__(
        self, shown: Sequence[FieldSpec], rare: Sequence[FieldSpec], make: Callable[[FieldSpec], FieldBox]
    ) -> None:
        super().__init__("div")
        self.classes("e-entry")
        self._rare, self._make = list(rare), make
        self.boxes: dict[str, FieldBox] = {}
        with self:
            with ui.element("div").classes("e-fields"):
                for spec in shown:
                    self.boxes[spec.name] = make(spec)
            with ui.element("div").classes("e-entry-foot"):
                if rare:
                    self._button = ui.button(on_click=self._turn).props("flat dense no-caps size=sm data-action=more")
            self._grid = ui.element("div").classes("e-fields e-rare")
            self._grid.visible = False
            self._label()

    def open_for(self, name: str) -> None:
        """Open the fold when a field is behind it."""
        if not self._grid.visible and any(spec.name == name for spec in self._rare):
            self._turn()

    def _turn(self) -> None:
        self._grid.visible = not self._grid.visible
        if self._grid.visible:
            with self._grid:
                for spec in self._rare:
                    if spec.name not in self.boxes:
                        self.boxes[spec.name] = self._make(spec)
        self._label()

    def _label(self) -> None:
        if not self._rare:
            return
        is_open = self._grid.visible
        self._button.text = "Less" if is_open else f"{len(self._rare)} more"
        icon, expanded = ("expand_less", "true") if is_open else ("expand_more", "false")
        self._button.props(f"icon={icon} aria-expanded={expanded}")
