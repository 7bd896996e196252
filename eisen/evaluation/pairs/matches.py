"""Which predicted instances are which instances of the reference."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen.evaluation.pairs.components import Instances

__all__ = ["Matches", "by_distance", "by_iou", "by_overlap"]

_Ints = npt.NDArray[np.int64]
_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Matches:
    """Pairs of a predicted instance and one of the reference.

    Args:
        predicted: Numbers of the predicted instances.
        actual: Numbers of those of the reference.
        quality: How good each pair is, from 0 to 1.
        n_predicted: All predicted instances.
        n_actual: All instances of the reference.
    """

    predicted: _Ints
    actual: _Ints
    quality: _Floats
    n_predicted: int
    n_actual: int

    @property
    def found(self) -> int:
        """Instances of the reference that have a partner."""
        return len(np.unique(self.actual))

    @property
    def missed(self) -> int:
        """Instances of the reference without one."""
        return self.n_actual - self.found

    @property
    def false(self) -> int:
        """Predicted instances without one."""
        return self.n_predicted - len(np.unique(self.predicted))

    def one_to_one(self) -> Matches:
        """Return as many of the pairs as possible so that nobody has two partners; of all such choices, the best.

        Source: Kuhn, The Hungarian method for the assignment problem, Nav. Res. Logist. Q. 2, 1955.
        """
        chosen = _assigned(self.predicted, self.actual, self.quality)
        return Matches(
            self.predicted[chosen], self.actual[chosen], self.quality[chosen], self.n_predicted, self.n_actual
        )


def by_overlap(instances: Instances) -> Matches:
    """Return all pairs that share a voxel.

    Args:
        instances: Of both sides.
    """
    return by_iou(instances, -1.0)


def by_iou(instances: Instances, threshold: float) -> Matches:
    """Return all pairs whose intersection over union is above a threshold; from 0.5 on they are one to one.

    Args:
        instances: Of both sides.
        threshold: From 0 to 1.
    """
    ious = instances.ious
    good = ious > threshold
    sides = len(instances.sizes_predicted), len(instances.sizes)
    return Matches(instances.predicted[good], instances.actual[good], ious[good], *sides)


def by_distance(instances: Instances, threshold_mm: float) -> Matches:
    """Return all pairs whose centres are at most so far apart.

    Args:
        instances: Of both sides.
        threshold_mm: In mm.
    """
    from scipy.spatial import cKDTree

    sides = len(instances.sizes_predicted), len(instances.sizes)
    if not all(sides):
        return Matches(*(np.zeros(0, np.int64),) * 2, np.zeros(0), *sides)
    trees = cKDTree(instances.centres_predicted), cKDTree(instances.centres)
    near = trees[0].sparse_distance_matrix(trees[1], threshold_mm, output_type="ndarray")
    quality = 1 - near["v"] / threshold_mm if threshold_mm else np.ones(len(near))
    return Matches(near["i"].astype(np.int64), near["j"].astype(np.int64), quality, *sides)


def _assigned(predicted: _Ints, actual: _Ints, quality: _Floats) -> _Ints:
    """Return which pairs are chosen; each cluster of pairs that compete is solved for itself, so few are ever large."""
    chosen: list[int] = []
    for cluster in _clusters(predicted, actual):
        if len(cluster) == 1:
            chosen.append(int(cluster[0]))
            continue
        rows, i = np.unique(predicted[cluster], return_inverse=True)
        columns, j = np.unique(actual[cluster], return_inverse=True)
        chosen += [int(cluster[k]) for k in _best(i, j, quality[cluster], (len(rows), len(columns)))]
    return np.array(sorted(chosen), dtype=np.int64)


def _best(i: Any, j: Any, quality: _Floats, shape: tuple[int, int]) -> list[int]:
    """Return which of the pairs (i, j) are chosen: as many as possible, then the best."""
    from scipy.optimize import linear_sum_assignment

    gain, number = np.zeros(shape), np.full(shape, -1)
    gain[i, j] = 1 + quality / (min(shape) + 1)  # all qualities together weigh less than one pair more
    number[i, j] = np.arange(len(quality))
    taken = number[linear_sum_assignment(gain, maximize=True)]
    return [int(k) for k in taken if k >= 0]


def _clusters(predicted: _Ints, actual: _Ints) -> list[_Ints]:
    """Return the numbers of the pairs, those that share a partner, directly or by others, together."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not len(predicted):
        return []
    first = int(predicted.max()) + 1
    n = first + int(actual.max()) + 1
    graph = coo_array((np.ones(len(predicted)), (predicted, actual + first)), shape=(n, n))
    cluster = connected_components(graph, directed=False)[1][predicted]
    order = np.argsort(cluster, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(cluster[order])) + 1)
