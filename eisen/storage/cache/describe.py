"""Steps and data sets as plain data, so that two of them can be compared and a difference be named."""

from __future__ import annotations

import enum
import functools
import inspect
import os
import types
from collections.abc import Mapping
from contextlib import suppress
from pathlib import PurePath
from typing import Any

import numpy as np

from eisen._core.digest import bytes_digest, file_digest
from eisen._core.errors import ArgumentError
from eisen._core.optional import is_torch
from eisen._core.types import Geometry
from eisen.storage.cache.layout import dense, kind_of_array
from eisen.storage.geometry_text import geometry_to_json

__all__ = ["describe", "type_name"]

_LARGE_FILE = 1 << 20
"""Larger files that are named in settings count with size and time, smaller ones with their content."""
_DEPTH = 24


def describe(value: Any) -> Any:
    """Return what a value is, as JSON knows it: the same for values that do the same.

    Numbers and text are themselves, arrays and files they name count with a digest of their content, functions with
    that of their code, other objects with their class and their attributes.

    Args:
        value: A step, a setting of one, a listed case, ...

    Raises:
        ArgumentError: If it holds something that cannot be told apart from something else, e.g. an open file.

    Example:
        >>> from eisen.transforms import AddChannelDimension
        >>> describe(AddChannelDimension(["image"]))
        {'type': 'eisen.transforms.fields.AddChannelDimension', 'params': {'fields': ['image']}}
    """
    return _described(value, _DEPTH)


def type_name(kind: Any) -> str:
    """Return where a class or function is to be found, e.g. ``"eisen.transforms.Compose"``."""
    return f"{kind.__module__}.{kind.__qualname__}"


def _described(value: Any, depth: int) -> Any:
    if depth == 0:
        raise _strange(value, "is nested too deep")
    if value is None or type(value) in (bool, int, float):
        return value
    if isinstance(value, (str, PurePath)):
        return _text(str(value))
    if isinstance(value, (list, tuple)):
        return [_described(item, depth - 1) for item in value]
    if isinstance(value, Mapping):
        return _mapping(value, depth)
    if isinstance(value, (set, frozenset)):
        return sorted((_described(item, depth - 1) for item in value), key=repr)
    return _object(value, depth)


def _text(text: str) -> Any:
    """Return a text; one that names a file means what is in it."""
    if not 0 < len(text) < 1024 or "\n" in text or "\0" in text or not os.path.isfile(text):  # noqa: PTH113  # faster
        return text
    stat = os.stat(text)  # noqa: PTH116
    if stat.st_size > _LARGE_FILE:
        return {"file": text, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    return {"file": text, "digest": file_digest(text)[:16]}


def _mapping(value: Mapping[Any, Any], depth: int) -> Any:
    """Return a dict with text as keys; of a class of its own with what else it knows."""
    items = {
        key if isinstance(key, str) else repr(_described(key, depth - 1)): _described(item, depth - 1)
        for key, item in value.items()
    }
    more = getattr(value, "__dict__", None)
    return {"items": items, "more": _described(more, depth - 1)} if more else items


def _object(value: Any, depth: int) -> Any:
    if isinstance(value, np.generic):
        return {"number": repr(value.item()), "dtype": str(value.dtype)}
    if kind_of_array(value):
        record, raw = dense(value)
        return {"array": record, "digest": bytes_digest(raw.data)[:24]}
    if isinstance(value, Geometry):
        return {"geometry": geometry_to_json(value)}
    if isinstance(value, functools.partial):
        return {"type": "functools.partial", "params": _described([value.func, value.args, value.keywords], depth - 1)}
    if isinstance(value, types.MethodType):
        return {"type": type_name(value.__func__), "params": {"self": _described(value.__self__, depth - 1)}}
    if isinstance(value, types.FunctionType):
        return {"type": type_name(value), "params": _function(value, depth)}
    if isinstance(value, (type, types.BuiltinFunctionType, np.ufunc)):
        return {"type": f"{getattr(value, '__module__', None) or 'numpy'}.{value.__name__}"}
    if isinstance(value, (np.dtype, enum.Enum)) or (type(value).__module__ in ("torch", "re") and not is_torch(value)):
        return {"type": type_name(type(value)), "value": str(value)}
    return _instance(value, depth)


def _instance(value: Any, depth: int) -> Any:
    """Return the class of an object and its attributes; private ones only where they can be told."""
    attributes = getattr(value, "__dict__", None)
    if attributes is None or isinstance(value, types.ModuleType) or inspect.isgenerator(value):
        raise _strange(value, f"holds a {type_name(type(value))}")
    found = {}
    for name, item in attributes.items():
        if not name.startswith("_"):
            found[name] = _described(item, depth - 1)
            continue
        with suppress(ArgumentError):
            found[name] = _described(item, depth - 1)
    return {"type": type_name(type(value)), "params": found}


def _function(function: types.FunctionType, depth: int) -> dict[str, Any]:
    """Return what a function does: a digest of its code, and the values it has taken along."""
    cells = [cell.cell_contents for cell in function.__closure__ or ()]
    told = {"code": _code_digest(function.__code__)}
    if cells:
        told["closure"] = _described(dict(zip(function.__code__.co_freevars, cells, strict=True)), depth - 1)
    if function.__defaults__ or function.__kwdefaults__:
        told["defaults"] = _described([function.__defaults__, function.__kwdefaults__], depth - 1)
    return told


def _code_digest(code: types.CodeType) -> str:
    parts = [code.co_code, repr(code.co_names).encode()]
    parts += [_constant(constant) for constant in code.co_consts]
    return bytes_digest(b"\0".join(parts))[:16]


def _constant(value: Any) -> bytes:
    if isinstance(value, types.CodeType):
        return _code_digest(value).encode()
    return repr(sorted(value, key=repr) if isinstance(value, frozenset) else value).encode()


def _strange(value: Any, why: str) -> ArgumentError:
    return ArgumentError(
        f"{type(value).__name__} {why}, of which nobody can tell whether it has changed",
        expected="steps and data sets made of numbers, text, lists, arrays, files and functions",
        to_do="keep that step out of the cache with n_steps, or keep the cases in memory only: leave out folder",
    )
