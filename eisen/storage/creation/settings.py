"""How a store is made, and the words that its makers share."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from eisen._core.types import DataPoint
from eisen.storage.encoding import Form

__all__ = ["CaseFacts", "Layout", "LoadEntry", "OnCase", "StoreSettings"]

Layout: TypeAlias = Literal["eisen", "pymia"]
LoadEntry: TypeAlias = Callable[[str, Any, DataPoint], Any]
"""``load(field, value, point)`` returns what is stored: an array, a number, text, or an array and its Geometry."""

OnCase: TypeAlias = Callable[[str, DataPoint], Mapping[str, Any]]
"""``on_case(name, point)`` returns further fields to write for the case; images are arrays in the point it is given."""

CaseFacts: TypeAlias = dict[str, Any]
"""What is known about a case that was read, as JSON knows it."""


@dataclass(frozen=True)
class StoreSettings:
    """How cases are written.

    Args:
        fields: Which fields; None: all.
        form: ``"raw"``, ``"int16"`` or ``"blosc2"``.
        layout: ``"eisen"`` or ``"pymia"``.
        pixels: False leaves out the elements of arrays.
        check_shapes: Whether label and image must have one shape.
    """

    fields: tuple[str, ...] | None = None
    form: Form = "raw"
    layout: Layout = "eisen"
    pixels: bool = True
    check_shapes: bool = True
