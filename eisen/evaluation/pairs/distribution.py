"""A distribution of distances: how much of a surface, or how many voxels, are how far away."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Distribution"]

_Floats = npt.NDArray[np.float64]
_SAME = 1e-9
"""Two distances that differ by this part are one: 0.3 mm is within a tolerance of 3 times 0.1 mm."""


@dataclass(frozen=True)
class Distribution:
    """Distances in mm, ascending, and the weight of each.

    Args:
        distances_mm: Ascending.
        weights: Area in mm², length in mm, or number of voxels.

    Example:
        >>> spread = Distribution(np.array([0.0, 1.0, 5.0]), np.array([5.0, 4.0, 1.0]))
        >>> spread.mean, spread.maximum, spread.percentile(90), spread.share_within(1)
        (0.9, 5.0, 1.0, 0.9)
    """

    distances_mm: _Floats
    weights: _Floats

    @property
    def total(self) -> float:
        """The sum of the weights."""
        return float(self.weights.sum())

    @property
    def sum_mm(self) -> float:
        """The sum of the weighted distances."""
        return float(self.distances_mm @ self.weights)

    @property
    def mean(self) -> float:
        """The weighted mean of the distances; there has to be one."""
        return self.sum_mm / self.total

    @property
    def maximum(self) -> float:
        """The largest distance."""
        return float(self.distances_mm[-1])

    def percentile(self, percent: float) -> float:
        """Return the smallest distance within which a share of the weight lies.

        Args:
            percent: From 0 to 100.
        """
        shares = np.cumsum(self.weights) / self.total
        place = int(np.searchsorted(shares, percent / 100 * (1 - 1e-12)))
        return float(self.distances_mm[min(place, len(self.distances_mm) - 1)])

    def quantile_of_points(self, percent: float) -> float:
        """Return the percentile of distances that are counted one by one, between two neighbours in proportion.

        Args:
            percent: From 0 to 100.
        """
        ends = np.cumsum(self.weights)
        place = percent / 100 * (ends[-1] - 1)
        number = np.floor(place)
        low, high = (self._point(ends, at) for at in (number, min(number + 1, ends[-1] - 1)))
        return low + (high - low) * float(place - number)

    def _point(self, ends: _Floats, number: float) -> float:
        return float(self.distances_mm[np.searchsorted(ends, number, side="right")])

    def within(self, tolerance_mm: float) -> float:
        """Return the weight of what is not farther than a tolerance.

        Args:
            tolerance_mm: In mm.
        """
        return float(self.weights[self.distances_mm <= tolerance_mm * (1 + _SAME)].sum())

    def share_within(self, tolerance_mm: float) -> float:
        """Return the same as a share of all.

        Args:
            tolerance_mm: In mm.
        """
        return self.within(tolerance_mm) / self.total
