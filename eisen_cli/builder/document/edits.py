"""Every edit as the operations it takes: what happens, said before it happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eisen._core.errors import ArgumentError
from eisen.config.places import Place, text_of
from eisen.config.sections import GENERAL, SECTIONS, TOP_LEVEL
from eisen_cli.builder.document.history import Change
from eisen_cli.builder.document.hyperparameters import hyper_entry, hyper_place
from eisen_cli.builder.document.tree import ABSENT, Delete, Insert, Operation, Replace, at, copied, same

__all__ = ["Edit", "add", "add_all", "assign", "duplicate", "move", "remove", "replace_all", "set_hyper", "unset"]


@dataclass(frozen=True)
class Edit:
    """An edit that can be done.

    Args:
        change: What it means.
        operations: What to apply; nothing when nothing would change.
        places: Where the things are afterwards.
    """

    change: Change
    operations: Sequence[Operation]
    places: list[Place] = field(default_factory=list)


def add(data: Any, section: Place, entry: Mapping[str, Any], index: int | None) -> Edit:
    """Return the edit that puts a module into a list."""
    edit = add_all(data, section, [entry], index)
    return Edit(Change("add", edit.places[0], edit.places[0], f"add {_name(entry)}"), edit.operations)


def add_all(data: Any, section: Place, entries: Sequence[Any], index: int | None) -> Edit:
    """Return the edit that puts several modules into a list."""
    length = _length(data, section)
    first = length if index is None else max(0, min(index, length))
    places: list[Place] = [(*section, first + number) for number in range(len(entries))]
    inserts = [Insert(place, copied(entry, place)) for place, entry in zip(places, entries, strict=True)]
    words = f"paste {_name(entries[0]) if len(entries) == 1 else f'{len(entries)} modules'}"
    return Edit(Change("replace", section, section, words), [*_make(data, section, []), *inserts], places)


def move(data: Any, place: Place, section: Place, index: int) -> Edit:
    """Return the edit that moves a module within a list or between lists."""
    entry = at(data, place)
    if entry is ABSENT or not place:
        raise _nothing(place)
    if section[: len(place)] == place:
        raise ArgumentError(f"{_name(entry)} cannot be moved into itself", to_do="choose another list")
    length = _length(data, section) - (section == place[:-1])
    there = (*_shifted(section, place), max(0, min(index, length)))
    change = Change("move", place, there, f"move {_name(entry)}")
    if there == place:
        return Edit(change, [])
    making = _make(data, section, [])
    return Edit(change, [*making, Delete(place), Insert(there, entry)])


def remove(data: Any, place: Place) -> Edit:
    """Return the edit that takes something out."""
    entry = at(data, place)
    if entry is ABSENT or not place:
        raise _nothing(place)
    return Edit(Change("remove", place, None, f"remove {_name(entry, place)}"), [Delete(place)])


def duplicate(data: Any, place: Place) -> Edit:
    """Return the edit that puts a copy of a module behind it."""
    entry = at(data, place)
    if entry is ABSENT or not isinstance(place[-1], int):
        raise _nothing(place)
    there = (*place[:-1], place[-1] + 1)
    return Edit(Change("add", there, there, f"duplicate {_name(entry)}"), [Insert(there, copied(entry))])


def assign(data: Any, place: Place, value: Any) -> Edit:
    """Return the edit that gives a place a value, and makes what is absent above it."""
    if not place:
        raise ArgumentError("the whole configuration is no value to set", to_do="use replace")
    change = Change("set", place, place, f"set {_word(place)}")
    present = at(data, place)
    value = copied(value, place)
    if present is not ABSENT:
        return Edit(change, [] if same(present, value) else [Replace(place, value)])
    return Edit(change, _make(data, place, value))


def unset(data: Any, place: Place) -> Edit:
    """Return the edit that takes a value out; nothing where there is none."""
    there = bool(place) and at(data, place) is not ABSENT
    label = f"reset {_word(place)}"
    return Edit(Change("unset", place, None, label), [Delete(place)] if there else [])


def set_hyper(data: Any, phase: str, name: str, value: Any) -> Edit:
    """Return the edit that sets a hyperparameter, or takes it out."""
    place = hyper_place(data, phase, name.removeprefix("."))
    label = f"set {name}" if value is not None else f"reset {name}"
    if value is None:
        return Edit(Change("remove", place or (), None, label), [Delete(place)] if place else [])
    entry = copied(hyper_entry(name.removeprefix("."), value))
    if place is None:
        section: Place = (phase, "Hyperparameters")
        place = (*section, _length(data, section))
        return Edit(Change("add", place, place, label), [*_make(data, section, []), Insert(place, entry)])
    target: Place = (*place, "params")
    if "value" in entry["params"]:
        target, entry = (*target, "value"), entry["params"]
    edit = assign(data, target, entry[target[-1]])
    return Edit(Change("set", target, target, label), edit.operations)


def replace_all(data: Mapping[str, Any], label: str) -> Edit:
    """Return the edit that puts another configuration in the place of the whole."""
    return Edit(Change("replace", (), (), label), [Replace((), copied(data))])


def _make(data: Any, place: Place, value: Any) -> list[Operation]:
    """Return what puts a value where nothing is, with all that is absent above it; nothing where something is."""
    for depth in range(1, len(place) + 1):
        there = at(data, place[:depth])
        if there is None:
            return [Replace(place[:depth], _nested(place, depth, value))]
        if there is ABSENT:
            return [_insert(data, place[:depth], _nested(place, depth, value))]
    return []


def _nested(place: Place, depth: int, value: Any) -> Any:
    for part in reversed(place[depth:]):
        if isinstance(part, int) and part != 0:
            raise _nothing(place[:-1])
        value = {part: value} if isinstance(part, str) else [value]
    return value


def _insert(data: Any, place: Place, value: Any) -> Insert:
    parent, key = at(data, place[:-1]), place[-1]
    if isinstance(parent, dict) and isinstance(key, str):
        return Insert(place, value, _position(parent, place))
    if isinstance(parent, list) and key == len(parent):
        return Insert(place, value)
    kind = "an object" if isinstance(key, str) else f"a list of {key} or more"
    raise ArgumentError(f"{text_of(place[:-1])} is {parent!r:.60}", expected=kind, to_do="remove it first")


def _position(parent: dict[str, Any], place: Place) -> int | None:
    """Return how many keys stand before a new part or section; those of a configuration have an order."""
    order = {0: TOP_LEVEL, 1: GENERAL if place[0] == "General" else SECTIONS.get(str(place[0]), ())}
    names = order.get(len(place) - 1, ())
    if place[-1] not in names:
        return None
    later = names[names.index(str(place[-1])) :]
    return next((number for number, key in enumerate(parent) if key in later), None)


def _shifted(section: Place, removed: Place) -> Place:
    """Return how a list is called once something is taken out."""
    *above, number = removed
    depth = len(above)
    part = section[depth] if len(section) > depth and section[:depth] == tuple(above) else None
    if isinstance(number, int) and isinstance(part, int) and part > number:
        return (*above, part - 1, *section[depth + 1 :])
    return section


def _length(data: Any, section: Place) -> int:
    there = at(data, section, None)
    if there is None:
        return 0
    if not isinstance(there, list):
        what = f"{text_of(section)} is {there!r:.60}"
        raise ArgumentError(what, expected="a list of modules", to_do="remove it first")
    return len(there)


def _name(entry: Any, place: Place = ()) -> str:
    path = entry.get("type") if isinstance(entry, dict) else None
    return path.rpartition(".")[2] if isinstance(path, str) and path else _word(place) if place else "module"


def _word(place: Place) -> str:
    return next((part for part in reversed(place) if isinstance(part, str)), "value")


def _nothing(place: Place) -> ArgumentError:
    return ArgumentError(f"there is nothing at {text_of(place)}", expected="the place of something in the document")
