"""Which windows cover a volume, and which of its voxels each of them sees."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eisen._core.errors import ArgumentError
from eisen.patches.windows import checked_overlap, window_starts

__all__ = ["Lane", "Tiling", "checked_overlaps", "checked_window"]


@dataclass(frozen=True)
class Lane:
    """The windows along one axis.

    Starts count from the first voxel that a window reaches, which lies before the volume where that is smaller.

    Args:
        size: Voxels of the volume.
        window: Voxels of a window.
        before: How many voxels windows reach beyond the first voxel of the volume.
        starts: First voxels of the windows, ascending; the first is 0.

    Example:
        >>> Lane.over(10, 4, overlap=0.5)
        Lane(size=10, window=4, before=0, starts=(0, 2, 4, 6))
        >>> Lane.over(2, 4, overlap=0.5)
        Lane(size=2, window=4, before=1, starts=(0,))
    """

    size: int
    window: int
    before: int
    starts: tuple[int, ...]

    @classmethod
    def over(cls, size: int, window: int, overlap: float, grain: int = 1) -> Lane:
        """Return windows that cover an axis; the last may reach beyond it.

        Args:
            size: Voxels of the volume.
            window: Voxels of a window.
            overlap: How much of a window its neighbour covers too.
            grain: All starts are multiples of it, so that they lie on voxels of a coarser output.
        """
        if size <= window:
            before = (window - size) // 2 // grain * grain
            return cls(size, window, before, (0,))
        if grain == 1:
            return cls(size, window, 0, tuple(window_starts(size, window, overlap)))
        step = max(1, math.floor(window * (1 - overlap) / grain + 1e-9)) * grain
        last = -(-(size - window) // grain) * grain
        return cls(size, window, 0, (*range(0, last, step), last))

    def within(self, start: int, stop: int) -> range:
        """Return the numbers of the windows that see any of the voxels from `start` to before `stop`."""
        seen = [
            i for i, at in enumerate(self.starts) if at < stop + self.before and at + self.window > start + self.before
        ]
        return range(seen[0], seen[-1] + 1)


@dataclass(frozen=True)
class Tiling:
    """The windows over a volume of three axes; a picture has one of size 1 between its two.

    Args:
        lanes: The windows along each axis.
    """

    lanes: tuple[Lane, Lane, Lane]

    @classmethod
    def over(
        cls, shape: Sequence[int], window: Sequence[int], overlap: Sequence[float], grain: Sequence[int] = (1, 1, 1)
    ) -> Tiling:
        """Return windows that cover a volume, see `Lane.over`."""
        first, second, third = (Lane.over(*axis) for axis in zip(shape, window, overlap, grain, strict=True))
        return cls((first, second, third))

    @property
    def n_windows(self) -> int:
        """How many windows there are."""
        return math.prod(len(lane.starts) for lane in self.lanes)

    def region(self, place: tuple[int, int, int]) -> tuple[slice, slice, slice]:
        """Return what a window sees, by its number along each axis; it may reach beyond the volume."""
        first, second, third = (
            slice(lane.starts[i] - lane.before, lane.starts[i] - lane.before + lane.window)
            for lane, i in zip(self.lanes, place, strict=True)
        )
        return first, second, third

    def reaches_beyond(self) -> bool:
        """Tell whether any window does."""
        return any(lane.before or lane.starts[-1] + lane.window > lane.size for lane in self.lanes)


def checked_window(window: Sequence[int] | int) -> tuple[int, ...]:
    """Return the size of a window as two or three whole numbers.

    Raises:
        ArgumentError: If it is something else.

    Example:
        >>> checked_window([64, 64, 32])
        (64, 64, 32)
    """
    sizes: tuple[Any, ...] = tuple(window) if isinstance(window, (list, tuple)) else (window,)
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in sizes)
    if len(sizes) not in (2, 3) or not whole:
        raise ArgumentError(
            f"the window is {window!r}",
            expected="two or three whole numbers from 1, one for each spatial axis, e.g. [64, 64, 64]",
        )
    return tuple(int(n) for n in sizes)


def checked_overlaps(overlap: float | Sequence[float], n_axes: int) -> tuple[float, ...]:
    """Return the overlap along each axis.

    Raises:
        ArgumentError: If one is not from 0 to below 1, or their number is not that of the axes.

    Example:
        >>> checked_overlaps(0.5, 3)
        (0.5, 0.5, 0.5)
    """
    parts: tuple[Any, ...] = tuple(overlap) if isinstance(overlap, (list, tuple)) else (overlap,) * n_axes
    if len(parts) != n_axes:
        raise ArgumentError(f"the overlap is {overlap!r}", expected=f"one number, or {n_axes}, as the window has axes")
    return tuple(checked_overlap(part) for part in parts)
