"""Which card belongs to which module after a change, so that cards are moved and not made anew."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

__all__ = ["matched", "print_of"]


def print_of(entry: Any) -> str:
    """Return a text that is equal for equal modules."""
    return json.dumps(entry, ensure_ascii=False, default=str)


def matched(old: Sequence[Any], new: Sequence[Any]) -> list[int | None]:
    """Return for each new module the number of the old one that it was, or None when it was not there.

    Equal modules belong together, in their order; of those that are left, the ones of the same class at the same
    position, then the ones of the same class.

    Example:
        >>> a, b, c = ({"type": name, "params": {}} for name in "abc")
        >>> matched([a, b, c], [c, a, {"type": "b", "params": {"x": 1}}])
        [2, 0, 1]
        >>> matched([a], [a, a, b])
        [0, None, None]
    """
    found: list[int | None] = [None] * len(new)
    old_prints, new_prints = [print_of(entry) for entry in old], [print_of(entry) for entry in new]
    _pair(found, old_prints, new_prints)
    numbers = range(max(len(old), len(new)))
    old_here = [f"{number} {_type(entry)}" for number, entry in zip(numbers, old, strict=False)]
    new_here = [f"{number} {_type(entry)}" for number, entry in zip(numbers, new, strict=False)]
    _pair(found, old_here, new_here)
    _pair(found, [_type(entry) for entry in old], [_type(entry) for entry in new])
    return found


def _pair(found: list[int | None], old: Sequence[str], new: Sequence[str]) -> None:
    """Give each new module that has none yet the first old one that is left and has the same key."""
    taken = {number for number in found if number is not None}
    left: dict[str, list[int]] = {}
    for number, key in enumerate(old):
        if number not in taken:
            left.setdefault(key, []).append(number)
    for number, key in enumerate(new):
        if found[number] is None and left.get(key):
            found[number] = left[key].pop(0)


def _type(entry: Any) -> str:
    return str(entry.get("type")) if isinstance(entry, dict) else type(entry).__name__
