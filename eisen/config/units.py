"""In which unit a number is, as its name or its help says."""

from __future__ import annotations

import re

__all__ = ["unit_of"]

_NAMED = {
    "mm3": "mm³",
    "ml": "ml",
    "mm": "mm",
    "gb": "GB",
    "mb": "MB",
    "hu": "HU",
    "degrees": "°",
    "seconds": "s",
    "minutes": "min",
    "voxels": "voxels",
    "percent": "%",
}
"""Last words of names, and the unit each says."""

_SAID = {
    "mm³": r"\bmm3\b|\bmm³|cubic millimetres?",
    "mm": r"(?<!1/)\bmm\b|millimet(?:re|er)s?",
    "°": r"\bdegrees?\b",
    "rad": r"\bradians?\b",
    "HU": r"\bHU\b|Hounsfield",
    "GB": r"\bGB\b|gigabytes?",
    "s": r"\bseconds?\b",
    "min": r"\bminutes?\b",
    "voxels": r"\bvoxels\b(?! (?:whose|where|that|with|of))",
    "pixels": r"\bpixels\b(?! (?:whose|where|that|with|of))",
}
"""Units, and how sentences say them."""


def unit_of(name: str, text: str) -> str:
    """Return the unit of a parameter, or "" when none is said, or more than one.

    Args:
        name: Its name; the last word of it may be a unit.
        text: Its help; only the first sentence counts.

    Example:
        >>> unit_of("spacing_mm", ""), unit_of("angle", "Largest turn in degrees.")
        ('mm', '°')
        >>> unit_of("sigma", "In mm, or in voxels.")
        ''
    """
    last = name.rpartition("_")[2].lower()
    if ("_" in name and last in _NAMED) or last in ("degrees", "seconds", "minutes"):
        return _NAMED[last]
    first = re.split(r"(?<=[.;])\s", text, maxsplit=1)[0]
    said = [unit for unit, pattern in _SAID.items() if re.search(pattern, first)]
    return said[0] if len(said) == 1 else ""
