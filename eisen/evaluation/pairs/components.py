"""Instances of a label, in the prediction and in the reference: connected components, or values; and their overlaps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array
from eisen.evaluation.pairs.label_pair import LabelPair

__all__ = ["CONNECTIVITIES", "Instances", "components_of", "instances_of", "neighbours"]

_Ints = npt.NDArray[np.int64]
_Side = Literal["prediction", "reference"]

CONNECTIVITIES = (4, 6, 8, 18, 26)
"""Neighbours of a voxel that belong to it: 6 (pixel: 4) share a face, 18 an edge, 26 (pixel: 8) a corner."""


@dataclass(frozen=True, eq=False)
class Instances:
    """The instances on both sides, numbered from 0, and how many voxels each two share.

    Args:
        sizes_predicted: Voxels of each predicted instance.
        sizes: Voxels of each instance of the reference.
        predicted: Of each overlap, the number of the predicted instance.
        actual: Of each overlap, the number of the instance of the reference.
        shared: Of each overlap, its voxels.
        numbers_predicted: The predicted instances in the box of the label, numbered from 1.
        numbers: Those of the reference.
        spacing: Of their voxels in mm.
    """

    sizes_predicted: _Ints
    sizes: _Ints
    predicted: _Ints
    actual: _Ints
    shared: _Ints
    numbers_predicted: Array
    numbers: Array
    spacing: tuple[float, ...]

    @cached_property
    def centres_predicted(self) -> npt.NDArray[np.float64]:
        """Mean place of each predicted instance in mm, from the corner of the box."""
        return _centres(self.numbers_predicted, self.sizes_predicted, self.spacing)

    @cached_property
    def centres(self) -> npt.NDArray[np.float64]:
        """Mean place of each instance of the reference in mm, from the corner of the box."""
        return _centres(self.numbers, self.sizes, self.spacing)

    @property
    def ious(self) -> npt.NDArray[np.float64]:
        """Intersection over union of each overlap."""
        union = self.sizes_predicted[self.predicted] + self.sizes[self.actual] - self.shared
        return self.shared / union


def instances_of(pair: LabelPair, connectivity: int | None = 26) -> Instances:
    """Return the instances of a label; the same object for the same connectivity.

    Args:
        pair: The label.
        connectivity: Instances are connected components, of voxels that are such neighbours; None: instances are the
            values that the label merges.

    Example:
        >>> from eisen.evaluation import CasePair
        >>> found = instances_of(CasePair(np.array([[1, 1, 0, 1]]), np.array([[1, 1, 1, 0]])).label(1))
        >>> found.sizes_predicted.tolist(), found.sizes.tolist(), found.shared.tolist()
        ([2, 1], [3], [2])
    """
    key = None if connectivity is None else neighbours(connectivity, pair.case.n_axes)
    return pair.remember(("instances", key), lambda: _instances(pair, key))


def neighbours(connectivity: int, n_axes: int) -> int:
    """Return the connectivity that is meant, for two or three axes.

    Args:
        connectivity: One of `CONNECTIVITIES`, of two or three axes.
        n_axes: Of the masks.
    """
    if n_axes == 2:
        return 4 if connectivity in (4, 6) else 8
    return {4: 6, 8: 26}.get(connectivity, connectivity)


def components_of(mask: Array, connectivity: int) -> tuple[Array, int]:
    """Return the components of a mask, numbered from 1, and how many there are.

    Args:
        mask: Booleans, two or three axes.
        connectivity: Neighbours that belong together, one of `CONNECTIVITIES`.
    """
    import cc3d

    if not mask.any():
        return np.zeros(mask.shape, np.uint16), 0
    meant: Any = neighbours(connectivity, mask.ndim)
    # Bytes, not booleans: with neighbours across corners cc3d 4.1.1 mixes components of booleans up, or raises.
    voxels = np.ascontiguousarray(mask).view(np.uint8)
    numbers, n = cc3d.connected_components(voxels, connectivity=meant, return_N=True)
    return numbers, int(n)


def _instances(pair: LabelPair, connectivity: int | None) -> Instances:
    predicted, n_predicted = _numbered(pair, "prediction", connectivity)
    actual, n_actual = _numbered(pair, "reference", connectivity)
    both = pair.prediction & pair.reference
    codes = (predicted[both].astype(np.int64) - 1) * max(1, n_actual) + (actual[both].astype(np.int64) - 1)
    overlaps, shared = np.unique(codes, return_counts=True)
    sizes = [
        np.bincount(side.reshape(-1), minlength=n + 1)[1:] for side, n in ((predicted, n_predicted), (actual, n_actual))
    ]
    i, j = np.divmod(overlaps, max(1, n_actual))
    return Instances(sizes[0], sizes[1], i, j, shared.astype(np.int64), predicted, actual, pair.spacing)


def _numbered(pair: LabelPair, side: _Side, connectivity: int | None) -> tuple[Array, int]:
    mask: Array = getattr(pair, side)
    if connectivity is not None:
        return components_of(mask, connectivity)
    codes = getattr(pair.case.maps, side)[pair.box]
    values, numbers = np.unique(codes[mask], return_inverse=True)
    found = np.zeros(mask.shape, np.int64)
    found[mask] = numbers + 1
    return found, len(values)


def _centres(numbers: Array, sizes: _Ints, spacing: tuple[float, ...]) -> npt.NDArray[np.float64]:
    places = np.nonzero(numbers)
    which = numbers[places].astype(np.intp) - 1
    sums = [np.bincount(which, axis, len(sizes)) * step for axis, step in zip(places, spacing, strict=True)]
    return np.stack(sums, axis=1) / np.maximum(sizes, 1)[:, None]
