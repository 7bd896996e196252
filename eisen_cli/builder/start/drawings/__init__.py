"""The line drawings of the start page; their lines have the colour of the text around them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

__all__ = ["drawing"]


@cache
def drawing(name: str) -> str:
    """Return a drawing as SVG.

    Args:
        name: Name of a template, ``"drop"``, ``"empty"`` or ``"open"``.

    Example:
        >>> drawing("gan")[:4]
        '<svg'
    """
    return (Path(__file__).parent / f"{name}.svg").read_text(encoding="utf-8").strip()
