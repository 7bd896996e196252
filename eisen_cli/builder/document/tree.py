"""Small changes of nested data that know how to be taken back: what undo and redo are made of."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from eisen._core.errors import ArgumentError
from eisen.config.places import Place, text_of

__all__ = ["ABSENT", "Delete", "Insert", "Operation", "Replace", "Root", "at", "copied", "same"]

ABSENT: Any = object()
"""What `at` returns where nothing is."""

_DEEPEST = 64  # as in eisen.config.source, so that what is saved can be opened


class Root(Protocol):
    """Whatever holds the data as its attribute `data`."""

    data: dict[str, Any]


class Operation(Protocol):
    """One small change."""

    def apply(self, root: Root) -> Operation:
        """Do it, and return the operation that takes it back."""


@dataclass(frozen=True, slots=True)
class Insert:
    """Put a value into a list or an object, where nothing is replaced.

    Args:
        place: Where it stands afterwards.
        value: The value; it belongs to the tree from now on.
        position: For objects: how many keys stand before it; None for all.
    """

    place: Place
    value: Any
    position: int | None = None

    def apply(self, root: Root) -> Delete:
        """Insert, and return the deletion."""
        parent, key = at(root.data, self.place[:-1]), self.place[-1]
        if isinstance(parent, list):
            parent.insert(int(key), self.value)
            return Delete(self.place)
        following = [] if self.position is None else list(parent)[self.position :]
        parent[key] = self.value
        for name in following:
            parent[name] = parent.pop(name)
        return Delete(self.place)


@dataclass(frozen=True, slots=True)
class Delete:
    """Take a value out of a list or an object.

    Args:
        place: Where it stands.
    """

    place: Place

    def apply(self, root: Root) -> Insert:
        """Delete, and return the insertion of what was there."""
        parent, key = at(root.data, self.place[:-1]), self.place[-1]
        position = None if isinstance(parent, list) else list(parent).index(key)
        return Insert(self.place, parent.pop(key), position)


@dataclass(frozen=True, slots=True)
class Replace:
    """Put a value where another one is.

    Args:
        place: Where it stands; empty for the whole.
        value: The value; it belongs to the tree from now on.
    """

    place: Place
    value: Any

    def apply(self, root: Root) -> Replace:
        """Replace, and return the same with the value that was there."""
        if not self.place:
            before: Any = root.data
            root.data = self.value
            return Replace((), before)
        parent = at(root.data, self.place[:-1])
        before = parent[self.place[-1]]
        parent[self.place[-1]] = self.value
        return Replace(self.place, before)


def at(data: Any, place: Place, default: Any = ABSENT) -> Any:
    """Return what stands at a place.

    Example:
        >>> at({"a": [1, {"b": 2}]}, ("a", 1, "b")), at({}, ("a", 0), "nothing")
        (2, 'nothing')
    """
    for part in place:
        if not _has(data, part):
            return default
        data = data[part]
    return data


def _has(data: Any, part: str | int) -> bool:
    if isinstance(data, dict):
        return part in data
    return isinstance(data, list) and type(part) is int and 0 <= part < len(data)


def copied(value: Any, place: Place = ()) -> Any:
    """Return a copy of a JSON value that shares nothing with it; tuples become lists.

    Args:
        value: The value.
        place: Where it will stand, for the words of the error.

    Raises:
        ArgumentError: If it is no JSON value.

    Example:
        >>> copied({"size": (32, 32)})
        {'size': [32, 32]}
    """
    if value is None or isinstance(value, str | bool | int) or (isinstance(value, float) and not math.isnan(value)):
        return value
    if len(place) > _DEEPEST:
        raise ArgumentError(f"there are more than {_DEEPEST} brackets inside each other", expected="a flatter value")
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: copied(inner, (*place, key)) for key, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [copied(inner, (*place, index)) for index, inner in enumerate(value)]
    what = f"{text_of(place)}: {value!r:.60} cannot stand in a configuration"
    raise ArgumentError(what, expected="text, a number, true, false, null, a list, or an object whose names are text")


def same(left: Any, right: Any) -> bool:
    """Tell whether two JSON values are written alike: 1, 1.0 and true differ, and so does the order of keys.

    Example:
        >>> same({"a": 1}, {"a": 1}), same(1, 1.0), same({"a": 1, "b": 2}, {"b": 2, "a": 1})
        (True, False, False)
    """
    if type(left) is not type(right):
        return False
    if isinstance(left, dict):
        return list(left) == list(right) and all(same(left[key], right[key]) for key in left)
    if isinstance(left, list):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)
