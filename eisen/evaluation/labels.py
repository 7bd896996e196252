"""Which values of a label map are meant, and what they are called."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from eisen._core.errors import ArgumentError

__all__ = ["LabelNames", "Labels", "labels_of"]

Labels: TypeAlias = Mapping[int, str] | Mapping[tuple[int, ...], str] | Mapping[str, str] | Sequence[int] | str
"""Values to names: ``{1: "anterior", (3, 4): "merged"}``, values only, ``[1, 2]``, or ``"1=anterior,3+4=merged"``."""

LabelNames = dict[tuple[int, ...], str]
"""Values that make up a label, to its name."""

_VALUES = re.compile(r"^\s*-?\d+(\s*\+\s*-?\d+)*\s*$")


def labels_of(labels: Labels) -> LabelNames:
    """Return the values of each label with its name.

    Args:
        labels: In any of the forms of `Labels`.

    Raises:
        ArgumentError: If it is none of them, or two labels have one name.

    Example:
        >>> labels_of("1=anterior,2=posterior,1+2=hippocampus")
        {(1,): 'anterior', (2,): 'posterior', (1, 2): 'hippocampus'}
    """
    found: LabelNames = {}
    for values, name in _pairs(labels):
        if values in found or name in found.values():
            raise ArgumentError(f"the label {name!r} ({_spelt(values)}) is there twice", expected="one name per label")
        found[values] = name
    if not found:
        raise ArgumentError("there are no labels", expected='e.g. {1: "anterior", (3, 4): "merged"}')
    return found


def _pairs(labels: Labels) -> Iterable[tuple[tuple[int, ...], str]]:
    if isinstance(labels, str):
        for piece in labels.split(","):
            values, _, name = piece.partition("=")
            yield _values(values), name.strip() or values.strip()
    elif isinstance(labels, Mapping):
        for key, name in labels.items():
            yield _values(key), str(name)
    else:
        for key in labels:
            yield _values(key), _spelt(_values(key))


def _values(key: object) -> tuple[int, ...]:
    if isinstance(key, str) and _VALUES.match(key):
        parts: list[object] = [int(part) for part in key.split("+")]
    else:
        parts = list(key) if isinstance(key, (tuple, list)) else [key]
    if not parts or not all(isinstance(part, int) or hasattr(part, "__index__") for part in parts):
        raise ArgumentError(
            f"{key!r} is no value of a label",
            expected="a whole number, or several: 3+4=merged on a command line, {(3, 4): 'merged'} in Python",
        )
    return tuple(dict.fromkeys(part.__index__() for part in parts))  # type: ignore[attr-defined]


def _spelt(values: Iterable[int]) -> str:
    return "+".join(map(str, values))
