"""One section on the canvas: its cards follow the list in the document."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from nicegui.events import GenericEventArguments

from eisen_cli.builder.canvas.card_view import CardView
from eisen_cli.builder.canvas.desk import Desk
from eisen_cli.builder.canvas.elements import LaneElement
from eisen_cli.builder.canvas.lanes import Lane
from eisen_cli.builder.canvas.matching import matched, print_of

__all__ = ["LaneView"]


class LaneView:
    """The lane of one section.

    Args:
        desk: What the parts of the page share.
        lane: The section.
        on_pick: Called when the user wants to choose a module for it.
    """

    def __init__(self, desk: Desk, lane: Lane, on_pick: Callable[[], None]) -> None:
        self._desk, self.lane, self._on_pick = desk, lane, on_pick
        self.cards: list[CardView] = []
        self._entries: list[Any] = []
        self._print = ""
        self.element = LaneElement()
        self.element.show(
            place=lane.key,
            role=lane.role,
            title=lane.title,
            one=lane.one.partition(" ")[2],
            hint=lane.hint,
            note=lane.note,
        )
        self.element.on_act(self._act)
        self.element.on("put", self._put)
        self.sync()
        self.show_current()
        self.show_findings()

    def sync(self) -> None:
        """Let the cards follow the document: what is still there keeps its card, wherever it moved."""
        found = self._desk.workspace.document.value(self.lane.place, [])
        entries = found if isinstance(found, list) else []
        printed = print_of(entries)
        if printed == self._print and len(entries) == len(self.cards):
            return
        before = self.cards
        self.cards = [self._card(before, number, index) for index, number in enumerate(matched(self._entries, entries))]
        for card in [card for card in before if card not in self.cards]:
            card.element.delete()
        self._order()
        for index, (card, entry) in enumerate(zip(self.cards, entries, strict=True)):
            card.show((*self.lane.place, index), entry)
        self._entries, self._print = copy.deepcopy(entries), printed
        self.element.show(count=len(entries))

    def _card(self, before: list[CardView], number: int | None, index: int) -> CardView:
        if number is not None:
            return before[number]
        with self.element:
            return CardView(self._desk, (*self.lane.place, index))

    def _order(self) -> None:
        for index, card in enumerate(self.cards):
            if self.element.default_slot.children[index] is not card.element:
                card.element.move(target_index=index)

    def show_findings(self) -> None:
        """Show which cards have problems, and what is wrong with the section itself."""
        own = [each for each in self._desk.workspace.findings if each.place == self.lane.place and each.kind == "error"]
        self.element.show(problem="; ".join(f"{each.what} – {each.expected}" for each in own))
        for card in self.cards:
            card.show_findings()

    def show_roles(self) -> None:
        """Show again where the modules can go, as more is known about them."""
        entries = self._desk.workspace.document.value(self.lane.place, [])
        for index, (card, entry) in enumerate(zip(self.cards, entries, strict=True)):
            card.show((*self.lane.place, index), entry)

    def show_current(self) -> None:
        """Show whether what is added goes here."""
        self.element.show(current=self._desk.lane == self.lane.place)

    def _act(self, name: str, _argument: str) -> None:
        self._desk.enter(self.lane.place)
        if name == "pick":
            self._on_pick()

    def _put(self, event: GenericEventArguments) -> None:
        drop = event.args[0] if isinstance(event.args, list) else event.args
        self._desk.do(self._desk.editor.put, drop, self._desk.phase)
