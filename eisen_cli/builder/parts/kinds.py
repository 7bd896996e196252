"""From the type of a parameter to the kind of its field."""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

__all__ = ["Shape", "shape_of"]

Shape = dict[str, Any]
"""The arguments of a FieldSpec that its type decides: kind, item, shape, length, choices, nullable."""

_ATOMS = {int: "integer", float: "number", str: "text"}


def shape_of(hint: Any) -> Shape:
    """Return the kind of field for a plain hint, see `eisen.config.hints.plain`.

    Example:
        >>> shape_of(list[int] | int)
        {'kind': 'list', 'item': 'integer', 'shape': 'either'}
        >>> shape_of(Literal["a", "b"] | None)
        {'kind': 'choice', 'choices': ('a', 'b'), 'nullable': True}
    """
    arms = _arms(hint)
    nullable: Shape = {"nullable": True} if NoneType in arms else {}
    arms = [arm for arm in arms if arm is not NoneType]
    found = _one(arms[0]) if len(arms) == 1 else _several(arms)
    return found | nullable


def _arms(hint: Any) -> list[Any]:
    return list(get_args(hint)) if get_origin(hint) in (Union, UnionType) else [hint]


def _one(hint: Any) -> Shape:
    origin, args = get_origin(hint), get_args(hint)
    if hint is bool:
        return {"kind": "switch"}
    if hint in _ATOMS:
        return {"kind": _ATOMS[hint]}
    if origin is Literal:
        return {"kind": "choice", "choices": args}
    if origin is list:
        return _list(args[0])
    if origin is tuple:
        return _tuple(args)
    return {"kind": "dict", "item": _item(args[1])} if origin is dict else {"kind": "json"}


def _several(arms: list[Any]) -> Shape:
    if set(arms) == {int, float}:
        return {"kind": "number"}
    if all(get_origin(arm) is Literal for arm in arms):
        return {"kind": "choice", "choices": tuple(value for arm in arms for value in get_args(arm))}
    lists = [arm for arm in arms if get_origin(arm) in (list, tuple)]
    single = {_item(arm) for arm in arms if arm not in lists}
    if len(lists) == 1 and len(single) == 1 and "json" not in single:
        inner = _one(lists[0])
        if inner["kind"] == "nested":
            return inner
        if _joined({*single, inner.get("item", "")}):
            return {**inner, "item": _joined({*single, inner["item"]}), "shape": "either"}
    return {"kind": "json"}


def _list(item: Any) -> Shape:
    kind = _item(item)
    if kind == "json":
        return {"kind": "nested", "item": "json"}
    choices = {"choices": get_args(item)} if kind == "choice" else {}
    return {"kind": "list", "item": kind, **choices}


def _tuple(args: tuple[Any, ...]) -> Shape:
    kind = _joined({_item(arg) for arg in args})
    return {"kind": "list", "item": kind, "length": len(args)} if kind else {"kind": "nested", "item": "json"}


def _joined(kinds: set[str]) -> str:
    """Return the one kind that values of several kinds can be read as; "" when there is none."""
    if kinds == {"integer", "number"}:
        return "number"
    return kinds.pop() if len(kinds) == 1 and kinds != {"json"} else ""


def _item(hint: Any) -> str:
    """Return the kind of a value inside of a list; numbers that may be null count as numbers."""
    arms = [arm for arm in _arms(hint) if arm is not NoneType]
    kinds = {_ATOMS.get(arm, "choice" if get_origin(arm) is Literal else "json") for arm in arms}
    return _joined(kinds) or "json"
