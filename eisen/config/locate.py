"""From a dotted path to the object it names, without ever touching what a configuration must not reach."""

from __future__ import annotations

import re
import sys
from importlib import import_module
from types import ModuleType
from typing import Any

from eisen._core.errors import ConfigError, EisenError, Problem, nearest
from eisen._core.legacy import GONE, RENAMED
from eisen.config.catalogue import public_names

__all__ = ["Unlocatable", "locate", "locate_named", "present_path"]

_DOTTED = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")
_EXAMPLE = "a dotted path such as 'eisen.transforms.AddChannelDimension'"


class Unlocatable(Exception):  # noqa: N818 - callers turn it into a Problem
    """A dotted path names nothing that may be used.

    Args:
        what: What was wrong with it.
        expected: What would have been right.
    """

    def __init__(self, what: str, expected: str = "") -> None:
        super().__init__(what)
        self.what, self.expected = what, expected


def locate(dotted: str) -> Any:
    """Return the object a dotted path names. Old names of the original Eisen work.

    Modules of Python's standard library are refused before they are imported: a configuration describes an
    experiment and has no business with ``os.system``.

    Args:
        dotted: Package, module and name, e.g. ``"torch.optim.Adam"``.

    Raises:
        ConfigError: If there is no such object, or it may not be used; it says which name comes nearest.

    Example:
        >>> locate("eisen._core.types.Geometry").__name__
        'Geometry'
        >>> locate("shutil.rmtree")
        Traceback (most recent call last):
        ...
        eisen._core.errors.ConfigError: 1 problem in the configuration
        shutil.rmtree: 'shutil' is part of Python's standard library and may not be named here – ...
    """
    try:
        return locate_named(dotted)
    except Unlocatable as error:
        raise ConfigError([Problem(str(dotted), error.what, error.expected)]) from error.__cause__


def present_path(dotted: str) -> str:
    """Return what an old dotted path is called today; other paths come back unchanged.

    Example:
        >>> present_path("eisen.io.imaging.LoadNiftyFromFilename")
        'eisen.io.imaging.LoadNiftiFromFilename'
    """
    return RENAMED.get(dotted, dotted)


def locate_named(dotted: str) -> Any:
    """Do what `locate` does, and raise `Unlocatable`, which knows no place."""
    if dotted in GONE:
        raise Unlocatable(f"'{dotted}' is no longer there", GONE[dotted])
    path = present_path(dotted)
    if not _DOTTED.fullmatch(path):
        raise Unlocatable(f"'{path}' is no dotted path", nearest(path, _last_names()) or _EXAMPLE)
    parts = path.split(".")
    _refuse_forbidden(parts)
    module, rest = _import(parts)
    return _walk(module, rest, path)


def _refuse_forbidden(parts: list[str]) -> None:
    if parts[0] in sys.stdlib_module_names:
        what = f"'{parts[0]}' is part of Python's standard library and may not be named here"
        raise Unlocatable(what, _EXAMPLE)
    if any(part.startswith("__") for part in parts[1:]):
        raise Unlocatable(f"'{'.'.join(parts)}' reaches into the inside of Python", _EXAMPLE)


def _import(parts: list[str]) -> tuple[ModuleType, list[str]]:
    """Import the longest part of the path that is a module; the last name never is one."""
    for length in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:length])
        try:
            return import_module(module), parts[length:]
        except ModuleNotFoundError as error:
            if not error.name or not f"{module}.".startswith(f"{error.name}."):
                raise Unlocatable(f"'{module}' needs the package '{error.name}'", "install that package") from error
        except EisenError as error:
            raise Unlocatable(f"'{module}' cannot be imported: {error.card.what}", error.card.to_do) from error
        except Exception as error:
            what = f"importing '{module}' failed: {type(error).__name__}: {error}"
            raise Unlocatable(what, f"a module that 'python -c \"import {module}\"' can load") from error
    what = f"there is no package '{parts[0]}'"
    raise Unlocatable(
        what, _suggestion(".".join(parts)) or "an installed package, or a module beside the configuration"
    )


def _walk(module: ModuleType, names: list[str], path: str) -> Any:
    thing: Any = module
    for name in names:
        owner = thing
        try:
            thing = getattr(owner, name)
        except AttributeError as error:
            raise _no_such_name(module, owner, name, path) from error
        except Exception as error:
            raise Unlocatable(f"'{path}' cannot be imported: {type(error).__name__}: {error}") from error
        home = thing.__name__ if isinstance(thing, ModuleType) else getattr(thing, "__module__", None)
        if isinstance(home, str) and home.partition(".")[0] in sys.stdlib_module_names:
            what = f"'{path}' is '{home}.{getattr(thing, '__qualname__', name)}' of Python's standard library"
            raise Unlocatable(what, _EXAMPLE)
    return thing


def _no_such_name(module: ModuleType, owner: Any, name: str, path: str) -> Unlocatable:
    label = getattr(owner, "__name__", name)
    names = getattr(owner, "__all__", None) or [n for n in dir(owner) if not n.startswith("_")]
    kind = "module" if owner is module else "class"
    close = nearest(name, names)
    if close:
        close = close.replace("mean '", f"mean '{label}.")
    return Unlocatable(f"{kind} '{label}' has no '{name}'", close or _suggestion(path) or _some(label, names))


def _some(label: str, names: list[str]) -> str:
    return f"one of the names in {label}: {', '.join(sorted(names)[:8])}" if names else _EXAMPLE


def _last_names() -> dict[str, str]:
    return {dotted.rpartition(".")[2]: dotted for dotted in public_names()}


def _suggestion(path: str) -> str:
    """Return ``did you mean ...`` for a path whose last name nearly is one of ours."""
    names = _last_names()
    last = path.rpartition(".")[2]
    close = nearest(last, names)
    if close:
        name = close.split("'")[1]
        return f"did you mean '{names[name]}'?"
    return nearest(path, names.values())
