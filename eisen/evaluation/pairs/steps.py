"""All steps from a voxel to those around it, the shortest first."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from math import floor

import numpy as np
import numpy.typing as npt

__all__ = ["Steps", "ball"]


@dataclass(frozen=True)
class Steps:
    """Steps to all voxels within a distance, ordered by length; steps of one length are a shell.

    Args:
        voxels: Differences of the indices, one row per step; the first is no step at all.
        lengths: Of each shell in mm, ascending.
        starts: Number of the first step of each shell, and the number of steps.
        reach: Largest step along each axis.
    """

    voxels: npt.NDArray[np.int64]
    lengths: npt.NDArray[np.float64]
    starts: npt.NDArray[np.int64]
    reach: tuple[int, ...]

    @cached_property
    def shells(self) -> npt.NDArray[np.int64]:
        """The number of the shell of each step."""
        return np.repeat(np.arange(len(self.lengths)), np.diff(self.starts))


@lru_cache(maxsize=16)
def ball(spacing: tuple[float, ...], radius_mm: float, largest: tuple[int, ...]) -> Steps:
    """Return all steps up to a length.

    Args:
        spacing: Distance of voxels in mm.
        radius_mm: The length, included.
        largest: Steps along an axis that are longer than this many voxels are left out: they lead out of the image.

    Example:
        >>> steps = ball((1.0, 2.0), 2.0, (9, 9))
        >>> steps.lengths.tolist(), steps.starts.tolist(), steps.voxels[1].tolist()
        ([0.0, 1.0, 2.0], [0, 1, 3, 7], [-1, 0])
    """
    reach = tuple(min(floor(radius_mm / s + 1e-9), n) for s, n in zip(spacing, largest, strict=True))
    voxels = np.stack(np.meshgrid(*(np.arange(-r, r + 1) for r in reach), indexing="ij"), axis=-1)
    voxels = voxels.reshape(-1, len(spacing))
    squares = np.sort((voxels * np.array(spacing)) ** 2, axis=1).sum(axis=1)  # sorted: one sum for all directions
    within = squares <= (radius_mm * (1 + 1e-9)) ** 2
    voxels, lengths = voxels[within], np.sqrt(squares[within])
    order = np.argsort(lengths, kind="stable")
    shells, starts = np.unique(lengths[order], return_index=True)
    return Steps(voxels[order], shells, np.append(starts, len(order)), reach)
