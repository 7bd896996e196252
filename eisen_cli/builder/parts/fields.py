"""One typed field: what a parameter of a module looks like on a page."""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from typing import Any

from eisen.config import hints

__all__ = ["KINDS", "FieldSpec", "plain_value", "spoken"]

KINDS = (
    "number",
    "integer",
    "switch",
    "text",
    "choice",
    "list",
    "nested",
    "dict",
    "path",
    "names",
    "entry",
    "entries",
    "json",
)
"""What a field can be: which control shows it, and how its text is read."""


@dataclass(frozen=True)
class FieldSpec:
    """One parameter as a field.

    Args:
        name: Name of the parameter.
        kind: Which control shows it, one of `KINDS`.
        words: What it takes, in words.
        default: What it is when the file does not say; None when it is required.
        required: Whether the file has to say it.
        choices: The values it can have, if they are listed.
        unit: Its unit, e.g. ``"mm"``; "": none.
        doc: Its help.
        advanced: Whether it is rarely needed and stands under "more".
        hint: Its type, against which values are checked.
        item: Of ``list`` and ``nested``: what is inside, one of number, integer, text, choice or json.
        shape: Of ``list`` and ``names``: ``"many"``, ``"one"``, or ``"either"``, where one value need not be in a list.
        length: Of ``list``: how many values there are; 0: any number.
        nullable: Whether null is a value of its own.
        role: Of ``entry`` and ``entries``: the section whose modules can stand there.
        suggestions: Values that the help names, for a text that may be another one too.
        filled: Whether the program fills it in when the file does not say it.

    Example:
        >>> FieldSpec("lr", "number", "a number", 0.001).shown_default
        '0.001'
    """

    name: str
    kind: str
    words: str
    default: Any = None
    required: bool = False
    choices: tuple[Any, ...] = ()
    unit: str = ""
    doc: str = ""
    advanced: bool = False
    hint: Any = dataclasses.field(default=Any, repr=False)
    item: str = ""
    shape: str = "many"
    length: int = 0
    nullable: bool = False
    role: str = ""
    suggestions: tuple[str, ...] = ()
    filled: bool = False

    @property
    def shown_default(self) -> str:
        """The default as a placeholder shows it; "" when there is none."""
        if self.required or self.filled:
            return "filled in" if self.filled else ""
        default = plain_value(self.default)
        if default is None:
            return "none"
        if isinstance(default, list) and self.kind in ("list", "names"):
            return ", ".join(item if isinstance(item, str) else json.dumps(item) for item in default)
        return default if isinstance(default, str) else json.dumps(default, ensure_ascii=False)

    def problem(self, value: Any) -> str:
        """Return what was expected instead of a value; "" when it fits.

        Example:
            >>> FieldSpec("lr", "number", "a number", hint=float).problem("high")
            'a number'
        """
        try:
            hints.check(self.hint, value)
        except hints.Misfit as misfit:
            return misfit.expected
        return ""


def plain_value(value: Any) -> Any:
    """Return a default as JSON knows it; what JSON does not know as text.

    Example:
        >>> plain_value((1, 2)), plain_value(len)
        ([1, 2], 'len')
    """
    try:
        return json.loads(json.dumps(value))
    except (TypeError, ValueError):
        if isinstance(value, (set, frozenset)):
            return sorted(map(plain_value, value), key=str)
        return str(getattr(value, "__name__", None) or repr(value))


def spoken(text: str) -> str:
    """Return a help without the marks of its language, as a page shows it.

    Example:
        >>> spoken("Which list: ``train`` or ``test``, see `MSDDataset` and :class:`~torch.Tensor`.")
        'Which list: train or test, see MSDDataset and torch.Tensor.'
        >>> spoken("By `Adam <https://a.b>`_.")
        'By Adam.'
    """
    linked = re.sub(r"`([^`<]+?)\s*<[^`>]*>`_{1,2}", r"\1", text)
    named = re.sub(r":[\w:]+:`~?([^`]*)`", r"\1", linked)
    return re.sub(r"`{1,2}([^`]*)`{1,2}", r"\1", named)
