"""What becomes of a voxel that several planes have a value for."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError, ShapeError
from eisen._core.optional import is_torch
from eisen.patches.together.room import is_float

__all__ = ["MERGES", "merged"]


def merged(values: list[Any], merge: str | Callable[[Any], Any]) -> Any:
    """Return one array for those of several planes, in their type.

    Args:
        values: One array (C, ...) per plane, in the order of the planes.
        merge: A key of `MERGES`, or a function from all of them, (planes, C, ...), to (C, ...).

    Raises:
        ArgumentError: If labels shall be averaged.
        ShapeError: If the function returns another shape.

    Example:
        >>> merged([np.array([1.0, 5.0]), np.array([2.0, 5.0]), np.array([6.0, 8.0])], "median")
        array([2., 5.])
    """
    stack = sys.modules["torch"].stack(values) if is_torch(values[0]) else np.stack(values)
    if isinstance(merge, str) and merge != "majority" and not is_float(stack.dtype):
        raise ArgumentError(
            f"the planes hold whole numbers ({stack.dtype}), which have no {merge}",
            expected="merge='majority', or a function, for labels",
        )
    result = MERGES[merge](stack) if isinstance(merge, str) else merge(stack)
    if tuple(getattr(result, "shape", ())) != tuple(stack.shape[1:]):
        raise ShapeError(
            f"the merging function returned {getattr(result, 'shape', type(result).__name__)} for {stack.shape}",
            expected=f"{tuple(stack.shape[1:])}: one value for those of all planes, e.g. values.max(0)",
        )
    return result.to(stack.dtype) if is_torch(result) else result.astype(stack.dtype, copy=False)


def _mean(stack: Any) -> Any:
    """Return the mean, computed in float64: of equal values it is exactly that value."""
    return stack.double().mean(0) if is_torch(stack) else stack.mean(0, dtype=np.float64)


def _median(stack: Any) -> Any:
    ordered = stack.sort(0).values if is_torch(stack) else np.sort(stack, 0)
    low, high = ordered[(len(stack) - 1) // 2], ordered[len(stack) // 2]
    return low if len(stack) % 2 else low + (high - low) / 2


def _majority(stack: Any) -> Any:
    """Return the value that most planes have, of equals the smallest."""
    names = sys.modules["torch"] if is_torch(stack) else np
    best, most = stack[0], (stack == stack[0]).sum(0)
    for values in stack[1:]:
        count = (stack == values).sum(0)
        better = (count > most) | ((count == most) & (values < best))
        best, most = names.where(better, values, best), names.where(better, count, most)
    return best


MERGES: dict[str, Callable[[Any], Any]] = {"mean": _mean, "median": _median, "majority": _majority}
"""The ways to merge planes that have a name."""
