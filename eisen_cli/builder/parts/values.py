"""Values as text and back: what a field shows, and what is understood of what was typed."""

from __future__ import annotations

import json
from typing import Any

from eisen_cli.builder.parts.fields import FieldSpec
from eisen_cli.builder.parts.wording import is_bare, is_item, loaded, number_in, split, unquoted

__all__ = ["UNSET", "Misread", "as_text", "loosely_read", "read_text", "same", "suits"]

UNSET: Any = object()
"""What an empty field means: the file says nothing, and the default counts."""

_LONG = 64
_DEEP = ("json", "nested", "dict")
_LISTS = ("list", "names")
_NUMERIC = ("integer", "number")


class Misread(ValueError):  # noqa: N818 - it says what was expected, and is shown under the field
    """What was typed is no value of the field; the message says what was expected."""


def as_text(spec: FieldSpec, value: Any) -> str:
    """Return a value as the field shows it. Reading that text gives the same value.

    Example:
        >>> as_text(FieldSpec("size", "list", "", item="integer"), [32, 48, 32])
        '32, 48, 32'
        >>> as_text(FieldSpec("window", "text", ""), "lung")
        'lung'
    """
    if value is UNSET:
        return ""
    if isinstance(value, str) and _is_shown_bare(spec, value):
        return value
    if spec.kind in _LISTS and isinstance(value, list) and (len(value) > 1 or (value and spec.shape != "either")):
        return ", ".join(item if isinstance(item, str) and is_item(item) else _json(item) for item in value)
    short = _json(value)
    is_deep = spec.kind in _DEEP and isinstance(value, (dict, list)) and len(short) > _LONG
    return json.dumps(value, ensure_ascii=False, indent=2) if is_deep else short


def read_text(spec: FieldSpec, text: str) -> Any:
    """Return what was typed as a value, or `UNSET` when nothing was.

    Raises:
        Misread: If it is no value of the field.

    Example:
        >>> read_text(FieldSpec("lr", "number", "a number", hint=float), "1e-4")
        0.0001
        >>> read_text(FieldSpec("size", "list", "", item="integer", hint=list[int]), "32, 48, 32")
        [32, 48, 32]
    """
    value = _read(spec, text)
    expected = "" if value is UNSET or (value is None and spec.nullable) else spec.problem(value)
    if expected:
        raise Misread(expected)
    return value


def loosely_read(text: str) -> Any:
    """Return what was typed as the value that a file would hold, whatever the field wants: JSON, or else the text.

    Example:
        >>> loosely_read("0"), loosely_read("[1, 2]"), loosely_read("fast")
        (0, [1, 2], 'fast')
    """
    try:
        return loaded(text)
    except ValueError:
        return text


def suits(spec: FieldSpec, value: Any) -> bool:
    """Tell whether the control of a field can show a value as it is; all others are shown as JSON.

    Example:
        >>> spec = FieldSpec("lr", "number", "a number", hint=float)
        >>> suits(spec, 0.1), suits(spec, "high"), suits(spec, UNSET)
        (True, False, True)
    """
    if value is UNSET or spec.kind in ("json", "choice"):
        return True
    if value is None and spec.nullable:
        return True
    if spec.kind in _FORMS:
        return bool(_FORMS[spec.kind](value))
    try:
        return same(_read(spec, as_text(spec, value)), value)
    except Misread:
        return False


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same in a file: 1, 1.0 and true are three.

    Example:
        >>> same(1, 1.0), same([1], [1]), same(True, 1)
        (False, True, False)
    """
    if one is UNSET or other is UNSET:
        return one is other
    return json.dumps(one) == json.dumps(other)


def _is_entry(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("type"), str)


_FORMS: dict[str, Any] = {
    "switch": lambda value: isinstance(value, bool),
    "dict": lambda value: isinstance(value, dict),
    "entry": _is_entry,
    "entries": lambda value: isinstance(value, list) and all(map(_is_entry, value)),
}
"""What the controls that are no text can show."""


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _is_shown_bare(spec: FieldSpec, value: str) -> bool:
    """Tell whether a text is shown without quotes."""
    if spec.kind in ("text", "path"):
        return not (value == "null" and spec.nullable)
    if spec.kind in _LISTS:
        return spec.shape != "many" and is_item(value)
    return spec.kind == "json" and is_bare(value)


def _read(spec: FieldSpec, text: str) -> Any:
    """Read a text as the kind of the field has it, whether or not the value is one of those allowed."""
    if not text.strip():
        return UNSET
    if text.strip() == "null" and spec.nullable:
        return None
    if spec.kind in ("text", "path"):
        return unquoted(text) if text == '"null"' and spec.nullable else text
    if spec.kind in _NUMERIC:
        return _number(spec, text.strip())
    return _list(spec, text.strip()) if spec.kind in _LISTS else _value(spec, text)


def _number(spec: FieldSpec, word: str) -> int | float:
    number = number_in(word)
    if number is None or (spec.kind == "integer" and not isinstance(number, int)):
        raise Misread(spec.words or "a number")
    return number


def _list(spec: FieldSpec, text: str) -> Any:
    if text[0] in "[(":
        return _value(spec, text)
    values = [_item(spec, part) for part in split(text, at_blanks=spec.item in _NUMERIC)]
    is_one = spec.shape == "one" or (spec.shape == "either" and not text.endswith(","))
    return values[0] if is_one and len(values) == 1 else values


def _item(spec: FieldSpec, word: str) -> Any:
    if spec.item not in _NUMERIC:
        text = unquoted(word)
        return next((choice for choice in spec.choices if str(choice) == text), text)
    number = number_in(word)
    if number is None and word != "null":
        raise Misread(spec.words or "numbers with commas between them")
    return number


def _value(spec: FieldSpec, text: str) -> Any:
    """Read JSON, or what people write instead of it: Python's words, tuples, and texts without quotes."""
    for written in (text, f"[{text}]") if spec.kind == "nested" else (text,):
        try:
            return loaded(written)
        except ValueError:
            continue
    if spec.kind == "json" and is_bare(text) and not spec.problem(text):
        return text
    raise Misread(spec.words if spec.words not in ("", "a value") else "a JSON value, with texts in double quotes")
