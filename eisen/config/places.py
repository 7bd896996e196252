"""Places inside a configuration: ``("Training", "Optimizer", 0)`` and its text ``Training.Optimizer[0]``."""

from __future__ import annotations

import re

__all__ = ["Place", "parse", "text_of"]

Place = tuple[str | int, ...]

_PART = re.compile(r"(?:^|\.)(\.?[^.\[\]]+)|\[(\d+)\]")


def text_of(place: Place) -> str:
    """Return a place as people write it.

    Example:
        >>> text_of(("Training", "Optimizer", 0, "params", "lr"))
        'Training.Optimizer[0].params.lr'
    """
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return "".join(parts).removeprefix(".") or "(the whole file)"


def parse(text: str) -> Place | None:
    """Return the place that a text names, or None when the text is not of that form.

    Example:
        >>> parse("Training.Optimizer[0].params.lr")
        ('Training', 'Optimizer', 0, 'params', 'lr')
        >>> parse("Training..[x]") is None
        True
    """
    place: list[str | int] = []
    position = 0
    while position < len(text):
        match = _PART.match(text, position)
        if match is None:
            return None
        key, index = match.groups()
        place.append(int(index) if index else key)
        position = match.end()
    return tuple(place) or None
