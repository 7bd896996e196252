"""How far two masks are from each other: Hausdorff, average and Mahalanobis distances."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np

from eisen._core.errors import ArgumentError
from eisen.evaluation.measured import Measured, undefined
from eisen.evaluation.metric import SegmentationMetric
from eisen.evaluation.pairs.distances import (
    Directions,
    boundary_distances,
    surface_distances,
    voxel_distances,
)
from eisen.evaluation.pairs.label_pair import LabelPair
from eisen.evaluation.pairs.moments import moments

__all__ = ["AverageDistance", "HausdorffDistance", "MahalanobisDistance"]

_EMPTY = {"missed": "the prediction is empty", "extra": "the reference is empty", "absent": "both masks are empty"}
_DISTANCES: dict[str, Callable[[LabelPair], Directions]] = {
    "surface": surface_distances,
    "voxels": voxel_distances,
    "boundary": boundary_distances,
}


class HausdorffDistance(SegmentationMetric):
    """The Hausdorff distance in mm: from the farthest point of either mask to the other, or a percentile of it.

    The larger of the two directions, each the smallest distance within which ``percentile`` per cent lie. 0 is
    perfect, there is no upper end, lower is better; spacing is taken into account. One empty mask: undefined; two: by
    the default policy 0.

    Conventions: "surface" (DeepMind's surface-distance, pymia) measures between the surfaces, on the corners of
    voxels, weighted by area; in 2-D between contours, weighted by length. "voxels" (ITK, Taha and Hanbury) measures
    from the voxels of a mask to the nearest voxel of the other, 0 inside of it. "boundary" (MONAI) measures between
    the voxels that have a face on the outside. The percentiles of the last two are interpolated, as NumPy does.

    Source: Huttenlocher et al., Comparing images using the Hausdorff distance, PAMI 15, 1993; "surface": Nikolov et
    al., Clinically applicable segmentation of head and neck anatomy for radiotherapy, 2021.

    Args:
        percentile: Above 0, up to 100; 95 leaves out single stray voxels.
        convention: "surface", "voxels" or "boundary".

    Raises:
        ArgumentError: If one is something else.

    Example:
        >>> import numpy as np
        >>> prediction, reference = np.zeros((9, 9), int), np.zeros((9, 9), int)
        >>> prediction[2:4, 2:4] = reference[2:4, 2:7] = 1
        >>> HausdorffDistance()(prediction, reference, spacing_mm=(1, 0.5))
        1.5
    """

    abbreviation = "HDRFDST"
    better = "lower"
    high = float("inf")
    unit = "mm"
    groups = ("distance", "pymia")

    def __init__(
        self, percentile: float = 100, convention: Literal["surface", "voxels", "boundary"] = "surface"
    ) -> None:
        if isinstance(percentile, bool) or not isinstance(percentile, (int, float)) or not 0 < percentile <= 100:
            raise ArgumentError(f"HDRFDST: percentile is {percentile!r}", expected="a number above 0, up to 100")
        check_choice("HDRFDST", "convention", convention, tuple(_DISTANCES))
        self.percentile, self.convention = percentile, convention

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        if pair.presence != "both":
            return undefined(_EMPTY[pair.presence])
        directions = _DISTANCES[self.convention](pair).both
        if self.percentile == 100:
            return Measured(max(direction.maximum for direction in directions))
        if self.convention == "surface":
            return Measured(max(direction.percentile(self.percentile) for direction in directions))
        return Measured(max(direction.quantile_of_points(self.percentile) for direction in directions))


class AverageDistance(SegmentationMetric):
    """The average Hausdorff distance in mm: how far the voxels of a mask are from the other, on average.

    Directed: the mean, over all voxels of one mask, of the distance to the nearest voxel of the other, which is 0
    inside of it. 0 is perfect, there is no upper end, lower is better; spacing is taken into account. One empty mask:
    undefined; two: by the default policy 0. For distances between surfaces see `AverageSymmetricSurfaceDistance`.

    Conventions: "mean" (ITK, pymia, the EvaluateSegmentation tool) is the mean of the two directions, "max" (the
    formula in Taha and Hanbury's article) the larger of them.

    Source: Taha and Hanbury, Metrics for evaluating 3D medical image segmentation, BMC Medical Imaging 15, 2015.

    Args:
        convention: "mean" or "max".

    Raises:
        ArgumentError: If it is something else.

    Example:
        >>> import numpy as np
        >>> AverageDistance()(np.array([[1, 1, 0, 0]]), np.array([[1, 1, 1, 1]]))
        0.375
    """

    abbreviation = "AVGDIST"
    better = "lower"
    high = float("inf")
    unit = "mm"
    groups = ("distance", "pymia")

    def __init__(self, convention: Literal["mean", "max"] = "mean") -> None:
        check_choice("AVGDIST", "convention", convention, ("mean", "max"))
        self.convention = convention

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        if pair.presence != "both":
            return undefined(_EMPTY[pair.presence])
        one, other = (direction.mean for direction in voxel_distances(pair).both)
        return Measured((one + other) / 2 if self.convention == "mean" else max(one, other))


class MahalanobisDistance(SegmentationMetric):
    """The Mahalanobis distance between the voxels of two masks: how far apart their centres are, by their spread.

    ``sqrt(d' S⁻¹ d)`` with the difference d of the mean positions and ``S = (n_P S_P + n_R S_R) / (n_P + n_R)``; the
    covariances S_P and S_R are divided by ``n - 1``, as pymia does. 0 is perfect, there is no upper end, lower is
    better; it has no unit, and spacing does not matter. Equal centres: 0. Otherwise undefined where there is no
    spread to compare with: a mask of one voxel, or both together flat or on a line. One empty mask: undefined; two:
    by the default policy 0.

    Source: Taha and Hanbury, Metrics for evaluating 3D medical image segmentation, BMC Medical Imaging 15, 2015.

    Example:
        >>> import numpy as np
        >>> square = np.zeros((5, 5), int)
        >>> square[1:3, 1:3] = 1
        >>> round(MahalanobisDistance()(square, np.roll(square, 1, axis=0)), 6)
        1.732051
    """

    abbreviation = "MAHLNBS"
    better = "lower"
    high: ClassVar[float] = float("inf")
    groups = ("distance", "pymia")

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        if pair.presence != "both":
            return undefined(_EMPTY[pair.presence])
        one, other = moments(pair)
        apart = one.mean - other.mean
        if np.abs(apart).max() < 1e-9:
            return Measured(0.0)
        if min(one.n, other.n) == 1:
            return undefined("a mask has one voxel: there is no spread to compare the distance with")
        covariance = (one.n * one.covariance + other.n * other.covariance) / (one.n + other.n)
        if np.linalg.cond(covariance) > 1e12:
            return undefined("both masks are flat or on a line: there is no spread to compare the distance with")
        return Measured(float(np.sqrt(apart @ np.linalg.solve(covariance, apart))))


def check_choice(metric: str, name: str, value: object, allowed: tuple[str, ...]) -> None:
    """Refuse what is none of the allowed words.

    Args:
        metric: Abbreviation, for the message.
        name: Of the parameter.
        value: What was given.
        allowed: The words.
    """
    if value not in allowed:
        raise ArgumentError(f"{metric}: {name} is {value!r}", expected=f"one of {', '.join(allowed)}")
