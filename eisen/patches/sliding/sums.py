"""The sums of the weights of overlapping windows."""

from __future__ import annotations

from collections.abc import Iterator

import torch

from eisen.patches.sliding.tracks import ThreeTracks, Track

__all__ = ["WeightSums"]

_ROWS = 8
"""How many rows are divided at once: their sums stay in the cache of the processor, for all channels."""


class WeightSums:
    """The sum of the weights at every voxel, in blocks of a few rows; those of the last blocks are kept.

    Args:
        tracks: Where the windows lie along the three axes.
        weights: Weight of each voxel of a window, three axes.

    Example:
        >>> track, flat = Track((0, 2), 4, 0, 6), Track((0,), 1, 0, 1)
        >>> sums = WeightSums((flat, flat, track), torch.ones(1, 1, 4))
        >>> [block.tolist() for _, block in sums.blocks(slice(0, 1), slice(1, 5))]
        [[[[1.0, 2.0, 2.0, 1.0]]]]
    """

    def __init__(self, tracks: ThreeTracks, weights: torch.Tensor) -> None:
        self._tracks, self._weights = tracks, weights
        steps = [tracks[0].finished(first) for first in range(len(tracks[0].starts))]
        self._n_kept = -(-max(steps) // _ROWS)  # most rows of windows are divided by what the row before was
        self._kept: dict[tuple[object, ...], torch.Tensor] = {}

    def blocks(self, rows: slice, part: slice) -> Iterator[tuple[slice, torch.Tensor]]:
        """Yield sums at rows and a part of the last axis, and which rows they are."""
        for start in range(rows.start, rows.stop, _ROWS):
            block = slice(start, min(start + _ROWS, rows.stop))
            yield block, self._block(block, part)

    def _block(self, rows: slice, part: slice) -> torch.Tensor:
        first, second, third = self._tracks
        key = (rows.stop - rows.start, *_seen(first, rows), part.stop - part.start, *_seen(third, part))
        if key not in self._kept:
            self._kept = dict(list(self._kept.items())[1 - self._n_kept :] if self._n_kept > 1 else ())
            sums = _summed(self._weights, 0, first, rows)
            sums = _summed(sums, 1, second, slice(0, second.size))
            self._kept[key] = _summed(sums, 2, third, part)
        return self._kept[key]


def _seen(track: Track, part: slice) -> list[tuple[int, int]]:
    """Return where the windows lie that reach a part, as seen from its start."""
    windows = [(start - track.low - part.start) for start in track.starts]
    return [(at, at + track.window) for at in windows if at < part.stop - part.start and at + track.window > 0]


def _summed(values: torch.Tensor, axis: int, track: Track, part: slice) -> torch.Tensor:
    """Return the sum of copies of the same values, one per window along an axis, at a part of the axis."""
    n = part.stop - part.start
    total = values.new_zeros((*values.shape[:axis], n, *values.shape[axis + 1 :]))
    for start, stop in _seen(track, part):
        low, high = max(0, start), min(n, stop)
        total.narrow(axis, low, high - low).add_(values.narrow(axis, low - start, high - low))
    return total
