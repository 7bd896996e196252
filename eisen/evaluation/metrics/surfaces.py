"""How far the surfaces of two masks are apart on average, and how much of them agrees."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from eisen._core.errors import ArgumentError
from eisen.evaluation.measured import Measured, undefined
from eisen.evaluation.metric import SegmentationMetric
from eisen.evaluation.metrics.distances import check_choice
from eisen.evaluation.pairs.distances import boundary_distances, surface_distances
from eisen.evaluation.pairs.label_pair import LabelPair

__all__ = ["AverageSymmetricSurfaceDistance", "MeanSurfaceDistance", "SurfaceDice", "SurfaceOverlap"]

_EMPTY = {"missed": "the prediction is empty", "extra": "the reference is empty", "absent": "both masks are empty"}


class MeanSurfaceDistance(SegmentationMetric):
    """The mean distance in mm from the surface of one mask to that of the other.

    ``sum(area · distance) / sum(area)`` over the surface elements of one mask, in 2-D over the pieces of its contour.
    0 is perfect, there is no upper end, lower is better; spacing is taken into account. One empty mask: undefined;
    two: by the default policy 0.

    Source: Nikolov et al., Clinically applicable segmentation of head and neck anatomy for radiotherapy, 2021.

    Args:
        prediction_to_reference: True: from the prediction, which false positives make larger; False: from the
            reference, which false negatives make larger.

    Raises:
        ArgumentError: If it is something else.

    Example:
        >>> import numpy as np
        >>> prediction, reference = np.zeros((6, 6), int), np.zeros((6, 6), int)
        >>> prediction[:3], reference[:2] = 1, 1
        >>> round(MeanSurfaceDistance()(prediction, reference), 3)
        0.381
    """

    abbreviation = "MSD"
    better = "lower"
    high = float("inf")
    unit = "mm"
    groups = ("distance",)

    def __init__(self, prediction_to_reference: bool = True) -> None:
        _check_bool(self.abbreviation, prediction_to_reference)
        self.prediction_to_reference = prediction_to_reference

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        if pair.presence != "both":
            return undefined(_EMPTY[pair.presence])
        directions = surface_distances(pair)
        chosen = directions.from_prediction if self.prediction_to_reference else directions.from_reference
        return Measured(chosen.mean)


class AverageSymmetricSurfaceDistance(SegmentationMetric):
    """The average symmetric surface distance (ASSD) in mm: how far the two surfaces are from each other on average.

    0 is perfect, there is no upper end, lower is better; spacing is taken into account. One empty mask: undefined;
    two: by the default policy 0.

    Conventions: "surface" is the mean over the area of both surfaces together (in 2-D the length of both contours);
    "mean" the mean of the two directions, each a mean over its area, as of DeepMind's surface-distance; "boundary"
    the mean over the boundary voxels of both masks together, those with a face on the outside, as MONAI and medpy do.

    Source: Heimann et al., Comparison and evaluation of methods for liver segmentation from CT datasets, TMI 28, 2009.

    Args:
        convention: One of them.

    Raises:
        ArgumentError: If it is something else.

    Example:
        >>> import numpy as np
        >>> prediction, reference = np.zeros((6, 6), int), np.zeros((6, 6), int)
        >>> prediction[:3], reference[:2] = 1, 1
        >>> round(AverageSymmetricSurfaceDistance()(prediction, reference), 3)
        0.361
    """

    abbreviation = "ASSD"
    better = "lower"
    high = float("inf")
    unit = "mm"
    groups = ("distance",)

    def __init__(self, convention: Literal["surface", "mean", "boundary"] = "surface") -> None:
        check_choice("ASSD", "convention", convention, ("surface", "mean", "boundary"))
        self.convention = convention

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        if pair.presence != "both":
            return undefined(_EMPTY[pair.presence])
        distances = boundary_distances if self.convention == "boundary" else surface_distances
        one, other = distances(pair).both
        if self.convention == "mean":
            return Measured((one.mean + other.mean) / 2)
        return Measured((one.sum_mm + other.sum_mm) / (one.total + other.total))


class SurfaceOverlap(SegmentationMetric):
    """The share of one surface that is within a tolerance of the other.

    From 0 to 1 (all of it), by area, in 2-D by length of the contour; higher is better; spacing is taken into account.
    The mask that is measured is empty: undefined; the other is: 0; both: by the default policy 1.

    Source: Nikolov et al., Clinically applicable segmentation of head and neck anatomy for radiotherapy, 2021.

    Args:
        tolerance: In mm; what is exactly as far away is within.
        prediction_to_reference: True: the share of the prediction's surface; False: of the reference's.

    Raises:
        ArgumentError: If one is something else.

    Example:
        >>> import numpy as np
        >>> prediction, reference = np.zeros((9, 9), int), np.zeros((9, 9), int)
        >>> prediction[2:4, 2:4] = reference[2:4, 2:7] = 1
        >>> SurfaceOverlap()(prediction, reference)
        1.0
    """

    abbreviation = "SURFOVLP"
    better = "higher"
    groups = ("distance", "pymia")

    def __init__(self, tolerance: float = 1.0, prediction_to_reference: bool = True) -> None:
        _check_tolerance(self.abbreviation, tolerance)
        _check_bool(self.abbreviation, prediction_to_reference)
        self.tolerance, self.prediction_to_reference = tolerance, prediction_to_reference

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        measured_is_empty = "missed" if self.prediction_to_reference else "extra"
        if pair.presence in ("absent", measured_is_empty):
            return undefined(_EMPTY[pair.presence])
        if pair.presence != "both":
            return Measured(0.0)
        directions = surface_distances(pair)
        chosen = directions.from_prediction if self.prediction_to_reference else directions.from_reference
        return Measured(chosen.share_within(self.tolerance))


class SurfaceDice(SegmentationMetric):
    """The normalised surface Dice: the share of both surfaces that is within a tolerance of the other one.

    ``(|S_P within t of S_R| + |S_R within t of S_P|) / (|S_P| + |S_R|)`` by area, in 2-D by length of the contour.
    From 0 to 1, higher is better; spacing is taken into account. One empty mask: 0; two: by the default policy 1.

    Source: Nikolov et al., Clinically applicable segmentation of head and neck anatomy for radiotherapy, 2021.

    Args:
        tolerance: In mm; what is exactly as far away is within. A mapping gives each label its own: names of labels,
            or their values as text, to mm.

    Raises:
        ArgumentError: If it is something else, or not given for a label.

    Example:
        >>> import numpy as np
        >>> prediction, reference = np.zeros((9, 9), int), np.zeros((9, 9), int)
        >>> prediction[2:4, 2:4] = reference[2:4, 2:7] = 1
        >>> round(SurfaceDice()(prediction, reference), 3), SurfaceDice(tolerance=3)(prediction, reference)
        (0.775, 1.0)
    """

    abbreviation = "SURFDICE"
    better = "higher"
    groups = ("distance", "pymia")

    def __init__(self, tolerance: float | Mapping[str, float] = 1.0) -> None:
        if isinstance(tolerance, Mapping):
            tolerance = {str(label): value for label, value in tolerance.items()}
        for value in tolerance.values() if isinstance(tolerance, dict) else (tolerance,):
            _check_tolerance(self.abbreviation, value)
        self.tolerance = tolerance

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        tolerance = self._tolerance_of(pair)
        if isinstance(tolerance, Measured):
            return tolerance
        if pair.presence != "both":
            return undefined(_EMPTY["absent"]) if pair.presence == "absent" else Measured(0.0)
        both = surface_distances(pair).both
        return Measured(sum(side.within(tolerance) for side in both) / sum(side.total for side in both))

    def _tolerance_of(self, pair: LabelPair) -> float | Measured:
        if not isinstance(self.tolerance, Mapping):
            return self.tolerance
        for name in (pair.name, *(str(value) for value in pair.values)):
            if name in self.tolerance:
                return self.tolerance[name]
        return undefined(f"there is no tolerance for the label {pair.name}, only for {', '.join(self.tolerance)}")


def _check_tolerance(metric: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < float("inf"):
        raise ArgumentError(f"{metric}: tolerance is {value!r}", expected="a distance in mm, 0 or more")


def _check_bool(metric: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ArgumentError(f"{metric}: prediction_to_reference is {value!r}", expected="True or False")
