"""Where the values of a patch belong in a volume, and which of them belong there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from operator import index as as_integer
from typing import Any, Literal, NamedTuple, TypeAlias

from eisen._core.errors import ArgumentError, ShapeError
from eisen.storage.regions import Region, split_region

__all__ = ["Margin", "Placed", "checked_margin", "checked_region", "checked_sizes", "place"]

Margin: TypeAlias = int | Sequence[int | tuple[int, int]] | Literal["center"] | None
"""How the values of a patch and its region differ in size, see `Assembler`."""


class Placed(NamedTuple):
    """A patch that is ready to be added.

    Args:
        values: (C, ...), those inside of the volume.
        region: Where they belong in the volume.
        sizes: How large the patch was before it was cut at the border of the volume.
        window: Which part of that is left.
    """

    values: Any
    region: Region
    sizes: tuple[int, ...]
    window: Region


def checked_sizes(shape: Sequence[int]) -> tuple[int, ...]:
    """Return a shape as whole numbers above 0.

    Raises:
        ArgumentError: If it is none.

    Example:
        >>> checked_sizes([10, 12])
        (10, 12)
    """
    try:
        sizes = tuple(as_integer(n) for n in shape)
    except TypeError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise ArgumentError(
            f"{shape!r} is no size of something to put together"[:200],
            expected="whole numbers from 1, one per spatial axis, and at least one channel",
        )
    return sizes


def checked_region(region: Any, n_axes: int) -> tuple[tuple[int, int], ...]:
    """Return (start, stop) along each spatial axis, for slices or pairs of whole numbers.

    Raises:
        ShapeError: If it has another number of axes, or is no region.

    Example:
        >>> checked_region((slice(0, 4), (-2, 2)), 2)
        ((0, 4), (-2, 2))
    """
    try:
        pairs = tuple((as_integer(a), as_integer(b)) for a, b in map(_ends, region))
    except (TypeError, ValueError):
        pairs = ()
    if len(pairs) != n_axes or any(stop <= start for start, stop in pairs):
        raise ShapeError(
            f"a patch says it is at {region!r}"[:200],
            expected=f"{n_axes} times slice(start, stop) or (start, stop), one per spatial axis, start < stop",
            to_do="leave the channel axis out; a patch of a PatchDataset has it in its field 'patch_region'",
        )
    return pairs


def _ends(part: Any) -> tuple[Any, Any]:
    if isinstance(part, slice):
        if part.step not in (None, 1):
            raise ValueError(part)
        return part.start, part.stop
    start, stop = part
    return start, stop


def checked_margin(margin: Margin, n_axes: int) -> Literal["center"] | tuple[tuple[int, int], ...] | None:
    """Return a margin as one pair per axis, or as it is.

    Raises:
        ArgumentError: If it is none.

    Example:
        >>> checked_margin(4, 2), checked_margin([0, (1, 2)], 2)
        (((4, 4), (4, 4)), ((0, 0), (1, 2)))
    """
    if margin is None or margin == "center":
        return margin
    try:
        each = (margin,) * n_axes if isinstance(margin, int) else tuple(margin)
        pairs = tuple((part, part) if isinstance(part, int) else (int(part[0]), int(part[1])) for part in each)
    except (TypeError, ValueError, IndexError):
        pairs = ()
    if len(pairs) != n_axes or any(min(pair) < 0 for pair in pairs):
        raise ArgumentError(
            f"the margin of patches is {margin!r}",
            expected=f"None, 'center', voxels at every end, or {n_axes} entries: voxels or (before, after)",
        )
    return pairs


def place(values: Any, region: Any, shape: tuple[int, ...], margin: Any) -> Placed:
    """Return the values of a patch that belong into a volume, and where.

    Args:
        values: (C, ...); axes along which the region has one voxel may be absent.
        region: Where the patch is, see `checked_region`; may reach beyond the volume.
        shape: Of the volume, without channels.
        margin: As `checked_margin` returns it.

    Raises:
        ShapeError: If the values do not have the shape of the region, or the patch is outside of the volume.

    Example:
        >>> import numpy as np
        >>> place(np.array([[7, 8, 9]]), [(-1, 2)], (10,), None)[:2]
        (array([[8, 9]]), (slice(0, 2, None),))
    """
    pairs = checked_region(region, len(shape))
    sizes = tuple(stop - start for start, stop in pairs)
    values, fits = _fitted(values, sizes, margin)
    inner = tuple(slice(a + fit.before, b - fit.after) for (a, b), fit in zip(pairs, fits, strict=True))
    inside, window = split_region(inner, shape)
    if any(part.stop <= part.start for part in inside):
        raise ShapeError(
            f"a patch at {pairs} is outside of the volume of shape {shape}",
            expected="a region that has voxels of the volume, axes in its order",
        )
    kept = values[(slice(None), *(fit.cut for fit in fits))]
    return Placed(kept[(slice(None), *window)], inside, tuple(kept.shape[1:]), window)


class _Fit(NamedTuple):
    """Along one axis: which of the values are used, and how much shorter than the region that is."""

    cut: slice
    before: int
    after: int


def _fitted(values: Any, sizes: tuple[int, ...], margin: Any) -> tuple[Any, list[_Fit]]:
    """Return values with all axes, and how they fit a region of these sizes."""
    rims = margin if isinstance(margin, tuple) else (margin or (0, 0),) * len(sizes)
    thin = [axis for axis, size in enumerate(sizes) if size == 1]
    for absent in combinations(thin, max(0, len(sizes) + 1 - len(values.shape))):
        given = list(values.shape[1:])
        for axis in absent:
            given.insert(axis, 1)
        fits = [_fit(*each) for each in zip(sizes, given, rims, strict=False)]
        if len(given) == len(sizes) and None not in fits:
            return values.reshape((len(values), *given)), [fit for fit in fits if fit is not None]
    raise _misfit(values, sizes, margin)


def _fit(size: int, given: int, rim: tuple[int, int] | Literal["center"]) -> _Fit | None:
    """Return how as many values as `given` fit a region of a size; None: they do not."""
    if rim == "center":
        gap = abs(size - given) // 2
        if (size - given) % 2 or given < 1:
            return None
        return _Fit(slice(0, given), gap, gap) if given <= size else _Fit(slice(gap, gap + size), 0, 0)
    before, after = rim
    if size <= before + after or given not in (size, size - before - after):
        return None
    return _Fit(slice(before, size - after) if given == size else slice(0, given), before, after)


def _misfit(values: Any, sizes: tuple[int, ...], margin: Any) -> ShapeError:
    less = "" if margin is None else f", with a margin of {margin!r}"
    return ShapeError(
        f"the values of a patch have shape {tuple(values.shape)}, and its region has {sizes} voxels{less}",
        expected=f"channels first, then {sizes}{less}",
        to_do="keep the channel axis: argmax(..., keepdim=True)"
        if values.ndim <= len(sizes)
        else "where an output is larger or smaller than its region, say margin='center', or the voxels at each end",
        shapes=f"values {tuple(values.shape)}, region {sizes}",
    )
