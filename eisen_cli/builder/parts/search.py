"""Finding modules by words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches

from eisen_cli.builder.parts.part import Part

__all__ = ["found_in"]

_BETWEEN = re.compile(r"[^\w]+")


def found_in(parts: Sequence[Part], search: str) -> list[Part]:
    """Return the parts that have all words of a search, those that have them in the name first.

    When there is none, those whose name is nearly what was typed.

    Example:
        >>> parts = [Part("a.RandomFlip", "RandomFlip", "Transforms", "Mirrors images.")]
        >>> [part.name for part in found_in(parts, "flip rand")], len(found_in(parts, "mirror"))
        (['RandomFlip'], 1)
        >>> [part.name for part in found_in(parts, "RandmFlip")]
        ['RandomFlip']
    """
    words = search.lower().split()
    ranked = [(max(_rank(part, word) for word in words), order) for order, part in enumerate(parts)]
    hits = [parts[order] for rank, order in sorted(ranked) if rank < _NONE]
    if hits or len(search) < 4:
        return hits
    names = {part.name.lower(): part for part in parts}
    return [names[name] for name in get_close_matches(search.lower().replace(" ", ""), names, n=8, cutoff=0.7)]


_NONE = 9


def _rank(part: Part, word: str) -> int:
    """Return how well a word fits: 0 the whole name, then its beginning, one of its words, inside, path, help."""
    name, words = part.name.lower(), part.words
    tests = (
        name == word,
        name.startswith(word),
        any(each.startswith(word) for each in words.split()),
        word in name or word in words.replace(" ", ""),
        word in part.path.lower(),
        any(each.startswith(word) for each in _BETWEEN.split(part.summary.lower())),
    )
    return next((rank for rank, test in enumerate(tests) if test), _NONE)
