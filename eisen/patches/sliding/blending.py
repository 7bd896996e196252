"""Putting together what a network says about overlapping windows, with memory for what is not finished yet.

Windows come column by column: all that start at one voxel of the last axis, then those of the next, and within a
column row by row along the first axis. A column is added up in a small room of its own. Its finished rows are added to
the result, once; where no later column reaches them they are divided by the sum of the weights right away.
"""

from __future__ import annotations

import torch

from eisen.patches.sliding.columns import Column
from eisen.patches.sliding.sums import WeightSums
from eisen.patches.sliding.tracks import ThreeTracks, no_weights_overlap

__all__ = ["Blend"]


class Blend:
    """The weighted mean of overlapping windows.

    Args:
        tracks: Where the windows lie along the three axes.
        weights: Weight of each voxel of a window, three axes.
        result: Room for the result, five axes: cases, channels, and the three. The last may have the size of a window:
            then what is finished has to be taken and forgotten before the next column comes.
        divides: Whether what is finished is divided by the sum of the weights.
    """

    def __init__(
        self, tracks: ThreeTracks, weights: torch.Tensor, result: torch.Tensor, *, divides: bool = True
    ) -> None:
        self.tracks, self.result = tracks, result
        self.column = Column(tracks, weights, result)
        self._whole = result.shape[4] == tracks[2].size
        self._third = tracks[2].windows()
        self._base = 0  # the voxel of the result along the last axis that is the first in its room
        self._known = 0  # those before this one have values
        self._finished = 0  # those before this one are final
        self._sums = WeightSums(tracks, weights) if divides and not no_weights_overlap(tracks, weights) else None

    def end_row(self, first: int, third: int) -> None:
        """Add the rows of the column that no later window reaches to the result."""
        track = self.tracks[0]
        start = track.starts[first]
        of_a, at_a = track.kept(start, track.finished(first))
        of_c, at_c = self._third[third]
        room = self.result[:, :, at_a, :, at_c.start - self._base : at_c.stop - self._base]
        known = max(0, self._known - at_c.start)
        for sums, of_rows in self.column.stretches(start + of_a.start, start + of_a.stop):
            values, result = sums[..., of_c], room[:, :, of_rows]
            if known:
                result[..., :known].add_(values[..., :known])  # += would copy the sum onto itself once more
            result[..., known:].copy_(values[..., known:])
        self._divide(at_a, third)

    def end_column(self, third: int) -> slice:
        """Return which part of the last axis no later column reaches."""
        self._known = self._third[third][1].stop
        part = self._part(third)
        self._finished = part.stop
        return part

    def values(self, part: slice) -> torch.Tensor:
        """Return a part of the result along its last axis that is still here; no copy."""
        return self.result[..., part.start - self._base : part.stop - self._base]

    def forget(self) -> None:
        """Let go of what is finished, so that the next column has room."""
        if not self._whole:
            _shift(self.result, 4, self._finished - self._base, self._known - self._base)
            self._base = self._finished

    def _part(self, third: int) -> slice:
        """Return which part of the last axis is finished with a column."""
        stop = self.tracks[2].size if third + 1 == len(self._third) else self._third[third + 1][1].start
        return slice(self._finished, max(self._finished, stop))

    def _divide(self, rows: slice, third: int) -> None:
        """Divide what is finished of some rows; where all is kept to the end, all is divided at the end."""
        part = self._part(third)
        if self._sums is None or (self._whole and third + 1 < len(self._third)):
            return
        part = slice(0, part.stop) if self._whole else part
        values = self.values(part)
        for block, sums in self._sums.blocks(rows, part):
            values[:, :, block].div_(sums)


def _shift(values: torch.Tensor, axis: int, by: int, size: int) -> None:
    """Move what lies before `size` along an axis to the front, in steps that overwrite nothing too early."""
    for start in range(0, size - by if by else 0, max(by, 1)):
        n = min(by, size - by - start)
        values.narrow(axis, start, n).copy_(values.narrow(axis, start + by, n))
