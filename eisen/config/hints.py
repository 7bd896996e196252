"""Type hints as far as JSON can tell: does a value fit, what was expected, and the same as JSON Schema."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from functools import lru_cache
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from eisen._core.errors import nearest
from eisen._core.types import Step

__all__ = [
    "STEPS",
    "Misfit",
    "allows_none",
    "check",
    "choices_of",
    "convert",
    "holds_steps",
    "in_words",
    "is_expressible",
    "is_many",
    "is_opaque",
    "is_path",
    "json_schema",
    "plain",
]

_ATOMS = (int, float, str, bool, NoneType)
_LISTS = (list, set, frozenset, Sequence, Collection, Iterable, AbstractSet)
STEPS: Any = Annotated[list[Any], "steps"]
"""The plain hint of a sequence of steps: a list of entries, each with a type and params, like those of a section."""

_OPAQUE = object()
"""Stands for a type that no JSON value can have, such as a tensor."""


def plain(hint: Any) -> Any:
    """Reduce a type hint to what JSON values can be checked against; what cannot be told becomes Any.

    Example:
        >>> plain(Sequence[int])
        list[int]
        >>> plain(type[int])
        typing.Any
    """
    reduced = _reduce(hint)
    return Any if reduced is _OPAQUE else reduced


def is_expressible(hint: Any) -> bool:
    """Tell whether a JSON value can fit a type hint at all.

    Example:
        >>> is_expressible(int | None), is_expressible(type[int])
        (True, False)
    """
    return _reduce(hint) is not _OPAQUE


def is_many(hint: Any) -> bool:
    """Tell whether a type hint, or one of its arms, is a list of things.

    Example:
        >>> is_many(Sequence[Path] | None), is_many(Path)
        (True, False)
    """
    origin = get_origin(hint)
    if origin in (Union, UnionType):
        return any(is_many(arm) for arm in get_args(hint))
    return (origin or hint) in (*_LISTS, tuple)


def is_opaque(hint: Any) -> bool:
    """Tell whether no JSON value but null can fit a type hint.

    Example:
        >>> is_opaque(type[int] | None), is_opaque(int | None)
        (True, False)
    """
    arms = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    return all(arm is NoneType or _reduce(arm) is _OPAQUE for arm in arms)


def is_path(hint: Any) -> bool:
    """Tell whether a type hint names a file or folder.

    Example:
        >>> is_path(str | Path), is_path(str)
        (True, False)
    """
    if get_origin(hint) in (Union, UnionType):
        return any(is_path(arm) for arm in get_args(hint))
    return (get_origin(hint) or hint) in (Path, os.PathLike)


def _reduce(hint: Any) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if hint in _ATOMS or origin is Literal:
        return hint
    if hint in (Any, Hashable):  # texts and numbers are hashable
        return Any
    if hint is None:
        return NoneType
    if origin is Annotated:
        return _reduce(args[0])
    if origin in (Union, UnionType):
        return _union([_reduce(arm) for arm in args])
    kind = origin or hint
    if kind in _LISTS:
        return _list(args[0]) if args else list[Any]
    if kind is tuple:
        return _tuple(args)
    if kind in (dict, Mapping):
        return dict[_key(args[0]), plain(args[1])] if args else dict[str, Any]  # type: ignore[misc]
    if kind in (Path, os.PathLike):
        return str
    is_class = isinstance(kind, type) and kind is not object and not getattr(kind, "_is_protocol", False)
    return _OPAQUE if is_class else Any


def holds_steps(hint: Any) -> bool:
    """Tell whether a plain hint takes a list of steps.

    Example:
        >>> holds_steps(plain(Sequence[Step] | None)), holds_steps(list[int])
        (True, False)
    """
    return STEPS in (hint, *get_args(hint))


def _list(hint: Any) -> Any:
    """A list of what no JSON value can be is no JSON value either."""
    if hint == Step:
        return STEPS
    item = _reduce(hint)
    return _OPAQUE if item is _OPAQUE else list[item]  # type: ignore[valid-type]


def _key(hint: Any) -> Any:
    return int if hint is int else str


def _union(arms: list[Any]) -> Any:
    known = [arm for arm in arms if arm is not _OPAQUE]
    if not known:
        return _OPAQUE
    if any(arm is Any for arm in known) or all(arm is NoneType for arm in known):
        return Any
    return Union[tuple(known)] if len(known) > 1 else known[0]  # noqa: UP007 - the arms are computed


def _tuple(args: tuple[Any, ...]) -> Any:
    if not args or args == ((),):
        return list[Any]
    if args[-1] is Ellipsis:
        return _list(args[0])
    return tuple[tuple(plain(arg) for arg in args)]  # type: ignore[misc]


@lru_cache(maxsize=4096)
def _adapter(hint: Any) -> TypeAdapter[Any]:
    return TypeAdapter(hint)


class Misfit(Exception):  # noqa: N818 - callers turn it into a Problem
    """A value does not fit a hint.

    Args:
        expected: What would have fitted, in words.
        inside: Place of the culprit inside the value, e.g. ``(2,)`` for the third element of a list.
    """

    def __init__(self, expected: str, inside: tuple[str | int, ...] = ()) -> None:
        super().__init__(expected)
        self.expected, self.inside = expected, inside


def check(hint: Any, value: Any) -> None:
    """Raise `Misfit` if a JSON value does not fit a plain hint.

    Example:
        >>> check(list[int], [1, 2.5])
        Traceback (most recent call last):
        ...
        eisen.config.hints.Misfit: a list of whole numbers
    """
    convert(hint, value)


def convert(hint: Any, value: Any) -> Any:
    """Return a JSON value as the hint wants it: tuples for tuples, whole numbers as keys where they are keys.

    Example:
        >>> convert(dict[int, str], {"1": "anterior"})
        {1: 'anterior'}
    """
    if hint is Any:
        return value
    try:
        converted = _adapter(hint).validate_json(json.dumps(value), strict=True)
    except ValidationError as error:
        raise _misfit(hint, value, error) from None
    return value if converted == value else converted


def _misfit(hint: Any, value: Any, error: ValidationError) -> Misfit:
    words = in_words(hint)
    options = choices_of(hint)
    if isinstance(value, str) and options:
        words = ", ".join(filter(None, [words, nearest(value, [str(option) for option in options])]))
    location = error.errors(include_url=False)[0]["loc"]
    inside: list[str | int] = []
    for part in location:
        if not (isinstance(value, list) and isinstance(part, int) and part < len(value)):
            break
        inside.append(part)
        value = value[part]
    return Misfit(words, tuple(inside))


def allows_none(hint: Any) -> bool:
    """Tell whether null is a value of its own for a hint."""
    return hint is NoneType or (get_origin(hint) in (Union, UnionType) and NoneType in get_args(hint))


def choices_of(hint: Any) -> list[Any]:
    """Return the values a hint lists.

    Example:
        >>> choices_of(Literal["nearest", "linear"] | None)
        ['nearest', 'linear']
    """
    if get_origin(hint) is Literal:
        return list(get_args(hint))
    if get_origin(hint) in (Union, UnionType):
        return [choice for arm in get_args(hint) for choice in choices_of(arm)]
    return []


_WORDS = {
    int: ("a whole number", "whole numbers"),
    float: ("a number", "numbers"),
    str: ("text", "texts"),
    bool: ("true or false", "true or false values"),
    NoneType: ("null", "nulls"),
    Any: ("a value", "values"),
    STEPS: ('a list of modules, each {"type": "package.module.Class", "params": {...}}', "lists of modules"),
}


def in_words(hint: Any, *, many: bool = False) -> str:
    """Return a hint in words.

    Example:
        >>> in_words(list[int] | None)
        'a list of whole numbers or null'
    """
    origin, args = get_origin(hint), get_args(hint)
    if hint in _WORDS:
        return _WORDS[hint][many]
    if origin is Literal:
        return f"one of {', '.join(map(json.dumps, args))}"
    if origin in (Union, UnionType):
        return " or ".join(in_words(arm, many=many) for arm in args)
    if origin is list:
        return f"{'lists' if many else 'a list'} of {in_words(args[0], many=True)}"
    if origin is tuple and len(set(args)) == 1:
        return f"{'lists' if many else 'a list'} of {len(args)} {in_words(args[0], many=True)}"
    if origin is tuple:
        return f"{'lists' if many else 'a list'} of {len(args)}: {', '.join(in_words(arg) for arg in args)}"
    return f"{'objects' if many else 'an object'} with {in_words(args[1], many=True)}"


def json_schema(hint: Any) -> dict[str, Any]:
    """Return a plain hint as JSON Schema.

    Example:
        >>> json_schema(list[int])
        {'items': {'type': 'integer'}, 'type': 'array'}
    """
    if hint == STEPS:
        return {"type": "array", "items": {"$ref": "#/$defs/Transforms/items"}}
    if get_origin(hint) is dict:
        keys, values = get_args(hint)
        names = {"propertyNames": {"pattern": r"^-?\d+$"}} if keys is int else {}
        return {"type": "object", "additionalProperties": json_schema(values), **names}
    if get_origin(hint) in (Union, UnionType):
        return {"anyOf": [json_schema(arm) for arm in get_args(hint)]}
    return _adapter(hint).json_schema()
