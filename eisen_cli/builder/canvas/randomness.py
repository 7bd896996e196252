"""Telling random steps from others, by what their classes are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

from eisen.config.locate import Unlocatable, locate_named, present_path

__all__ = ["is_random", "without_random"]

_OURS = frozenset({"generator"})
"""What our own classes ask for random numbers."""
_SEEDING = "others_seeded"
"""Steps that run the transforms of others draw a seed for them; whether that matters is up to what they hold."""
_THEIRS = frozenset({"rand", "randn", "randint", "randperm", "random", "uniform", "normal"})
"""What classes of others call, of Python's, NumPy's and PyTorch's random numbers."""


def is_random(path: str) -> bool:
    """Tell whether a class does something else each time: it is derived from a random base, or draws numbers itself.

    Example:
        >>> is_random("eisen.transforms.RandomFlip"), is_random("eisen.transforms.OneOf")
        (True, True)
        >>> is_random("eisen.transforms.Compose"), is_random("eisen.transforms.Resample")
        (False, False)
    """
    try:
        thing = locate_named(present_path(path))
    except Unlocatable:
        return path.rpartition(".")[2].startswith("Rand")
    bases = [base for base in getattr(thing, "__mro__", ()) if base is not object]
    return any(base.__name__.lstrip("_").startswith("Rand") or _draws(base) for base in bases)


def _draws(base: type) -> bool:
    words = _OURS if base.__module__.startswith("eisen.") else _THEIRS
    return any(not words.isdisjoint(code.co_names) and _SEEDING not in code.co_names for code in _codes(base))


def _codes(base: type) -> Iterator[CodeType]:
    for member in vars(base).values():
        function = getattr(member, "__func__", member)
        if isinstance(function, FunctionType):
            yield function.__code__


def without_random(entries: list[Any]) -> tuple[list[Any], list[str]]:
    """Return modules without those that are random or hold a random one, and the names of what was left out.

    A list of steps inside of a module loses its random steps; a module that has none left goes as well.

    Example:
        >>> steps = [{"type": f"eisen.transforms.{name}", "params": {}} for name in ("RandomFlip", "Flip")]
        >>> kept, left_out = without_random([{"type": "eisen.transforms.Compose", "params": {"transforms": steps}}])
        >>> len(kept[0]["params"]["transforms"]), left_out
        (1, ['RandomFlip'])
    """
    kept, left_out = [], []
    for entry in entries:
        if not _is_entry(entry):
            kept.append(entry)
            continue
        inside, names = _inside(entry)
        left_out += names or ([] if inside else [_name(entry)])
        kept += [inside] if inside else []
    return kept, left_out


def _inside(entry: Mapping[str, Any]) -> tuple[dict[str, Any] | None, list[str]]:
    """Return an entry without what is random inside of it, or None; and what was left out."""
    if is_random(str(entry["type"])):
        return None, [_name(entry)]
    params: dict[str, Any] = {}
    names: list[str] = []
    for name, value in dict(entry.get("params") or {}).items():
        params[name] = value
        if _is_entry(value):
            kept, lost = without_random([value])
            if not kept:
                return None, lost
            params[name], names = kept[0], [*names, *lost]
        elif isinstance(value, list) and value and all(map(_is_entry, value)):
            params[name], lost = without_random(value)
            names += lost
            if not params[name]:
                return None, names
    return {**entry, "params": params}, names


def _is_entry(value: Any) -> bool:
    return isinstance(value, Mapping) and isinstance(value.get("type"), str)


def _name(entry: Mapping[str, Any]) -> str:
    return str(entry["type"]).rpartition(".")[2]
