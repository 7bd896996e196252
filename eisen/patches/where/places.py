"""The patches of one case as numbered places, each computed from its number."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from eisen._core.patch_region import PatchRegion
from eisen._core.types import is_label_field
from eisen.storage.regions import Region

__all__ = ["Lattice", "Place", "Places"]


@dataclass(frozen=True)
class Place:
    """Where one patch is, spatial axes only.

    Args:
        core: The part of the case that the patch stands for: what a network says about it belongs here. It may reach
            beyond the case.
        region: The part that is read: the core and the margin around it.
        axis: The axis that is dropped, because the patch is a slice across it; None: none.
        padded: Names of the fields that have the margin; None: all whose names do not say label, mask or seg.
    """

    core: Region
    region: Region
    axis: int | None = None
    padded: tuple[str, ...] | None = None

    def region_of(self, field: str) -> Region:
        """Return what is read of a field: with the margin, or the core alone."""
        is_padded = not is_label_field(field) if self.padded is None else field in self.padded
        return self.region if is_padded else self.core

    @property
    def patch_region(self) -> PatchRegion:
        """The core as pairs (start, stop)."""
        return PatchRegion((part.start, part.stop) for part in self.core)

    @property
    def margin(self) -> PatchRegion:
        """Voxels read before and behind the core, per axis."""
        pairs = zip(self.core, self.region, strict=True)
        return PatchRegion((core.start - all_.start, all_.stop - core.stop) for core, all_ in pairs)


@dataclass(frozen=True)
class Lattice:
    """Boxes of one size whose starts along each axis are independent of the other axes.

    Args:
        starts: The starts along each axis, in increasing order.
        size: Size of the boxes along each axis.
        margin: Voxels to read before and behind each box, one pair per axis; none without.
        axis: As of `Place`.
        padded: As of `Place`.

    Example:
        >>> lattice = Lattice((range(0, 8, 4), range(3)), (4, 1))
        >>> len(lattice), lattice[4].core, lattice.nearest((7, 2))
        (6, (slice(4, 8, None), slice(1, 2, None)), 5)
    """

    starts: tuple[Sequence[int], ...]
    size: tuple[int, ...]
    margin: tuple[tuple[int, int], ...] = ()
    axis: int | None = None
    padded: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return math.prod(map(len, self.starts))

    def __getitem__(self, number: int) -> Place:
        core = tuple(
            slice(starts[k], starts[k] + size)
            for starts, size, k in zip(self.starts, self.size, self._unravelled(number), strict=True)
        )
        if not self.margin:
            return Place(core, core, self.axis, self.padded)
        pairs = zip(core, self.margin, strict=True)
        region = tuple(slice(part.start - before, part.stop + after) for part, (before, after) in pairs)
        return Place(core, region, self.axis, self.padded)

    def nearest(self, voxel: Sequence[int]) -> int:
        """Return the number of the box whose centre is nearest to a voxel."""
        number = 0
        for starts, size, v in zip(self.starts, self.size, voxel, strict=True):
            target = v - size // 2
            k = bisect_left(starts, target)
            is_before = k == len(starts) or (k > 0 and target - starts[k - 1] < starts[k] - target)
            number = number * len(starts) + (k - 1 if is_before else k)
        return number

    def _unravelled(self, number: int) -> list[int]:
        positions = []
        for starts in reversed(self.starts):
            number, k = divmod(number, len(starts))
            positions.append(k)
        return positions[::-1]


class Places(Sequence[Place]):
    """All places of one case, numbered from 0; no object per place is kept.

    Args:
        lattices: What they consist of, one after the other.

    Example:
        >>> planes = Places([Lattice((range(3), [0]), (1, 5)), Lattice(([0], range(5)), (3, 1))])
        >>> len(planes), planes[3].patch_region
        (8, ((0, 3), (0, 1)))
    """

    def __init__(self, lattices: Sequence[Lattice]) -> None:
        self.lattices = tuple(lattices)
        self._ends = list(accumulate(map(len, self.lattices)))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __getitem__(self, number: int) -> Place:  # type: ignore[override]  # one at a time
        if not 0 <= number < len(self):
            raise IndexError(f"place {number} of {len(self)}")
        part = bisect_right(self._ends, number)
        lattice = self.lattices[part]
        return lattice[number - self._ends[part] + len(lattice)]

    def nearest(self, voxel: Sequence[int], rng: np.random.Generator) -> int:
        """Return the number of the place whose centre is nearest to a voxel.

        Args:
            voxel: Index along the spatial axes.
            rng: Chooses between the axes where places lie across several.
        """
        part = int(rng.integers(len(self.lattices))) if len(self.lattices) > 1 else 0
        lattice = self.lattices[part]
        return self._ends[part] - len(lattice) + lattice.nearest(voxel)
