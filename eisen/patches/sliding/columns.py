"""Adding up the windows of one column, for rows that are not finished yet."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from eisen.patches.sliding.tracks import ThreeTracks

__all__ = ["Column"]


@dataclass(frozen=True)
class _Part:
    """A part of a window that is added at once.

    Args:
        room: Where it is added to.
        weights: What its voxels count.
        rows: Where it is in the window along the first axis.
        seconds: Where along the second.
        is_first: Whether no window has reached it before.
    """

    room: torch.Tensor
    weights: torch.Tensor
    rows: slice
    seconds: slice
    is_first: bool


class Column:
    """The weighted sum of the windows that start at one voxel of the last axis.

    It has as many rows as a window, in a ring: those that are finished make room for later ones. As wide as a window,
    it is added to over long stretches of memory, which stay in the cache of the processor. What a window is the first
    to reach is written, not added, so that nothing has to be zero before.

    Args:
        tracks: Where the windows lie along the three axes.
        weights: Weight of each voxel of a window, three axes.
        result: A tensor of the type that is wanted, with cases and channels in front.
    """

    def __init__(self, tracks: ThreeTracks, weights: torch.Tensor, result: torch.Tensor) -> None:
        self._track, self._weights = tracks[0], weights
        n, channels = result.shape[:2]
        room = result.new_empty((n, tracks[0].window, channels, tracks[1].size, tracks[2].window))
        self._room = room.transpose(1, 2)  # channels within rows: a row of weights serves all while it is at hand
        self._second = tracks[1].windows()
        self._plans: dict[tuple[int, int], list[list[_Part]]] = {}

    def start_row(self, first: int) -> None:
        """Begin with the windows of a row, by its number along the first axis."""
        key = (self._track.starts[first] % self._track.window, self._track.known(first))
        if key not in self._plans:
            self._plans[key] = [self._parts(*key, second) for second in range(len(self._second))]
        self._plan = self._plans[key]

    def add(self, second: int, values: torch.Tensor | None) -> None:
        """Add the output (cases, channels, three axes) of a window, by its number along the second axis.

        Args:
            second: The number.
            values: The output; None: there is none, and the window counts nothing.
        """
        for part in self._plan[second]:
            if values is None:
                if part.is_first:
                    part.room.zero_()
            elif part.is_first:
                torch.mul(values[:, :, part.rows, part.seconds], part.weights, out=part.room)
            else:
                part.room.addcmul_(values[:, :, part.rows, part.seconds], part.weights)

    def stretches(self, start: int, stop: int) -> list[tuple[torch.Tensor, slice]]:
        """Return the sums of rows, and which of them they are: in a ring they may lie in two stretches."""
        n = self._track.window
        at = start % n
        first = min(stop - start, n - at)
        parts = [(at, slice(0, first)), (0, slice(first, stop - start))]
        return [(self._room[:, :, at : at + of.stop - of.start], of) for at, of in parts if of.stop > of.start]

    def _parts(self, start: int, known: int, second: int) -> list[_Part]:
        """Return the parts of a window whose rows start somewhere in the ring and are known up to one."""
        of, at = self._second[second]
        seen = max(0, self._second[second - 1][1].stop - at.start) if second else 0
        middle, n = min(of.start + seen, of.stop), self._track.window
        pieces = [
            (0, known, of, False),
            (known, n, slice(of.start, middle), False),
            (known, n, slice(middle, of.stop), True),
        ]
        parts = []
        for low, high, seconds, is_first in pieces:
            to = slice(at.start + seconds.start - of.start, at.start + seconds.stop - of.start)
            for room, which in self.stretches(start + low, start + high) if to.stop > to.start else ():
                rows = slice(low + which.start, low + which.stop)
                parts.append(_Part(room[:, :, :, to], self._weights[rows, seconds], rows, seconds, is_first))
        return parts
