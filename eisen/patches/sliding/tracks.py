"""Where the outputs of windows lie along the axes of a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

__all__ = ["ThreeTracks", "Track", "no_weights_overlap"]

ThreeTracks = tuple["Track", "Track", "Track"]


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

    def known(self, number: int) -> int:
        """Return how many voxels of a window an earlier one has reached."""
        return max(0, self.window - self.finished(number - 1)) if number else 0


def no_weights_overlap(tracks: Sequence[Track], weights: torch.Tensor) -> bool:
    """Tell whether the sum of the weights is 1 everywhere: no windows overlap and all weights are 1."""
    apart = all(b - a >= t.window for t in tracks for a, b in zip(t.starts[:-1], t.starts[1:], strict=True))
    return apart and bool((weights == 1).all())
