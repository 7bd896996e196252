"""Pieces of Python code, and writing them the way ruff formats them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from keyword import iskeyword
from typing import Any

from eisen._core.errors import ArgumentError

__all__ = ["WIDTH", "Call", "Raw", "assignment", "quoted", "written"]

WIDTH = 120
_INDENT = "    "


@dataclass(frozen=True)
class Raw:
    """Code that stands as it is, e.g. the name of a variable.

    Args:
        text: The code.
    """

    text: str


@dataclass(frozen=True)
class Call:
    """A call.

    Args:
        name: What is called.
        args: Arguments by position.
        kwargs: Arguments by name.

    Raises:
        ArgumentError: If something in the place of a name is none: what a file says must not become code.
    """

    name: str
    args: Sequence[Any] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for word in (*self.name.split("."), *self.kwargs):
            if not word.isidentifier() or iskeyword(word):
                raise ArgumentError(
                    f"{word!r:.80} cannot be a name in Python",
                    expected="letters, digits and underscores",
                    to_do="rename it; a script cannot be written with it",
                )


def assignment(name: str, value: Any, indent: int = 1) -> list[str]:
    """Return the lines of ``name = value``.

    Args:
        name: The variable.
        value: A value of JSON, a `Raw`, a `Call`, or lists and dicts of them.
        indent: Levels of indentation.

    Example:
        >>> assignment("net", Call("Linear", [2], {"out_features": 1}), indent=0)
        ['net = Linear(2, out_features=1)']
    """
    return written(value, f"{_INDENT * indent}{name} = ", _INDENT * indent)


def written(value: Any, before: str = "", indent: str = "", after: str = "") -> list[str]:
    """Return the lines of a value: on one line if it fits, else its parts on a line, else each on its own.

    Args:
        value: As of `assignment`.
        before: What stands in front of it on the first line, indentation included.
        indent: Indentation of the line.
        after: What stands behind it on the last line.

    Example:
        >>> for line in written([Raw("a" * 90), Raw("b" * 40)], "x = "):
        ...     print(line[:9])
        x = [
            aaaaa
            bbbbb
        ]
    """
    flat = before + _flat(value) + after
    parts = _parts(value)
    if len(flat) <= WIDTH or parts is None:
        return [flat]
    opening, items, closing = parts
    inner = indent + _INDENT
    joined = inner + ", ".join(label + _flat(item) for label, item in items)
    if len(joined) <= WIDTH and isinstance(value, Call):
        return [before + opening, joined, indent + closing + after]
    lines = [before + opening]
    for label, item in items:
        lines += written(item, inner + label, inner, ",")
    return [*lines, indent + closing + after]


def _parts(value: Any) -> tuple[str, list[tuple[str, Any]], str] | None:
    """Return what opens a value, its parts with what stands in front of each, and what closes it."""
    if isinstance(value, Call) and (value.args or value.kwargs):
        items = [("", item) for item in value.args] + [(f"{name}=", item) for name, item in value.kwargs.items()]
        return f"{value.name}(", items, ")"
    if isinstance(value, Mapping) and value:
        return "{", [(f"{_flat(key)}: ", item) for key, item in value.items()], "}"
    if isinstance(value, list | tuple) and value:
        opening, closing = ("[", "]") if isinstance(value, list) else ("(", ")")
        return opening, [("", item) for item in value], closing
    return None


def _flat(value: Any) -> str:
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, str):
        return quoted(value)
    parts = _parts(value)
    if parts is None:
        return f"{value.name}()" if isinstance(value, Call) else repr(value)
    opening, items, closing = parts
    comma = "," if isinstance(value, tuple) and len(value) == 1 else ""
    return opening + ", ".join(label + _flat(item) for label, item in items) + comma + closing


def quoted(text: str) -> str:
    """Return text as Python writes it, in double quotes unless single ones need fewer escapes.

    Example:
        >>> print(quoted("it's"), quoted('say "a"'))
        "it's" 'say "a"'
    """
    shown = repr(text)
    return f'"{shown[1:-1]}"' if shown[0] == "'" and '"' not in text else shown
