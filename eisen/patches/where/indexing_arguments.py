"""Arguments of places: checked in the constructor, with the owner's name in the message."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index
from typing import Any

from eisen._core.errors import ArgumentError, ShapeError
from eisen.patches.windows import checked_overlap

__all__ = [
    "check_axis",
    "check_cover",
    "checked_axes",
    "checked_margin",
    "checked_overlaps",
    "checked_patch_size",
    "common_axes",
    "per_axis",
    "whole_numbers",
]


def per_axis(values: Sequence[Any], n: int) -> Sequence[Any]:
    """Return one value per axis; a single one stands for all.

    Example:
        >>> per_axis([4], 3), per_axis([4, 5], 2)
        ((4, 4, 4), [4, 5])
    """
    return values if len(values) == n else tuple(values) * n


def whole_numbers(owner: str, name: str, value: Any, least: int = 1) -> tuple[int, ...]:
    """Return whole numbers from `least`, one or several."""
    try:
        several = isinstance(value, Sequence) and not isinstance(value, str)
        numbers = tuple(index(n) for n in (value if several else [value]))
    except TypeError:
        numbers = ()
    if not numbers or min(numbers) < least or isinstance(value, bool):
        raise ArgumentError(f"{owner}: {name} is {value!r}", expected=f"a whole number from {least}, or one per axis")
    return numbers


def checked_patch_size(owner: str, size: Any) -> tuple[int | None, ...]:
    """Return the size of a patch, one number for all axes or one per axis, None for a whole axis.

    Example:
        >>> checked_patch_size("Grid", [64, None]), checked_patch_size("Grid", 64)
        ((64, None), (64,))
    """
    if isinstance(size, Sequence) and not isinstance(size, str) and size:
        return tuple(None if n is None else whole_numbers(owner, "size", n)[0] for n in size)
    return whole_numbers(owner, "size", size)


def checked_overlaps(overlap: Any) -> tuple[float, ...]:
    """Return overlaps from 0 to below 1, one for all axes or one per axis.

    Example:
        >>> checked_overlaps(0.5)
        (0.5,)
    """
    values = overlap if isinstance(overlap, Sequence) and not isinstance(overlap, str) else [overlap]
    return tuple(checked_overlap(value) for value in values)


def common_axes(owner: str, *settings: Sequence[Any]) -> int | None:
    """Return the number of axes that lists with one entry per axis have; None where all are single numbers."""
    counts = {len(values) for values in settings} - {1}
    if len(counts) > 1:
        raise ArgumentError(
            f"{owner}: lists of {sorted(counts)} numbers", expected="one number per axis in all of them"
        )
    return counts.pop() if counts else None


def check_cover(owner: str, strides: Sequence[int], sizes: Sequence[int | None]) -> None:
    """Raise an ArgumentError if strides leave gaps between patches.

    Example:
        >>> check_cover("Grid", [4, 9], [4, None])
    """
    for stride, size in zip(strides, sizes, strict=True):
        if size is not None and stride > size:
            raise ArgumentError(
                f"{owner}: a stride of {stride} leaves gaps between patches of {size} voxels",
                expected=f"a stride of at most {size}, so that every voxel is covered",
            )


def checked_axes(axis: Any) -> tuple[int, ...]:
    """Return spatial axes as a tuple, each once.

    Example:
        >>> checked_axes(2), checked_axes([0, 1])
        ((2,), (0, 1))
    """
    axes = whole_numbers("Slices and Slabs", "axis", axis, 0)
    if len(set(axes)) < len(axes):
        raise ArgumentError(f"axis is {axis!r}", expected="each axis once")
    return axes


def check_axis(axis: int, shape: tuple[int, ...], where: Any) -> None:
    """Raise a ShapeError if a case does not have an axis.

    Example:
        >>> check_axis(1, (8, 8), "Slices(1)")
    """
    if axis >= len(shape):
        raise ShapeError(
            f"{where!r} cuts across axis {axis}, and the case has {len(shape)} spatial axes: {shape}",
            expected=f"an axis from 0 to {len(shape) - 1}",
        )


def checked_margin(margin: Any) -> tuple[tuple[int, int], ...]:
    """Return a margin as pairs (before, behind), one for all axes or one per axis.

    Example:
        >>> checked_margin(2), checked_margin([0, (1, 2)])
        (((2, 2),), ((0, 0), (1, 2)))
    """
    try:
        entries = margin if isinstance(margin, Sequence) else [margin]
        sides = [entry if isinstance(entry, Sequence) else (entry, entry) for entry in entries]
        pairs = tuple((index(before), index(behind)) for before, behind in sides)
    except (TypeError, ValueError):
        pairs = ()
    if not pairs or min(map(min, pairs)) < 0:
        raise ArgumentError(
            f"Padded: margin is {margin!r}", expected="a whole number from 0, or per axis a number or a pair"
        )
    return pairs
