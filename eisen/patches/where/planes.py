"""Drawing a voxel of a map without reading all of it: sums per plane say which plane to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.errors import ShapeError, VoxelValueError
from eisen._core.types import Array
from eisen.patches.cutting.cases import CaseParts

__all__ = ["ClassPlanes", "WeightPlanes"]

_MANY_CLASSES = 4096
_BLOCK_BYTES = 16e6


class ClassPlanes:
    """How many voxels of each class every plane of a label map has; a voxel of a class is drawn from them.

    All voxels of the class are equally likely, exactly. The map is read once, a few planes at a time; a draw reads
    one plane. What is remembered is one number per plane and class.

    Args:
        case: The case.
        field: Its label map: no channels, or one.

    Raises:
        ShapeError: If the field has several channels, or another shape.
        VoxelValueError: If it has more values than a label map can have.
    """

    def __init__(self, case: CaseParts, field: str) -> None:
        self.field = field
        counts: list[tuple[Array, Array]] = []
        for plane in _planes(case, field):
            values, numbers = _counted(plane)
            counts.append((values, numbers))
        self.classes = np.unique(np.concatenate([values for values, _ in counts]))
        if len(self.classes) > _MANY_CLASSES:
            raise VoxelValueError(
                f"'{field}' has more than {_MANY_CLASSES} values",
                expected="a label map: a whole number per voxel",
                to_do=f"name the label field; for a map of weights use Weighted({field!r})",
                field=field,
            )
        self._ends = np.zeros((len(self.classes), len(counts)), np.int64)
        for place, (values, numbers) in enumerate(counts):
            self._ends[np.searchsorted(self.classes, values), place] = numbers
        np.cumsum(self._ends, axis=1, out=self._ends)

    def count(self, value: float) -> int:
        """Return how many voxels of a class there are."""
        k = int(np.searchsorted(self.classes, value))
        return int(self._ends[k, -1]) if k < len(self.classes) and self.classes[k] == value else 0

    def draw(self, case: CaseParts, value: float, rng: np.random.Generator) -> tuple[int, ...]:
        """Return a random voxel of a class, which the case is certain to have.

        Args:
            case: The case.
            value: The class.
            rng: Draws.
        """
        ends = self._ends[int(np.searchsorted(self.classes, value))]
        n = int(rng.integers(ends[-1]))
        place = int(np.searchsorted(ends, n, side="right"))
        plane = _plane(case, self.field, place)
        flat = int(np.flatnonzero(plane.reshape(-1) == value)[n - (int(ends[place - 1]) if place else 0)])
        return (place, *(int(k) for k in np.unravel_index(flat, plane.shape)))


class WeightPlanes:
    """The sum of the weights in every plane of a map; a voxel is drawn from them, as likely as its weight says.

    Args:
        case: The case.
        field: The map; weights of several channels are added.

    Raises:
        VoxelValueError: If a weight is negative or not finite, or if all are 0.
    """

    def __init__(self, case: CaseParts, field: str) -> None:
        self.field = field
        sums = []
        for place, plane in enumerate(_planes(case, field, channels=True)):
            if not np.isfinite(plane).all() or plane.min() < 0:
                raise self._wrong(f"plane {place} of '{field}' has weights from {plane.min():g} to {plane.max():g}")
            sums.append(float(plane.sum(dtype=np.float64)))
        self._ends = np.cumsum(sums)
        if self._ends[-1] <= 0:
            raise self._wrong(f"all weights of '{field}' are 0")

    def draw(self, case: CaseParts, rng: np.random.Generator) -> tuple[int, ...]:
        """Return a random voxel.

        Args:
            case: The case.
            rng: Draws.
        """
        place = _drawn(self._ends, rng)
        plane = _plane(case, self.field, place, channels=True)
        flat = _drawn(np.cumsum(plane.reshape(-1), dtype=np.float64), rng)
        return (place, *(int(k) for k in np.unravel_index(flat, plane.shape)))

    def _wrong(self, what: str) -> VoxelValueError:
        return VoxelValueError(
            what,
            expected="finite weights from 0, at least one of them above",
            to_do="correct the map of the case, or leave the case out",
            field=self.field,
        )


def _drawn(ends: npt.NDArray[np.float64], rng: np.random.Generator) -> int:
    """Return a number, as likely as its share of the sums; never one without a share."""
    last = int(np.searchsorted(ends, ends[-1]))  # the first that reaches the total: those behind add nothing
    return min(int(np.searchsorted(ends, rng.random() * ends[-1], side="right")), last)


def _planes(case: CaseParts, field: str, channels: bool = False) -> Iterator[Array]:
    """Yield the planes along the first spatial axis, read some at a time."""
    source = case.spatial_source(field)
    n, size = case.shape[0], int(np.prod(source.shape)) * source.dtype.itemsize
    step = max(1, int(n * _BLOCK_BYTES / max(size, 1)))
    for start in range(0, n, step):
        block = _one_channel(case, field, slice(start, min(start + step, n)), channels)
        yield from block


def _plane(case: CaseParts, field: str, place: int, channels: bool = False) -> Array:
    return np.asarray(_one_channel(case, field, slice(place, place + 1), channels)[0])


def _one_channel(case: CaseParts, field: str, planes: slice, channels: bool) -> Array:
    """Return planes without channels: those of the only one, or their sum."""
    block = case.read(field, (planes, *(slice(0, n) for n in case.shape[1:])))
    if channels:
        return block[0] if len(block) == 1 else np.asarray(block.sum(axis=0, dtype=np.float64))
    if len(block) != 1:
        raise ShapeError(
            f"'{field}' has {len(block)} channels",
            expected="a label map with one channel, or none",
            to_do="cut patches before LabelMapToOneHot, or name the label map",
            field=field,
        )
    return np.asarray(block[0])


def _counted(plane: Array) -> tuple[Array, Array]:
    """Return the values of a plane and how often each is there."""
    if plane.dtype == bool:
        plane = plane.view(np.uint8)
    if plane.dtype.kind in "ui":
        low, high = int(plane.min()), int(plane.max())
        if high - low < 65536:
            shifted = plane.reshape(-1) if low == 0 else plane.reshape(-1).astype(np.int64) - low
            numbers = np.bincount(shifted, minlength=high - low + 1)
            present = np.flatnonzero(numbers)
            return present + low, numbers[present]
    values: Any
    values, numbers = np.unique(plane, return_counts=True)
    return np.asarray(values), numbers
