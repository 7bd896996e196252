"""The hyperparameters of a phase on the canvas."""

from __future__ import annotations

from nicegui import ui

from eisen.config.places import Place, text_of
from eisen_cli.builder.canvas.desk import Desk
from eisen_cli.builder.panels.hyper import HyperPanel

__all__ = ["SettingsView"]


class SettingsView:
    """The lane of hyperparameters; in a phase it is closed until somebody opens it, as most are said in General.

    Args:
        desk: What the parts of the page share.
        phase: The phase, or General.
    """

    def __init__(self, desk: Desk, phase: str) -> None:
        self._desk, self.phase = desk, phase
        self.place: Place = (phase, "Hyperparameters")
        self._panel: HyperPanel | None = None
        with ui.element("section").classes("eisen-lane") as section:
            section.props["data-section"] = text_of(self.place)
            words = (
                "for all phases"
                if phase == "General"
                else "of this phase only; what is not said here comes from General"
            )
            self._fold = ui.expansion("Hyperparameters", caption=words, on_value_change=self._toggled)
            self._fold.classes("eisen-fold").props("dense")
        if phase == "General" or desk.workspace.document.value(self.place):
            self._fold.open()
            self._toggled()

    def sync(self) -> None:
        """Follow the document: the panel does so by itself, and is opened when there is something to see."""
        if self._panel is None and self._desk.workspace.document.value(self.place):
            self._fold.open()

    def show_findings(self) -> None:
        """Show how many problems there are."""
        n = sum(self.holds(finding.place) and finding.kind == "error" for finding in self._desk.workspace.findings)
        self._fold.props(f'label="Hyperparameters{f" – {n} to look at" if n else ""}"')

    def holds(self, place: Place) -> bool:
        """Tell whether a place is in here."""
        return place[:2] == self.place

    def focus(self, place: Place) -> None:
        """Put the cursor into the field of a place."""
        self._fold.open()
        self._toggled()
        if self._panel is not None:
            self._panel.focus(place)

    def _toggled(self) -> None:
        if self._panel is None and self._fold.value:
            with self._fold:
                self._panel = HyperPanel(self._desk.workspace, self.phase)
