"""2.5-D: slices across several axes become one volume."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Unpack

import numpy as np

from eisen._core.errors import ArgumentError, ShapeError
from eisen._core.optional import is_torch
from eisen._core.types import Array
from eisen.patches.together.assembled import Assembled
from eisen.patches.together.assembly import Assembler, AssemblyOptions
from eisen.patches.together.merging import MERGES, merged
from eisen.patches.together.placing import checked_region
from eisen.patches.together.slabs import slabs

__all__ = ["PlaneAssembler"]


class PlaneAssembler(Assembled):
    """A volume that is put together once per plane, from the slices across an axis, and then merged.

    A network that sees axial, coronal and sagittal slices says three things about each voxel: this makes one of them,
    the same in whatever order the slices come.

    Args:
        shape: Of the volume, without channels.
        n_channels: Number of channels of every slice.
        planes: The axes that the slices are across, from 0.
        merge: ``"mean"``, ``"median"``, ``"majority"`` (for labels), or a function from the values of all planes,
            (planes, C, ...), to (C, ...). It sees a part of the volume at a time.
        **options: Those of `Assembler`, for each plane.

    Raises:
        ArgumentError: If an argument is wrong.

    Example:
        >>> volume = np.random.default_rng(0).random((1, 3, 4, 5), np.float32)
        >>> assembler = PlaneAssembler((3, 4, 5), 1, planes=[0, 2], merge="median")
        >>> for k in range(3):
        ...     assembler.add(volume[:, k], [(k, k + 1), (0, 4), (0, 5)])
        >>> for k in range(5):
        ...     assembler.add(volume[:, :, :, k], [(0, 3), (0, 4), (k, k + 1)])
        >>> assembler.is_complete, bool((assembler.result() == volume).all())
        (True, True)
    """

    def __init__(
        self,
        shape: Sequence[int],
        n_channels: int,
        planes: Sequence[int] = (0, 1, 2),
        merge: str | Callable[[Any], Any] = "mean",
        **options: Unpack[AssemblyOptions],
    ) -> None:
        super().__init__(shape, n_channels)
        self.planes, axes = tuple(planes), range(len(self.shape))
        if not self.planes or len(set(self.planes)) < len(self.planes) or not set(self.planes) <= set(axes):
            raise ArgumentError(
                f"the planes of a volume of shape {self.shape} are {self.planes}",
                expected=f"different axes from {list(axes)}",
            )
        if not callable(merge) and merge not in MERGES:
            raise ArgumentError(f"planes are merged by {merge!r}", expected=f"one of {list(MERGES)}, or a function")
        self.merge = merge
        self._parts = {plane: Assembler(shape, n_channels, **options) for plane in self.planes}

    @property
    def n_missing(self) -> int:
        """How many voxels are not in a slice of every plane so far."""
        parts = self._parts.values()
        return 0 if all(part.is_complete for part in parts) else int(np.count_nonzero(~self.covered))

    @property
    def covered(self) -> Array:
        """Which voxels are in a slice of every plane."""
        return np.asarray(np.logical_and.reduce([part.covered for part in self._parts.values()]))

    @property
    def has_values(self) -> bool:
        """Whether there is a slice of every plane."""
        return all(part.has_values for part in self._parts.values())

    @property
    def is_complete(self) -> bool:
        """Whether every voxel is in a slice of every plane."""
        return all(part.is_complete for part in self._parts.values())

    def add(self, values: Any, region: Any, plane: int | None = None) -> None:
        """Add a slice, or a patch of one.

        Args:
            values: (C, H, W), or with the axis across which the slice is.
            region: Where it is, see `Assembler`.
            plane: The axis that it is across; None: the one along which it has a single voxel.

        Raises:
            ShapeError: If nothing tells which plane it belongs to, or the values do not fit the region.
        """
        plane = self._plane_of(region) if plane is None else plane
        if plane not in self._parts:
            raise ArgumentError(f"a slice across axis {plane}", expected=f"one of the planes {self.planes}")
        self._parts[plane].add(values, region)

    def slab(self, start: int, stop: int) -> Any:
        """Return the merged values (C, ...) between two planes of the first spatial axis.

        Raises:
            DataError: If there is no slice of a plane yet.
        """
        return merged([part.slab(start, stop) for part in self._parts.values()], self.merge)

    def _all(self) -> Any:
        """Return all merged values, computed a few planes at a time."""
        whole: Any = None
        for start, stop in slabs(self.shape, self.n_channels * len(self.planes)):
            part = self.slab(start, stop)
            if whole is None:
                shape = (self.n_channels, *self.shape)
                whole = part.new_empty(shape) if is_torch(part) else np.empty(shape, part.dtype)
            whole[:, start:stop] = part
        return whole

    def _plane_of(self, region: Any) -> int:
        """Return the plane of a slice: it has one voxel there, and the other axes tell of nothing else."""
        pairs = checked_region(region, len(self.shape))
        thin = [axis for axis in self.planes if pairs[axis][1] - pairs[axis][0] == 1]
        others = [
            axis
            for axis in thin
            if all(pairs[k] == (0, size) for k, size in enumerate(self.shape) if k != axis) and self.shape[axis] > 1
        ]
        choice = thin if len(thin) == 1 else others
        if len(choice) != 1:
            raise ShapeError(
                f"a patch at {pairs} may be a slice across each of the axes {thin or self.planes}",
                expected="one voxel along the axis that it is across, and along no other",
                to_do="say which with add(values, region, plane=0)",
            )
        return choice[0]
