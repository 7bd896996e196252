"""One phase on the canvas: its sections as lanes, in two groups."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from nicegui import ui

from eisen.config.places import Place
from eisen_cli.builder.canvas.card_view import CardView
from eisen_cli.builder.canvas.desk import Desk
from eisen_cli.builder.canvas.lane_view import LaneView
from eisen_cli.builder.canvas.lanes import Lane, lanes_of
from eisen_cli.builder.canvas.part_view import PartView
from eisen_cli.builder.canvas.settings_view import SettingsView

__all__ = ["PhaseView"]


class PhaseView:
    """All sections of a phase.

    Args:
        desk: What the parts of the page share.
        phase: Name of the phase.
        on_pick: Called when the user wants to choose a module for the section that he is in.
    """

    def __init__(self, desk: Desk, phase: str, on_pick: Callable[[], None]) -> None:
        self._desk, self.phase, self._on_pick = desk, phase, on_pick
        self.lanes: list[LaneView] = []
        self._others: list[SettingsView | PartView] = []
        self._shown: list[Lane] = []
        self.element = ui.element("div").classes("eisen-phase").props("role=tabpanel")
        self.element.props["aria-label"] = phase
        self.sync()

    def sync(self) -> None:
        """Let the lanes follow the document."""
        lanes = lanes_of(self._desk.workspace.document.data, self.phase)
        if lanes != self._shown:
            self._build(lanes)
            return
        for view in (*self.lanes, *self._others):
            view.sync()

    def _build(self, lanes: list[Lane]) -> None:
        self._shown, self.lanes, self._others = lanes, [], []
        self.element.clear()
        with self.element:
            for group, members in groupby(lanes, key=lambda lane: lane.group):
                with ui.element("div").classes("eisen-group"):
                    if group:
                        ui.label(group).classes("eisen-group-title").props("role=heading aria-level=2")
                    for lane in members:
                        self._add(lane)

    def _add(self, lane: Lane) -> None:
        if lane.kind == "modules":
            self.lanes.append(LaneView(self._desk, lane, self._on_pick))
        elif lane.kind == "settings":
            self._others.append(SettingsView(self._desk, self.phase))
        else:
            self._others.append(PartView(self._desk, lane.place, lane.title))

    def show_findings(self) -> None:
        """Show which cards have problems."""
        for view in (*self.lanes, *self._others):
            view.show_findings()

    def show_roles(self) -> None:
        """Show again where modules can go."""
        for lane in self.lanes:
            lane.show_roles()

    def show_current(self) -> None:
        """Show which section is the current one."""
        for lane in self.lanes:
            lane.show_current()

    def card(self, place: Place) -> CardView | None:
        """Return the card that a place is inside of."""
        cards = (card for lane in self.lanes for card in lane.cards)
        return next((card for card in cards if place[: len(card.place)] == card.place), None)

    def focus(self, place: Place) -> None:
        """Open what a place is inside of, and put the cursor there."""
        card = self.card(place)
        if card is not None:
            card.focus_field(place)
            return
        for lane in self.lanes:
            if lane.lane.place == place[:2]:
                lane.element.run_method("reveal")
        for view in self._others:
            if view.holds(place):
                view.focus(place)
