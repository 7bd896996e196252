"""A part of the configuration that has no modules, such as Evaluation or the options of a phase, on the canvas."""

from __future__ import annotations

from nicegui import ui

from eisen.config.places import Place, text_of
from eisen_cli.builder.canvas.desk import Desk
from eisen_cli.builder.panels.settings import SettingsPanel

__all__ = ["PartView"]


class PartView:
    """A lane with the fields of a part.

    Args:
        desk: What the parts of the page share.
        place: Where the part stands.
        title: Its heading.
        words: A sentence beside it.
    """

    def __init__(self, desk: Desk, place: Place, title: str, words: str = "") -> None:
        self.place = place
        self.element = ui.element("section").classes("eisen-lane")
        self.element.props["data-section"] = text_of(place)
        with self.element:
            with ui.element("header").classes("eisen-lane-head"):
                ui.label(title).classes("e-title e-title-m")
                ui.label(words).classes("eisen-note")
            with ui.element("div").classes("eisen-values"):
                self._panel = SettingsPanel(desk.workspace, str(place[-1]), place)

    def sync(self) -> None:
        """Follow the document; the panel does so by itself."""

    def show_findings(self) -> None:
        """Show the problems under their fields; the panel does so by itself."""

    def holds(self, place: Place) -> bool:
        """Tell whether a place is in here."""
        return place[: len(self.place)] == self.place

    def focus(self, place: Place) -> None:
        """Put the cursor into the field of a place."""
        self._panel.focus(place)
