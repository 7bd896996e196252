"""Adding up what a network says about overlapping windows, with memory for what is not finished yet.

Windows come column by column: all that start at one voxel of the last axis, then those of the next, and within a
column row by row along the first axis. A column is added up in a small buffer that has the width of a window, so that
additions run over long stretches of memory that stay in the cache of the processor. Its finished rows are added to the
result, once; when no later column reaches a part of the result, it is divided by the sum of the weights and final.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

__all__ = ["Blend", "Track", "no_weights_overlap"]

_ROWS = 16
"""How many rows are divided at once: their sums of weights stay in the cache."""

_Three = tuple["Track", "Track", "Track"]


@dataclass(frozen=True)
class Track:
    """Where the outputs of windows lie along one axis of the result.

    Args:
        starts: Where the outputs of the windows start, ascending; voxels of the output, the first window at 0.
        window: Voxels of the output of a window.
        low: First voxel that is wanted.
        high: End of the voxels that are wanted.

    Example:
        >>> track = Track((0, 4), 6, low=1, high=8)
        >>> track.size, track.kept(4, 6)
        (7, (slice(0, 4, None), slice(3, 7, None)))
    """

    starts: tuple[int, ...]
    window: int
    low: int
    high: int

    @property
    def size(self) -> int:
        """How many voxels are wanted."""
        return self.high - self.low

    def kept(self, start: int, length: int) -> tuple[slice, slice]:
        """Return which part of a stretch is wanted, and where it belongs in the result."""
        low, high = max(self.low, start), min(self.high, start + length)
        high = max(low, high)
        return slice(low - start, high - start), slice(low - self.low, high - self.low)

    def windows(self) -> list[tuple[slice, slice]]:
        """Return `kept` of every window."""
        return [self.kept(start, self.window) for start in self.starts]

    def finished(self, number: int) -> int:
        """Return how many voxels of a window no later one reaches."""
        return self.window if number + 1 == len(self.starts) else self.starts[number + 1] - self.starts[number]


class Blend:
    """The weighted mean of overlapping windows.

    Args:
        tracks: Where the windows lie along the three axes.
        weights: Weight of each voxel of a window, three axes.
        result: Room for the result, five axes: cases, channels, and the three. The last may have the size of a window:
            then what is finished has to be taken and forgotten before the next column comes.
        divides: Whether what is finished is divided by the sum of the weights.
    """

    def __init__(self, tracks: _Three, weights: torch.Tensor, result: torch.Tensor, *, divides: bool = True) -> None:
        self.tracks, self.weights, self.result = tracks, weights, result
        self._whole = result.shape[4] == tracks[2].size
        n, channels = result.shape[:2]
        room = result.new_empty((n, tracks[0].window, channels, tracks[1].size, tracks[2].window))
        self._column = room.transpose(1, 2)  # channels within rows: a row of weights serves all while it is at hand
        self._second, self._third = tracks[1].windows(), tracks[2].windows()
        self._base = 0  # the voxel of the result along the last axis that is the first in its room
        self._known = 0  # those before this one have values
        self._finished = 0  # those before this one are final
        self._sums = _Sums(tracks, weights) if divides and not no_weights_overlap(tracks, weights) else None

    def start_row(self, first: int) -> None:
        """Begin with the windows of a row of the column."""
        track = self.tracks[0]
        start = track.starts[first]
        self._stretches = self._stretches_of(start, start + track.window)
        known = max(0, track.window - track.finished(first - 1)) if first else 0
        for rows, _ in self._stretches_of(start + known, start + track.window):
            self._column[:, :, rows].zero_()

    def _stretches_of(self, start: int, stop: int) -> list[tuple[slice, slice]]:
        """Return where rows are in the column, and which of them: it is a ring, so they may be in two stretches."""
        n = self.tracks[0].window
        at = start % n
        first = min(stop - start, n - at)
        parts = [(slice(at, at + first), slice(0, first)), (slice(0, stop - start - first), slice(first, stop - start))]
        return [(rows, of) for rows, of in parts if rows.stop > rows.start]

    def add(self, second: int, values: torch.Tensor) -> None:
        """Add the output (cases, channels, three axes) of a window, by its number along the second axis."""
        of, at = self._second[second]
        for rows, of_rows in self._stretches:
            self._column[:, :, rows, at].addcmul_(values[:, :, of_rows, of], self.weights[of_rows, of])

    def end_row(self, first: int, third: int) -> None:
        """Add the rows of the column that no later window reaches to the result."""
        track = self.tracks[0]
        start = track.starts[first]
        of_a, at_a = track.kept(start, track.finished(first))
        of_c, at_c = self._third[third]
        room = self.result[:, :, at_a, :, at_c.start - self._base : at_c.stop - self._base]
        known = max(0, self._known - at_c.start)
        for rows, of_rows in self._stretches_of(start + of_a.start, start + of_a.stop):
            values, result = self._column[:, :, rows, :, of_c], room[:, :, of_rows]
            if known:
                result[..., :known].add_(values[..., :known])  # += would copy the sum onto itself once more
            result[..., known:] = values[..., known:]

    def end_column(self, third: int) -> slice:
        """Finish what no later column reaches, and return which part of the last axis that is."""
        last = third + 1 == len(self._third)
        stop = self.tracks[2].size if last else self._third[third + 1][1].start
        self._known = self._third[third][1].stop
        part = slice(self._finished, max(self._finished, stop))
        self._finished = part.stop
        if self._sums is None:
            return part
        if not self._whole:
            self.values(part).div_(self._sums.of(part))
        elif last:
            for row in range(0, self.tracks[0].size, _ROWS):
                rows = slice(row, min(row + _ROWS, self.tracks[0].size))
                self.result[:, :, rows].div_(self._sums.of(part=slice(0, self.tracks[2].size), rows=rows))
        return part

    def values(self, part: slice) -> torch.Tensor:
        """Return a part of the result along its last axis that is still here; no copy."""
        return self.result[..., part.start - self._base : part.stop - self._base]

    def forget(self) -> None:
        """Let go of what is finished, so that the next column has room."""
        if not self._whole:
            _shift(self.result, 4, self._finished - self._base, self._known - self._base)
            self._base = self._finished


class _Sums:
    """The sum of the weights at every voxel of a part of the last axis."""

    def __init__(self, tracks: _Three, weights: torch.Tensor) -> None:
        self._tracks = tracks
        first, second, third = tracks
        self._kept: dict[tuple[object, ...], torch.Tensor] = {}
        self._high = weights.new_zeros((first.size, second.window, third.window))
        for of, at in first.windows():
            self._high[at].add_(weights[of])

    def of(self, part: slice, rows: slice | None = None) -> torch.Tensor:
        """Return the sums at a part of the last axis, and at some rows; those of the last few rows are kept."""
        if rows is None:
            return self._computed(part, self._high)
        windows = [at for _, at in self._tracks[0].windows() if at.start < rows.stop and at.stop > rows.start]
        key = (rows.stop - rows.start, *((at.start - rows.start, at.stop - rows.start) for at in windows))
        if key not in self._kept:
            self._kept = dict(list(self._kept.items())[-1:])
            self._kept[key] = self._computed(part, self._high[rows])
        return self._kept[key]

    def _computed(self, part: slice, high: torch.Tensor) -> torch.Tensor:
        total = high.new_zeros((high.shape[0], self._tracks[1].size, part.stop - part.start))
        for of, at in self._tracks[2].windows():
            low, stop = max(at.start, part.start), min(at.stop, part.stop)
            shift = of.start - at.start
            for of_b, at_b in self._tracks[1].windows() if stop > low else ():
                here = total[:, at_b, low - part.start : stop - part.start]
                here.add_(high[:, of_b, low + shift : stop + shift])
        return total


def _shift(values: torch.Tensor, axis: int, by: int, size: int) -> None:
    """Move what lies before `size` along an axis to the front, in steps that overwrite nothing too early."""
    for start in range(0, size - by if by else 0, max(by, 1)):
        n = min(by, size - by - start)
        values.narrow(axis, start, n).copy_(values.narrow(axis, start + by, n))


def no_weights_overlap(tracks: Sequence[Track], weights: torch.Tensor) -> bool:
    """Tell whether the sum of the weights is 1 everywhere: no windows overlap and all weights are 1."""
    apart = all(b - a >= t.window for t in tracks for a, b in zip(t.starts[:-1], t.starts[1:], strict=True))
    return apart and bool((weights == 1).all())
