"""Where patches are: on a grid, anywhere, and a margin around any places."""

from __future__ import annotations

import math
from collections.abc import Sequence

from eisen._core.errors import ArgumentError
from eisen._core.fields import checked_fields
from eisen.patches.where.indexing import Where
from eisen.patches.where.indexing_arguments import (
    check_cover,
    checked_margin,
    checked_overlaps,
    checked_patch_size,
    common_axes,
    per_axis,
    whole_numbers,
)
from eisen.patches.where.lattices import grid_starts, size_in, with_margin
from eisen.patches.where.places import Lattice

__all__ = ["Anywhere", "Grid", "Padded"]


class Grid(Where):
    """A regular grid of patches that covers every voxel.

    Args:
        size: Size of a patch in voxels: an int for all spatial axes, or one number per axis, None for a whole axis.
        overlap: How much of a patch its neighbour covers too, from 0 to below 1; a number, or one per axis.
        stride: From one patch to the next, in voxels, at most the size; a number, or one per axis. Instead of
            `overlap`.
        pad: Whether the last patch reaches beyond the case, filled up there. False: it is shifted back to the end,
            and a case that is smaller than the patch is an error.

    Raises:
        ArgumentError: If an argument is wrong.
        ShapeError: If a case is smaller than the patch (when the places are asked for).

    Example:
        >>> [place.patch_region for place in Grid([4, None]).places((10, 6))]
        [((0, 4), (0, 6)), ((4, 8), (0, 6)), ((6, 10), (0, 6))]
        >>> [place.patch_region[0] for place in Grid(4, pad=True).places((10,))]
        [(0, 4), (4, 8), (8, 12)]
    """

    def __init__(
        self,
        size: int | Sequence[int | None],
        overlap: float | Sequence[float] = 0.0,
        stride: int | Sequence[int] | None = None,
        pad: bool = False,
    ) -> None:
        self.size = checked_patch_size("Grid", size)
        self.overlap = checked_overlaps(overlap)
        self.stride = None if stride is None else whole_numbers("Grid", "stride", stride)
        self.pad = pad
        if self.stride is not None and any(self.overlap):
            raise ArgumentError("Grid: both overlap and stride are given", expected="one of them")
        self.n_axes = common_axes("Grid", self.size, self.overlap, self.stride or (1,))
        if self.stride is not None:
            n = self.n_axes or 1
            check_cover("Grid", per_axis(self.stride, n), per_axis(self.size, n))

    def lattices(self, shape: tuple[int, ...]) -> list[Lattice]:
        """Return the grid."""
        size = size_in("Grid", self.size, shape, self.pad)
        overlaps = per_axis(self.overlap, len(shape))
        strides = [max(1, math.floor(s * (1 - o) + 1e-9)) for s, o in zip(size, overlaps, strict=True)]
        if self.stride is not None:
            strides = list(per_axis(self.stride, len(shape)))
        axes = zip(shape, size, strides, strict=True)
        return [Lattice(tuple(grid_starts(n, s, stride, self.pad) for n, s, stride in axes), size)]


class Anywhere(Where):
    """Patches at every position; meant for drawing some of them at random.

    Args:
        size: Size of a patch in voxels: an int for all spatial axes, or one number per axis, None for a whole axis.
        pad: Whether a case that is smaller than the patch is filled up around. False: it is an error.

    Raises:
        ArgumentError: If the size is wrong.
        ShapeError: If a case is smaller than the patch (when the places are asked for).

    Example:
        >>> len(Anywhere([4, 4]).places((10, 6)))
        21
    """

    def __init__(self, size: int | Sequence[int | None], pad: bool = False) -> None:
        self.size = checked_patch_size("Anywhere", size)
        self.pad = pad
        self.n_axes = common_axes("Anywhere", self.size)

    def lattices(self, shape: tuple[int, ...]) -> list[Lattice]:
        """Return every position."""
        size = size_in("Anywhere", self.size, shape, self.pad)
        starts = [range(n - s + 1) if n >= s else [-((s - n) // 2)] for n, s in zip(shape, size, strict=True)]
        return [Lattice(tuple(starts), size)]


class Padded(Where):
    """A margin around the patches of another kind: real neighbours where there are any, filled up outside of the case.

    A network without padding returns the inner part of what it is given: its input is the patch with its margin, its
    output belongs to the patch. ``patch_region`` is without the margin; ``patch_margin`` tells how wide it is.

    Args:
        where: The patches inside; in a configuration an entry of its own.
        margin: Voxels to add: an int for both sides of every axis, or per axis a number or a pair (before, behind).
        fields: Fields that have the margin; None: all whose names do not say label, mask or seg.

    Raises:
        ArgumentError: If an argument is wrong.

    Example:
        >>> place = Padded(Grid([4, 4]), [0, 2]).places((8, 8))[1]
        >>> place.patch_region, place.region
        (((0, 4), (4, 8)), (slice(0, 4, None), slice(2, 10, None)))
    """

    def __init__(
        self, where: Where, margin: int | Sequence[int | Sequence[int]], fields: Sequence[str] | None = None
    ) -> None:
        if not isinstance(where, Where):
            raise ArgumentError(f"Padded: where is {where!r}"[:200], expected="places, e.g. Grid([64, 64, 64])")
        self.where = where
        self.margin = checked_margin(margin)
        self.fields = None if fields is None else checked_fields(fields, "Padded")
        inside = where.n_axes
        self.n_axes = inside if len(self.margin) == 1 and not isinstance(margin, Sequence) else len(self.margin)
        if inside not in (None, self.n_axes):
            raise ArgumentError(
                f"Padded: margin has {self.n_axes} entries for {inside} axes", expected="one number or pair per axis"
            )

    def lattices(self, shape: tuple[int, ...]) -> list[Lattice]:
        """Return the places inside, with the margin."""
        pairs = dict(enumerate(per_axis(self.margin, len(shape))))
        return [with_margin(lattice, pairs, self.fields) for lattice in self.where.lattices(shape)]
