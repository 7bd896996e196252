"""What docstrings say about parameters: Google style, and the ``<json>`` blocks of modules for the old builder."""

from __future__ import annotations

import inspect
import json
import re
from functools import lru_cache
from typing import Any

__all__ = ["argument_texts", "builder_hints", "parameter_texts", "summary_of", "text_of"]

_ARGS = re.compile(r"^(?:Args|Arguments|Parameters):\s*\n((?:[ \t]+\S.*\n?|[ \t]*\n)*)", re.M)
_NAME = re.compile(r"\*{0,2}(\w+)(?: ?\([^)]*\))?:\s*(.*)")
_BLOCK = re.compile(r"<json>(.*?)(?:</json>|\Z)", re.S)


@lru_cache(maxsize=4096)
def text_of(cls: Any) -> str:
    """Return the docstrings of a class and of its constructor, without the builder's block."""
    own = inspect.getdoc(cls) or ""
    constructor = vars(cls).get("__init__") if isinstance(cls, type) else None
    more = inspect.getdoc(constructor) if constructor is not None else ""
    if more == inspect.getdoc(object.__init__):
        more = ""
    return _BLOCK.sub("", "\n\n".join(filter(None, [own, more]))).strip()


def summary_of(text: str) -> str:
    """Return the first sentence of a docstring.

    Example:
        >>> summary_of("Cuts out the middle. And more.")
        'Cuts out the middle.'
        >>> summary_of("Takes a step, e.g. a crop. And more.")
        'Takes a step, e.g. a crop.'
    """
    first = " ".join(text.strip().split("\n\n")[0].split())
    return re.split(r"(?<=[.!?])(?<!e\.g\.)(?<!i\.e\.)\s", first, maxsplit=1)[0]


def argument_texts(text: str) -> dict[str, str]:
    r"""Return the help of each parameter from the ``Args:`` part of a docstring.

    Example:
        >>> argument_texts("Says it.\n\nArgs:\n    size: Voxels per axis,\n        three numbers.\n")
        {'size': 'Voxels per axis, three numbers.'}
    """
    lines = [line for body in _ARGS.findall(text) for line in body.splitlines() if line.strip()]
    found: dict[str, str] = {}
    name = ""
    for line in lines:
        is_first = len(line) - len(line.lstrip()) == len(lines[0]) - len(lines[0].lstrip())
        match = _NAME.match(line.strip()) if is_first else None
        if match:
            name, found[match.group(1)] = match.groups()
        elif name:
            found[name] = f"{found[name]} {line.strip()}".strip()
    return found


def parameter_texts(cls: Any) -> dict[str, str]:
    """Return the help of each parameter of a class; what it does not explain itself, the classes it derives from do.

    Example:
        >>> class Crop:
        ...     '''Cut.
        ...
        ...     Args:
        ...         size: In voxels.
        ...     '''
        >>> class CropFast(Crop):
        ...     '''The same, sooner.'''
        >>> parameter_texts(CropFast)
        {'size': 'In voxels.'}
    """
    family = cls.__mro__ if isinstance(cls, type) else (cls,)
    found: dict[str, str] = {}
    for member in family:
        found = {**argument_texts(text_of(member)), **found}
    return found


def builder_hints(cls: Any) -> dict[str, dict[str, Any]]:
    """Return the entries of the ``<json>`` block in a docstring by parameter name; empty when there is none.

    The block lists one object per parameter with name, type and value; value may be a list of choices.
    """
    documents = [cls.__doc__, getattr(getattr(cls, "__init__", None), "__doc__", None)]
    for document in filter(None, documents):
        if match := _BLOCK.search(document):
            try:
                entries, _ = json.JSONDecoder().raw_decode(match.group(1).strip())
            except ValueError:
                continue
            return {entry["name"]: entry for entry in entries if isinstance(entry, dict) and "name" in entry}
    return {}
