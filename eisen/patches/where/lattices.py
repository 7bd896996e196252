"""How places lie: across axes, with a margin, and so that they cover an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from eisen._core.errors import ShapeError
from eisen.patches.where.indexing_arguments import per_axis
from eisen.patches.where.places import Lattice

__all__ = ["across", "grid_starts", "size_in", "too_large", "with_margin"]


def across(shape: tuple[int, ...], cuts: Mapping[int, tuple[Sequence[int], int]]) -> Lattice:
    """Return places that are cut along some axes (starts and size), and whole along the others."""
    parts = [cuts.get(axis, (range(1), n)) for axis, n in enumerate(shape)]
    return Lattice(tuple(starts for starts, _ in parts), tuple(size for _, size in parts))


def with_margin(lattice: Lattice, margin: Mapping[int, tuple[int, int]], fields: Sequence[str] | None) -> Lattice:
    """Return a lattice with more margin."""
    before = lattice.margin or ((0, 0),) * len(lattice.size)
    added = [margin.get(axis, (0, 0)) for axis in range(len(before))]
    total = tuple((a + c, b + d) for (a, b), (c, d) in zip(before, added, strict=True))
    padded = lattice.padded if fields is None else tuple(fields)
    return replace(lattice, margin=total, padded=padded)


def grid_starts(n: int, size: int, stride: int, pad: bool) -> Sequence[int]:
    """Return the starts of boxes that cover an axis."""
    if n <= size:
        return [-((size - n) // 2)]
    if pad:
        count = -(-(n - size) // stride) + 1
        return range(0, count * stride, stride)
    return [*range(0, n - size, stride), n - size]


def size_in(owner: str, size: tuple[int | None, ...], shape: tuple[int, ...], pad: bool) -> tuple[int, ...]:
    """Return the size of a patch in a case, whole axes filled in."""
    sizes = tuple(n if s is None else s for n, s in zip(shape, per_axis(size, len(shape)), strict=True))
    if not pad and any(s > n for n, s in zip(shape, sizes, strict=True)):
        raise too_large(owner, sizes, shape)
    return sizes


def too_large(owner: str, size: tuple[int, ...], shape: tuple[int, ...]) -> ShapeError:
    """Return the error for a patch that is larger than a case.

    Example:
        >>> print(too_large("Grid", (64, 64), (181, 48)).card.what)
        Grid: a patch of 64 x 64 voxels is larger than the case, 181 x 48
    """
    return ShapeError(
        f"{owner}: a patch of {_text(size)} voxels is larger than the case, {_text(shape)}",
        expected="cases at least as large as the patch along every axis",
        to_do="use a smaller patch, or pad=True, which fills up outside of the case",
    )


def _text(shape: Sequence[int]) -> str:
    return " x ".join(map(str, shape))
