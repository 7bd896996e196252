"""Words of a text field: splitting lists, quotes, numbers, and the JSON that people write."""

from __future__ import annotations

import ast
import json
import re
from typing import Any

__all__ = ["is_bare", "is_item", "loaded", "number_in", "split", "unquoted"]

_INTEGER = re.compile(r"[+-]?\d{1,4000}")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_OPENING, _CLOSING = "([{", ")]}"
_WORDS = ("null", "true", "false", "True", "False", "None", "NaN", "Infinity", "-Infinity")
_INFINITE = (float("inf"), float("-inf"))


def number_in(word: str) -> int | float | None:
    """Return the number that a word is, or None.

    Example:
        >>> number_in("3"), number_in("1e-4"), number_in("high")
        (3, 0.0001, None)
    """
    if _INTEGER.fullmatch(word):
        return int(word)
    number = float(word) if _NUMBER.fullmatch(word) else None
    return None if number in _INFINITE else number


def split(text: str, *, at_blanks: bool = False) -> list[str]:
    """Split a list at the commas that stand in no brackets and no quotes.

    Args:
        text: What was typed.
        at_blanks: Whether a blank parts two items as well.

    Example:
        >>> split("DICE, HDRFDST(percentile=95, x=1)"), split("32 48", at_blanks=True)
        (['DICE', 'HDRFDST(percentile=95, x=1)'], ['32', '48'])
    """
    found, depth, quoted, is_start = [""], 0, False, True
    for letter in text:
        if letter == '"' and (quoted or is_start):
            quoted = not quoted
        if not quoted:
            depth += (letter in _OPENING) - (letter in _CLOSING)
        is_end = not quoted and depth <= 0 and (letter in ",;" or (at_blanks and letter.isspace()))
        is_start = is_end or (is_start and letter.isspace())
        found = [*found, ""] if is_end else [*found[:-1], found[-1] + letter]
    return [part.strip() for part in found if part.strip()]


def unquoted(word: str) -> str:
    """Return a text without the quotes around it, if it has some."""
    if len(word) > 1 and word[0] == word[-1] == '"':
        try:
            return str(json.loads(word))
        except ValueError:
            return word
    return word


def loaded(text: str) -> Any:
    """Return a value written as JSON, or as Python writes it.

    Raises:
        ValueError: If it is neither.

    Example:
        >>> loaded('{"a": [1, 2]}'), loaded("('image', None)")
        ({'a': [1, 2]}, ['image', None])
    """
    try:
        return json.loads(text, parse_constant=_refused)
    except ValueError:
        pass
    try:
        return json.loads(json.dumps(ast.literal_eval(text.strip()), allow_nan=False))
    except (SyntaxError, TypeError, MemoryError, RecursionError) as error:
        raise ValueError(str(error)) from error


def is_bare(text: str) -> bool:
    """Tell whether a text is read as itself where other values are possible too, so that it needs no quotes.

    Example:
        >>> is_bare("minimum"), is_bare("null"), is_bare("3")
        (True, False, False)
    """
    if not text or text != text.strip() or text[0] in "[{(\"'" or text in _WORDS or number_in(text) is not None:
        return False
    try:
        loaded(text)
    except ValueError:
        return True
    return False


def is_item(text: str) -> bool:
    """Tell whether a text needs no quotes in a list."""
    return bool(text) and text != "null" and text[0] not in '[("' and split(text) == [text]


def _refused(constant: str) -> Any:
    raise ValueError(constant)
