"""What a package declares about a field - name, type, shape - against what comes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eisen._core.errors import ArgumentError
from eisen_deploy.wire.arrays import dtype_of

__all__ = ["Misfit", "declared_dtype", "described", "fitting", "is_array_type"]

_ARRAY = re.compile(r"(?:(?:np|numpy)\.)?(?:ndarray|nd\.array)(?::(\w+))?")


class Misfit(ValueError):  # noqa: N818  # it becomes an answer or a card of whoever asked
    """A value that is not what is declared.

    Args:
        expected: What is declared.
        got: What came.
    """

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"{expected} is expected, {got} came")
        self.expected, self.got = expected, got


def is_array_type(kind: Any) -> bool:
    """Tell whether a declared type means arrays.

    Args:
        kind: The text; ``np.ndarray`` and ``nd.array`` are in use as well.

    Example:
        >>> [is_array_type(kind) for kind in ("ndarray", "np.ndarray", "ndarray:int64", "list", "Image")]
        [True, True, True, False, False]
    """
    return isinstance(kind, str) and _ARRAY.fullmatch(kind) is not None


def declared_dtype(kind: Any) -> np.dtype[Any] | None:
    """Return the type of the elements, if one is declared.

    Args:
        kind: The declared type, e.g. ``"ndarray:int64"``.

    Raises:
        ArgumentError: If it names a type that arrays cannot have here.

    Example:
        >>> declared_dtype("ndarray:int64"), declared_dtype("ndarray")
        (dtype('int64'), None)
    """
    match = _ARRAY.fullmatch(kind) if isinstance(kind, str) else None
    return dtype_of(match[1]) if match and match[1] else None


def described(value: Any) -> str:
    """Return what a value is, in a few words.

    Example:
        >>> described(np.zeros((1, 3), np.float32)), described([1, 2])
        ('ndarray float32 of shape [1, 3]', 'list of length 2')
    """
    if isinstance(value, np.ndarray):
        return f"ndarray {value.dtype} of shape {list(value.shape)}"
    if isinstance(value, (list, tuple, str, bytes, Mapping)):
        kind = "list" if isinstance(value, tuple) else type(value).__name__
        return f"{kind} of length {len(value)}"
    return "nothing" if value is None else type(value).__name__


def fitting(value: Any, declaration: Mapping[str, Any]) -> Any:
    """Return a value as it is declared.

    Args:
        value: What came. Lists of numbers become arrays where arrays are declared.
        declaration: With ``type`` and ``shape``; types other than arrays, lists and text are not checked.

    Raises:
        Misfit: If it is something else.

    Example:
        >>> fitting([[1.0, 2.0]], {"type": "ndarray", "shape": [-1, 2]})
        array([[1., 2.]])
        >>> fitting(np.zeros((4, 2)), {"type": "ndarray", "shape": [-1, 3]})
        Traceback (most recent call last):
            ...
        eisen_deploy.declared.Misfit: ndarray of shape [-1, 3] is expected, ndarray float64 of shape [4, 2] came
    """
    kind, shape = declaration.get("type"), declaration.get("shape")
    if is_array_type(kind):
        return _array(value, kind, shape)
    if kind in ("list", "str"):
        wanted = (list, tuple) if kind == "list" else str
        if not isinstance(value, wanted) or not _length_fits(len(value), shape):
            raise Misfit(f"{kind} of length {shape}", described(value))
    return value


def _array(value: Any, kind: Any, shape: Any) -> NDArray[Any]:
    dtype = declared_dtype(kind)
    words = " ".join(filter(None, ("ndarray", dtype and str(dtype), f"of shape {shape}")))
    array = value if isinstance(value, np.ndarray) else _array_of_list(value, words)
    if not _shape_fits(array.shape, shape):
        raise Misfit(words, described(array))
    if dtype is None or array.dtype == dtype:
        return array
    if not np.can_cast(array.dtype, dtype, "same_kind"):
        raise Misfit(words, described(array))
    return array.astype(dtype)


def _array_of_list(value: Any, words: str) -> NDArray[Any]:
    if not isinstance(value, (list, tuple, int, float)):
        raise Misfit(words, described(value))
    try:
        array = np.asarray(value)
        dtype_of(str(array.dtype))
    except (ValueError, OverflowError, ArgumentError) as error:
        raise Misfit(words, "a list that is no array of numbers") from error
    return array


def _shape_fits(shape: Sequence[int], declared: Any) -> bool:
    if not isinstance(declared, (list, tuple)) or not all(isinstance(n, int) for n in declared):
        return True
    return len(shape) == len(declared) and all(n in (-1, m) for n, m in zip(declared, shape, strict=True))


def _length_fits(length: int, declared: Any) -> bool:
    """A list of one size is in use as well: ``[-1]``."""
    if isinstance(declared, (list, tuple)) and len(declared) == 1:
        declared = declared[0]
    return not isinstance(declared, int) or declared in (-1, length)
