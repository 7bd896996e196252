"""One way to ask for an attribute of an image, whether it stands in a classic header or in a functional group."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

__all__ = ["FrameHeader"]


@dataclass(frozen=True)
class FrameHeader:
    """The header of one image of a DICOM file.

    Enhanced multi-frame objects keep what differs between their images in one group of attributes per image, and what
    they share in another; older objects keep everything at the top.

    Args:
        header: The data set of the file.
        frame: Number of the image, from 0.

    Source: DICOM PS3.3, C.7.6.16 (multi-frame functional groups).

    Example:
        >>> from pydicom import Dataset
        >>> header = Dataset()
        >>> header.PixelSpacing = [0.7, 0.5]
        >>> FrameHeader(header, 0).numbers("PixelMeasuresSequence", "PixelSpacing", 2)
        (0.7, 0.5)
    """

    header: Any
    frame: int

    @cached_property
    def _groups(self) -> list[Any]:
        """The functional groups of the image, its own before those it shares; none in a classic header."""
        found: list[Any] = []
        for groups, index in (("PerFrameFunctionalGroupsSequence", self.frame), ("SharedFunctionalGroupsSequence", 0)):
            items = self.header.get(groups) or []
            found += items[index : index + 1]
        return found

    def value(self, group: str, keyword: str) -> Any:
        """Return an attribute of the image: of its own group, else of the shared group, else of the file."""
        for item in self._groups if group else ():
            inner = item.get(group)
            found = inner[0].get(keyword) if inner else None
            if found is not None and found != "":
                return found
        found = self.header.get(keyword)
        return None if found == "" else found

    def number(self, group: str, keyword: str) -> float | None:
        """Return an attribute as a finite number, or None."""
        values = self.numbers(group, keyword, 1)
        return values[0] if values else None

    def numbers(self, group: str, keyword: str, count: int) -> tuple[float, ...] | None:
        """Return an attribute as so many finite numbers, or None if it is missing, or not that."""
        found = self.value(group, keyword)
        values = [] if found is None else [found] if count == 1 and not _is_list(found) else list(found)
        try:
            numbers = tuple(float(value) for value in values)
        except (TypeError, ValueError):
            return None
        return numbers if len(numbers) == count and all(map(math.isfinite, numbers)) else None

    def text(self, keyword: str) -> str:
        """Return an attribute of the file as text, "" without one."""
        found = self.header.get(keyword)
        return "" if found is None else str(found).strip()


def _is_list(value: Any) -> bool:
    return not isinstance(value, (str, bytes)) and hasattr(value, "__len__")
