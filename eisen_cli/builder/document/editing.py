"""Everything that can be done to a configuration, each as one step of undo."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from threading import RLock
from time import monotonic
from typing import Any

from eisen._core.errors import ArgumentError
from eisen.config.places import Place, text_of
from eisen_cli.builder.document import edits
from eisen_cli.builder.document.clipboard import Clip, read_clips, write_clips
from eisen_cli.builder.document.fitting import demand_fit, role_at
from eisen_cli.builder.document.history import Change, History
from eisen_cli.builder.document.hyperparameters import hyper_values
from eisen_cli.builder.document.tree import at, copied

__all__ = ["Editing"]


class Editing:
    """A configuration with edits, undo and redo, clipboard and listeners.

    Args:
        data: The configuration to begin with.

    Attributes:
        data: The configuration as it stands now; changed by the methods only.
        revision: Grows with every change.
    """

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        self.data: dict[str, Any] = copied(data or {})
        self.revision = 0
        self._history = History(self)
        self._listeners: list[Callable[[Change], None]] = []
        self._lock = RLock()

    # what is there

    def value(self, place: Place, default: Any = None) -> Any:
        """Return what stands at a place, or the default."""
        return at(self.data, place, default)

    def entries(self, phase: str, section: str) -> list[dict[str, Any]]:
        """Return the modules of a section; an empty list when there is none."""
        entries = self.value((phase, section), [])
        return entries if isinstance(entries, list) else []

    def hyper(self, phase: str) -> dict[str, Any]:
        """Return the hyperparameters of a phase by name, e.g. ``{"BatchSize": 2}``."""
        return hyper_values(self.value((phase, "Hyperparameters")))

    def snapshot(self) -> dict[str, Any]:
        """Return a copy of the data that nobody changes any more."""
        with self._lock:
            data: dict[str, Any] = copied(self.data)
            return data

    # edits

    def add(self, section: Place, entry: Mapping[str, Any], index: int | None = None) -> Place:
        """Put a module into a list, before the one with a number or at the end; return where it stands."""
        return self._do(edits.add(self.data, section, entry, index))

    def move(self, place: Place, section: Place, index: int) -> Place:
        """Move a module within its list or into another one.

        Args:
            place: Where it stands.
            section: The list that it shall stand in, as it is called before the move.
            index: Its number in that list afterwards.

        Raises:
            ArgumentError: If it does not fit into that list.
        """
        if section != place[:-1]:
            roles = role_at(self.data, place[:-1]), role_at(self.data, section)
            demand_fit(self.value(place), *roles, section)
        return self._do(edits.move(self.data, place, section, index))

    def remove(self, place: Place) -> None:
        """Take a module, or anything else, out."""
        self._do(edits.remove(self.data, place))

    def duplicate(self, place: Place) -> Place:
        """Put a copy of a module behind it; return where the copy stands."""
        return self._do(edits.duplicate(self.data, place))

    def set(self, place: Place, value: Any) -> None:
        """Give a place a value, making what is absent above it; setting one place again within a second is one step."""
        self._do(edits.assign(self.data, place, value), time=monotonic())

    def unset(self, place: Place) -> None:
        """Take a value out, so that the default counts; nothing happens where there is none."""
        self._do(edits.unset(self.data, place))

    def set_hyper(self, phase: str, name: str, value: Any) -> None:
        """Set a hyperparameter by its name without the dot; None takes it out."""
        self._do(edits.set_hyper(self.data, phase, name, value), time=monotonic())

    def replace(self, data: Mapping[str, Any], label: str) -> None:
        """Put another configuration in the place of this one, as one step."""
        self._do(edits.replace_all(data, label))

    # undo, redo, clipboard

    def undo(self) -> str | None:
        """Take the last step back; return its words."""
        return self._turn(self._history.undo)

    def redo(self) -> str | None:
        """Do again what was taken back last; return its words."""
        return self._turn(self._history.redo)

    @property
    def can_undo(self) -> str | None:
        """The words of the step that would be taken back, e.g. ``"set size"``; None when there is none."""
        return self._history.labels[0]

    @property
    def can_redo(self) -> str | None:
        """The words of the step that would be done again; None when there is none."""
        return self._history.labels[1]

    def copy(self, places: Sequence[Place]) -> str:
        """Return modules as text for the clipboard."""
        clips = [Clip(role_at(self.data, place[:-1]), self._demanded(place)) for place in places]
        return write_clips(clips)

    def paste(self, text: str, section: Place, index: int | None = None) -> list[Place]:
        """Put the modules of a text into a list, as one step; return where they stand.

        Raises:
            ArgumentError: If the text was not made by `copy`, or a module does not fit into the list.
        """
        clips, role = read_clips(text), role_at(self.data, section)
        for clip in clips:
            demand_fit(clip.entry, clip.role, role, section)
        edit = edits.add_all(self.data, section, [clip.entry for clip in clips], index)
        self._do(edit)
        return edit.places

    # listeners

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call a function after every change; return what ends that."""
        self._listeners.append(listener)

        def unsubscribe() -> None:
            with suppress(ValueError):
                self._listeners.remove(listener)

        return unsubscribe

    # inner

    def _demanded(self, place: Place) -> Any:
        entry = self.value(place)
        if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
            raise ArgumentError(f"there is no module at {text_of(place)}", expected="the place of a module")
        return entry

    def _do(self, edit: edits.Edit, *, time: float | None = None) -> Place:
        if edit.operations:
            with self._lock:
                self._history.do(edit.change, edit.operations, time=time)
                self.revision += 1
            self._tell(edit.change)
        return edit.change.to or ()

    def _turn(self, turn: Callable[[], Change | None]) -> str | None:
        with self._lock:
            change = turn()
            self.revision += change is not None
        if change is None:
            return None
        self._tell(change)
        return change.label

    def _tell(self, change: Change) -> None:
        for listener in list(self._listeners):
            listener(change)
