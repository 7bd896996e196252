"""A name and a colour for every label value."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

__all__ = ["Label", "label_colours"]

_COLOURS = ("#ee7733", "#33bbee", "#ddcc55", "#ee3377", "#44aa99", "#aa88dd", "#88bb44", "#bb6655")
"""Bright on black and grey, and told apart with the usual kinds of colour blindness; orange and blue come first."""
_GOLDEN = 0.618034


@dataclass(frozen=True)
class Label:
    """One label of a label map.

    Args:
        value: Value of its voxels.
        name: What people call it.
        colour: ``"#rrggbb"``.
    """

    value: int
    name: str
    colour: str


def label_colours(names: Mapping[int, str] | None, values: Iterable[int] = ()) -> list[Label]:
    """Return the labels there are, without the background 0, each with a name and a colour of its own.

    Args:
        names: Names of label values.
        values: Further values that occur; they are called after their number.

    Example:
        >>> for label in label_colours({0: "background", 1: "anterior"}, [1, 2]):
        ...     print(label.value, label.name, label.colour)
        1 anterior #ee7733
        2 2 #33bbee
    """
    known = {int(value): str(name) for value, name in (names or {}).items()}
    found = sorted({*known, *map(int, values)} - {0})
    return [Label(value, known.get(value, str(value)), _colour(number)) for number, value in enumerate(found)]


def _colour(number: int) -> str:
    if number < len(_COLOURS):
        return _COLOURS[number]
    rgb = colorsys.hls_to_rgb(number * _GOLDEN % 1, 0.62, 0.6)
    return "#" + "".join(f"{round(255 * part):02x}" for part in rgb)
