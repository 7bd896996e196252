"""Which code and which libraries a cached result was computed with."""

from __future__ import annotations

import sys
import sysconfig
import types
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any

from eisen._core.digest import file_digest

__all__ = ["code_of", "library_versions"]

_ROOT = Path(__file__).parents[2]
_OURS = ("_core", "io", "transforms")
"""The parts of eisen that readers and transforms are made of; what they import inside of functions lies there too."""
_LIBRARIES = ("numpy", "scipy", "nibabel", "SimpleITK", "torch", "Pillow", "pydicom")


def code_of(things: Iterable[Any]) -> dict[str, str]:
    """Return a short digest of every source file that steps and data sets depend on, by name.

    Of eisen: everything readers and transforms are made of. Of yours: the modules of the classes and functions, and
    the modules beside them that they use (not those that are imported inside of a function). Of other libraries:
    nothing, their versions count.

    Args:
        things: Classes and functions.

    Example:
        >>> from eisen.transforms import AddChannelDimension
        >>> "eisen/transforms/crop.py" in code_of([AddChannelDimension])
        True
    """
    files = dict(_own_code())
    done: set[str] = set()
    todo = [str(getattr(thing, "__module__", "")) for thing in things]
    while todo:
        name = todo.pop()
        module, path = sys.modules.get(name), _user_file(name)
        if name in done or module is None or path is None:
            continue
        done.add(name)
        files[_short_name(path)] = _digest(path, path.stat().st_mtime_ns)
        if not name.startswith("eisen."):
            todo += _used_by(module)
    return files


def library_versions() -> dict[str, str]:
    """Return the versions of the libraries that voxels go through.

    Example:
        >>> "numpy" in library_versions()
        True
    """
    return dict(_versions())


@cache
def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


@cache
def _own_code() -> dict[str, str]:
    paths = sorted(path for part in _OURS for path in (_ROOT / part).rglob("*.py"))
    return {_short_name(path): _digest(path, path.stat().st_mtime_ns) for path in paths}


def _short_name(path: Path) -> str:
    return f"eisen/{path.relative_to(_ROOT).as_posix()}" if path.is_relative_to(_ROOT) else str(path)


@lru_cache(4096)
def _digest(path: Path, mtime_ns: int) -> str:  # noqa: ARG001  # a file that was changed has another one
    return file_digest(path)[:12]


def _used_by(module: types.ModuleType) -> Iterator[str]:
    """Yield the names of the modules that the names in a module come from."""
    for value in list(vars(module).values()):
        name = value.__name__ if isinstance(value, types.ModuleType) else getattr(value, "__module__", None)
        if isinstance(name, str) and name != module.__name__ and not name.startswith("eisen."):
            yield name


def _user_file(name: str) -> Path | None:
    """Return the source file of a module that no package manager has installed."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if not file or not str(file).endswith(".py"):
        return None
    path = Path(file)
    installed = any(path.is_relative_to(place) for place in _installed())
    return path if path.is_file() and (not installed or name.startswith("eisen.")) else None


@cache
def _installed() -> tuple[str, ...]:
    keys = ("stdlib", "platstdlib", "purelib", "platlib")
    return tuple({str(place) for key in keys if (place := sysconfig.get_path(key))})
