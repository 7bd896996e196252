"""Keywords that every data set hands on to the class it is built on: written once, seen everywhere.

A data set that ends its constructor with ``**options: Unpack[SplitOptions]`` and hands them on takes the keywords of
its base class. What reads signatures and docstrings (the configuration, its schema, the builder, the reference,
`help`) shall see these keywords by name: `spell_out` writes them into both.
"""

from __future__ import annotations

import inspect
import re
from typing import Any, Literal, TypedDict

__all__ = ["PublicOptions", "SplitOptions", "spell_out"]

_LINE = re.compile(r"^    \*\*\w+:.*(?:\n {5,}.*)*", re.MULTILINE)
_ENTRY = re.compile(r"^    (\w+):.*(?:\n {5,}\S.*)*", re.MULTILINE)


class SplitOptions(TypedDict, total=False):
    """Which cases of a list to keep; see `eisen.datasets.EisenDataset`."""

    split: Literal["all", "train", "validation"]
    validation_fraction: float
    split_seed: int
    group: str | None


class PublicOptions(SplitOptions, total=False):
    """The keywords of a public data set; see `eisen.datasets.public.PublicDataset`."""

    download: bool


def spell_out(cls: type) -> None:
    """Replace the ``**options`` of a constructor, in signature and docstring, by the keywords of its base class."""
    own = inspect.signature(cls.__init__)  # type: ignore[misc]
    parameters = list(own.parameters.values())[1:]
    if not parameters or parameters[-1].kind is not inspect.Parameter.VAR_KEYWORD:
        cls.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]  # not that of the base
        return
    taken = {parameter.name for parameter in parameters[:-1]}
    base = cls.__mro__[1]
    handed_on = [p for p in _keywords_of(base) if p.name not in taken]
    cls.__signature__ = own.replace(parameters=[*parameters[:-1], *handed_on])  # type: ignore[attr-defined]
    if cls.__doc__:
        texts = {match[1]: match[0] for match in _ENTRY.finditer(inspect.cleandoc(base.__doc__ or ""))}
        lines = "\n".join(texts[p.name] for p in handed_on if p.name in texts)
        cls.__doc__ = _LINE.sub(lambda _: lines, inspect.cleandoc(cls.__doc__), count=1)


def _keywords_of(cls: Any) -> list[inspect.Parameter]:
    """Return what a class takes by keyword only."""
    return [p for p in inspect.signature(cls).parameters.values() if p.kind is inspect.Parameter.KEYWORD_ONLY]
