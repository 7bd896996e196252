"""What a script imports, and what things are called in it."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from eisen._core.errors import EisenError
from eisen.config import locate

__all__ = ["Names"]

_STANDARD = ("fnmatch", "pathlib", "random", "sys")
_WHOLE = {"torch": "torch", "numpy": "np"}
"""Packages that are imported as a whole, and what they are called."""


class Names:
    """Collects imports while a script is written.

    Example:
        >>> names = Names()
        >>> names.of("eisen.transforms.imaging.NiftiToNumpy"), names.of("torch.optim.Adam")
        ('NiftiToNumpy', 'torch.optim.Adam')
        >>> names.lines()
        ['import torch', 'from eisen.transforms import NiftiToNumpy']
    """

    def __init__(self) -> None:
        self._whole: set[str] = set()
        self._parts: dict[str, str] = {}

    def whole(self, module: str) -> str:
        """Import a module as a whole, and return what it is called."""
        self._whole.add(module)
        return _WHOLE.get(module, module)

    def of(self, path: str) -> str:
        """Import what a dotted path names, and return what it is called.

        Two things of one name keep their dotted paths.
        """
        top = path.partition(".")[0]
        if top in _WHOLE:
            self.whole(top)
            return _WHOLE[top] + path[len(top) :]
        module, name = _shortest(path)
        if self._parts.setdefault(name, module) != module:
            self._whole.add(module)
            return f"{module}.{name}"
        return name

    def lines(self) -> list[str]:
        """Return the lines of the imports, those of Python itself first, with an empty line between."""
        by_module: dict[str, list[str]] = {}
        for name, module in self._parts.items():
            by_module.setdefault(module, []).append(name)
        whole = [f"import {name}" + (f" as {_WHOLE[name]}" if name == "numpy" else "") for name in sorted(self._whole)]
        blocks: list[list[str]] = [[], []]
        for line in whole:
            blocks[line.split()[1].partition(".")[0] not in _STANDARD].append(line)
        for module in sorted(by_module):
            blocks[module not in _STANDARD] += _from(module, sorted(by_module[module], key=_isort))
        return [*blocks[0], *([""] if blocks[0] and blocks[1] else []), *blocks[1]]


def _from(module: str, names: list[str]) -> list[str]:
    line = f"from {module} import {', '.join(names)}"
    if len(line) <= 120:
        return [line]
    return [f"from {module} import (", *(f"    {name}," for name in names), ")"]


def _isort(name: str) -> tuple[int, str]:
    """Return the key of the usual order: constants, classes, functions."""
    kind = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return kind, name


@cache
def _shortest(path: str) -> tuple[str, str]:
    """Return the shortest module from which something can be imported under its name, and the name."""
    parts = path.split(".")
    name, thing = parts[-1], _found(path)
    for length in range(2 if parts[0] == "eisen" else 1, len(parts)):
        module = ".".join(parts[:length])
        if thing is not None and _attribute(module, name) is thing:
            return module, name
    return ".".join(parts[:-1]), name


def _found(path: str) -> Any:
    try:
        return locate(path)
    except EisenError:
        return None


def _attribute(module: str, name: str) -> Any:
    try:
        return getattr(import_module(module), name, None)
    except (ImportError, EisenError):
        return None
