"""Undo and redo: each step keeps the operations that take it back, never a copy of the whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count

from eisen.config.places import Place
from eisen_cli.builder.document.tree import Operation, Root

__all__ = ["Change", "History", "Step"]

_OPPOSITE = {"add": "remove", "remove": "add", "unset": "set"}


@dataclass(frozen=True)
class Change:
    """What happened to a document.

    Args:
        kind: ``"add"``, ``"move"``, ``"remove"``, ``"set"``, ``"unset"``; ``"replace"``: everything at and below
            `place` may be another; ``"save"``: the file is written, the data are the same.
        place: Where it happened; for ``"move"`` where the thing was before.
        to: Where the thing is now; None when it is gone.
        label: The words for a menu, e.g. ``"set size"``.
        by: ``"edit"``, ``"undo"`` or ``"redo"``.
    """

    kind: str
    place: Place
    to: Place | None = None
    label: str = ""
    by: str = "edit"

    def opposite(self) -> Change:
        """Return the change that takes this one back."""
        kind = _OPPOSITE.get(self.kind, self.kind)
        if self.kind == "move":
            return replace(self, place=self.to or (), to=self.place)
        return replace(self, kind=kind, to=None if kind == "remove" else self.place)


@dataclass
class Step:
    """One step of undo or redo.

    Args:
        change: What doing the step means to listeners.
        operations: What has to be applied to do the step, in this order.
        state: The number of the state that the step leads to.
    """

    change: Change
    operations: list[Operation]
    state: int


@dataclass
class History:
    """What can be undone and redone, and a number for the present state.

    Args:
        root: Holds the data.
    """

    root: Root
    state: int = 0
    _undo: list[Step] = field(default_factory=list)
    _redo: list[Step] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=lambda: count(1))
    _mergeable: Place | None = None
    _time: float = 0.0

    def do(self, change: Change, operations: Sequence[Operation], *, time: float | None = None) -> None:
        """Apply operations as one step.

        Args:
            change: What they mean.
            operations: What to apply.
            time: Seconds; given, setting a place is one step with the last, if that set the same within a second.
        """
        before = self.state
        back = [operation.apply(self.root) for operation in operations][::-1]
        self.state = next(self._numbers)
        self._redo.clear()
        time = time if change.kind == "set" else None
        is_more = time is not None and self._mergeable == change.place and time - self._time <= 1.0
        if not (is_more and self._undo):
            self._undo.append(Step(change.opposite(), back, before))
        self._mergeable, self._time = (change.place, time) if time is not None else (None, 0.0)

    def seal(self) -> None:
        """Let the next step be one of its own, whatever it is."""
        self._mergeable = None

    def undo(self) -> Change | None:
        """Take the last step back; return what that changed."""
        return self._turn(self._undo, self._redo, "undo")

    def redo(self) -> Change | None:
        """Do again what was taken back last; return what that changed."""
        return self._turn(self._redo, self._undo, "redo")

    @property
    def labels(self) -> tuple[str | None, str | None]:
        """The words for what would be undone and redone."""
        undo, redo = (stack[-1].change.label if stack else None for stack in (self._undo, self._redo))
        return undo, redo

    def _turn(self, source: list[Step], target: list[Step], by: str) -> Change | None:
        if not source:
            return None
        step = source.pop()
        back = [operation.apply(self.root) for operation in step.operations][::-1]
        target.append(Step(step.change.opposite(), back, self.state))
        self.state = step.state
        self.seal()
        return replace(step.change, by=by)
