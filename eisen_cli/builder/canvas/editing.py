"""What a user can do on the canvas, as commands on the document; each says what it did and where that is now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eisen._core.errors import ArgumentError
from eisen.config.places import Place, parse, text_of
from eisen_cli.builder.canvas.filling import Offer, fill
from eisen_cli.builder.canvas.labels import name_of
from eisen_cli.builder.canvas.lanes import lane_of
from eisen_cli.builder.canvas.naming import names_for
from eisen_cli.builder.canvas.targets import Roles, Target, role_of, targets_of
from eisen_cli.builder.document.document import Document
from eisen_cli.builder.parts.catalogue import Catalogue
from eisen_cli.builder.workspace import Workspace

__all__ = ["Done", "Editor"]


@dataclass(frozen=True)
class Done:
    """What a command did.

    Args:
        words: What happened, for the line at the bottom and for screen readers; empty when nothing did.
        place: The module to go on with; None when there is none.
    """

    words: str = ""
    place: Place | None = None


class Editor:
    """Commands on the document of a workspace.

    Args:
        workspace: What the server works on.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._roles: tuple[Catalogue | None, Roles] = (None, Roles(None))
        self._known: dict[tuple[Place, tuple[str, ...]], list[Target]] = {}
        self._known_for: tuple[Document, int] | None = None
        self.clip = ""

    @property
    def document(self) -> Document:
        """What is edited."""
        return self._workspace.document

    @property
    def roles(self) -> Roles:
        """Which sections take which module; knows more as soon as the catalogue is loaded."""
        if self._roles[0] is not self._workspace.catalogue:
            self._roles = self._workspace.catalogue, Roles(self._workspace.catalogue)
        return self._roles[1]

    def add(self, section: Place, path: str, index: int | None = None) -> Done:
        """Add a module of the catalogue to a list.

        Raises:
            ArgumentError: While the catalogue is being loaded.
        """
        catalogue = self._workspace.catalogue
        if catalogue is None:
            raise ArgumentError("the modules are still being loaded", to_do="try again in a moment")
        part = catalogue.part(role_of(section), path)
        place = self.document.add(
            section, part.new_entry(names_for(self.document.data, str(section[0]), role_of(section))), index
        )
        return Done(f"Added {part.name} to {_where(place)}", place)

    def put(self, drop: Mapping[str, Any], phase: str) -> Done:
        """Do what somebody dropped.

        Args:
            drop: ``part`` or ``place``: what; ``section`` and ``index``, or ``phase``: where to; ``copy``.
            phase: The phase on the screen.

        Raises:
            ArgumentError: If it does not fit there.
        """
        place = parse(str(drop.get("place") or ""))
        section = parse(str(drop.get("section") or "")) or self._section_in(drop, place, phase)
        index = drop.get("index")
        if drop.get("part"):
            return self.add(section, str(drop["part"]), index)
        if place is None:
            return Done()
        return self.copy_to(place, section, index) if drop.get("copy") else self.move_to(place, section, index)

    def _section_in(self, drop: Mapping[str, Any], place: Place | None, phase: str) -> Place:
        """Return the list in the phase whose tab something was dropped on."""
        target = str(drop.get("phase") or phase)
        role = role_of(place) if place else str(drop.get("takes") or "").partition(" ")[0]
        lane = lane_of(self.document.data, target, role)
        if lane is None:
            raise ArgumentError(f"{target} has no section {role}", to_do="choose another phase")
        return lane.place

    def move_to(self, place: Place, section: Place, index: int | None = None) -> Done:
        """Move a module to a list, to its end unless a number is given."""
        if section == place[:-1] and index is None:
            return Done("", place)
        length = len(self.document.value(section, []) or [])
        name = name_of(self.document.value(place))
        there = self.document.move(place, section, length if index is None else index)
        return Done(f"Moved {name} to {_where(there)}", there)

    def copy_to(self, place: Place, section: Place, index: int | None = None) -> Done:
        """Put a copy of a module into a list."""
        there = self.document.paste(self.document.copy([place]), section, index)[0]
        return Done(f"Copied {name_of(self.document.value(there))} to {_where(there)}", there)

    def step(self, place: Place, step: int) -> Done:
        """Move a module up (-1) or down (1) in its list."""
        index = int(place[-1]) + step
        if not 0 <= index < len(self.document.value(place[:-1], [])):
            return Done("It is at the end already", place)
        return self.move_to(place, place[:-1], index)

    def across(self, place: Place, step: int) -> Done:
        """Move a module to the same section of the phase before (-1) or behind (1)."""
        others = [target for target in self.targets(place) if target.place[0] != place[0]]
        order = [text_of(target.place[:1]) for target in others]
        phases = [name for name in _ORDER if name in order or name == place[0]]
        there = phases.index(str(place[0])) + step if place[0] in phases else -1
        if not 0 <= there < len(phases):
            return Done(f"There is no phase {'before' if step < 0 else 'behind'} it that takes it", place)
        return self.move_to(place, others[order.index(phases[there])].place)

    def duplicate(self, place: Place) -> Done:
        """Put a copy of a module behind it."""
        there = self.document.duplicate(place)
        return Done(f"Duplicated {name_of(self.document.value(there))}", there)

    def remove(self, place: Place) -> Done:
        """Take a module out; the one that follows is the one to go on with."""
        name = name_of(self.document.value(place))
        self.document.remove(place)
        left = len(self.document.value(place[:-1], []))
        near = (*place[:-1], min(int(place[-1]), left - 1)) if left else None
        return Done(f"Removed {name}; Ctrl-Z brings it back", near)

    def copy(self, place: Place) -> str:
        """Return a module as text for the clipboard, and keep it for browsers that do not give theirs."""
        self.clip = self.document.copy([place])
        return self.clip

    def paste(self, text: str, place: Place | None, section: Place | None) -> Done:
        """Put modules behind a module, else at the end of a section; the one of their role if they do not fit there.

        Raises:
            ArgumentError: If the text is none of ours, or the modules do not fit.
        """
        target = place[:-1] if place else section
        if target is None:
            raise ArgumentError("there is nowhere to put it", to_do="click a section first, then paste")
        index = int(place[-1]) + 1 if place else None
        places = self.document.paste(text or self.clip, target, index)
        words = name_of(self.document.value(places[0])) if len(places) == 1 else f"{len(places)} modules"
        return Done(f"Pasted {words} into {_where(places[0])}", places[0])

    def undo(self) -> Done:
        """Take the last step back."""
        label = self.document.undo()
        return Done(f"Undone: {label}" if label else "There is nothing to undo")

    def redo(self) -> Done:
        """Do again what was taken back."""
        label = self.document.redo()
        return Done(f"Done again: {label}" if label else "There is nothing to do again")

    def fill(self, target: str, source: str, offers: Sequence[Offer]) -> Done:
        """Fill sections of a phase from another one, as one step."""
        if not offers:
            return Done()
        self.document.replace(fill(self.document.data, target, offers), f"fill {target} from {source}")
        return Done(f"Filled {target} from {source}: {', '.join(offer.role for offer in offers)}")

    def targets(self, place: Place) -> list[Target]:
        """Return the other lists that the module at a place can go to."""
        entry = self.document.value(place)
        path = str(entry.get("type", "")) if isinstance(entry, Mapping) else ""
        return self.targets_from(place[:-1], tuple(self.roles.of(path, role_of(place))))

    def targets_from(self, section: Place, roles: tuple[str, ...]) -> list[Target]:
        """Return the other lists for modules of some roles; computed once for each state of the document."""
        state = self.document, self.document.revision
        if self._known_for != state:
            self._known_for, self._known = state, {}
        key = section, roles
        if key not in self._known:
            self._known[key] = targets_of(self.document.data, section, list(roles))
        return self._known[key]


_ORDER = ("Training", "Validation", "Testing", "Prediction")


def _where(place: Place) -> str:
    return f"{place[0]} {role_of(place)}, {int(place[-1]) + 1}."
