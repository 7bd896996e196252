"""How large each of the two masks is."""

from __future__ import annotations

import math

from eisen._core.errors import ArgumentError
from eisen._core.types import Array
from eisen.evaluation.measured import Measured, undefined
from eisen.evaluation.metric import SegmentationMetric
from eisen.evaluation.metrics.counted import NO_VOXELS
from eisen.evaluation.pairs.label_pair import LabelPair

__all__ = ["PredictionArea", "PredictionVolume", "ReferenceArea", "ReferenceVolume"]


class PredictionVolume(SegmentationMetric):
    """The volume of the prediction: ``(TP + FP) * volume of a voxel``.

    From 0, in mm³; in 2-D the area in mm². Spacing is honoured. Neither direction is better. Empty prediction: 0.

    Source: Jungo et al., pymia, Computer Methods and Programs in Biomedicine 198, 2021, table 2.

    Example:
        >>> import numpy as np
        >>> PredictionVolume()(np.array([[[1, 1], [0, 0]]]), np.array([[[1, 0], [0, 0]]]), spacing_mm=(3, 0.5, 0.5))
        1.5
    """

    abbreviation = "PREDVOL"
    better = "neither"
    high = math.inf
    unit = "mm³"
    groups = ("size", "pymia")

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        return Measured(pair.counts.predicted * pair.case.volume_of_voxel)


class ReferenceVolume(SegmentationMetric):
    """The volume of the reference: ``(TP + FN) * volume of a voxel``.

    From 0, in mm³; in 2-D the area in mm². Spacing is honoured. Neither direction is better. Empty reference: 0.

    Source: Jungo et al., pymia, Computer Methods and Programs in Biomedicine 198, 2021, table 2.

    Example:
        >>> import numpy as np
        >>> ReferenceVolume()(np.array([[[1, 1], [0, 0]]]), np.array([[[1, 0], [0, 0]]]), spacing_mm=(3, 0.5, 0.5))
        0.75
    """

    abbreviation = "REFVOL"
    better = "neither"
    high = math.inf
    unit = "mm³"
    groups = ("size", "pymia")

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        return Measured(pair.counts.actual * pair.case.volume_of_voxel)


class _Area(SegmentationMetric):
    """What the two areas share: one slice of a mask."""

    better = "neither"
    high = math.inf
    unit = "mm²"
    groups = ("size", "pymia")

    def __init__(self, slice_number: int | None = None, axis: int = 0) -> None:
        if slice_number is not None and (isinstance(slice_number, bool) or not isinstance(slice_number, int)):
            raise ArgumentError(
                f"{self.abbreviation}: slice_number is {slice_number!r}",
                expected="an integer from 0, a negative one from the end, or None for the middle slice",
            )
        if isinstance(axis, bool) or axis not in (0, 1, 2):
            raise ArgumentError(f"{self.abbreviation}: axis is {axis!r}", expected="0, 1 or 2")
        self.slice_number, self.axis = slice_number, axis

    def _area(self, pair: LabelPair, mask: Array) -> Measured:
        """Return the area of a mask, which is given in the box of the pair."""
        if pair.case.n_axes == 2:
            return Measured(int(mask.sum()) * pair.case.volume_of_voxel)
        n = pair.case.shape[self.axis]
        if not n:
            return undefined(NO_VOXELS)
        asked = n // 2 if self.slice_number is None else self.slice_number
        if not -n <= asked < n:
            return undefined(f"there is no slice {asked}: the image has {n} along axis {self.axis}")
        inside = asked % n - pair.box[self.axis].start
        if not 0 <= inside < mask.shape[self.axis]:
            return Measured(0.0)
        of_pixel = math.prod(s for axis, s in enumerate(pair.spacing) if axis != self.axis)
        return Measured(int(mask.take(inside, axis=self.axis).sum()) * of_pixel)


class PredictionArea(_Area):
    """The area of the prediction in one slice: ``voxels in the slice * area of a voxel``.

    From 0, in mm². Spacing in the slice is honoured. A 2-D image is the slice. Neither direction is better. Empty
    prediction: 0. Undefined where the image has no such slice.

    Source: Jungo et al., pymia, Computer Methods and Programs in Biomedicine 198, 2021, table 2. There -1 means the
    middle slice; here it is the last one.

    Args:
        slice_number: Which slice, from 0; a negative number counts from the end; None: the middle one, ``n // 2``.
        axis: The axis of the array that is perpendicular to the slice.

    Raises:
        ArgumentError: If one is no such number.

    Example:
        >>> import numpy as np
        >>> PredictionArea(slice_number=-1)(np.array([[[1, 1], [0, 0]]]), np.array([[[1, 0], [0, 0]]]), (3, 0.5, 0.5))
        0.5
    """

    abbreviation = "PREDAREA"

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        return self._area(pair, pair.prediction)


class ReferenceArea(_Area):
    """The area of the reference in one slice: ``voxels in the slice * area of a voxel``.

    From 0, in mm². Spacing in the slice is honoured. A 2-D image is the slice. Neither direction is better. Empty
    reference: 0. Undefined where the image has no such slice.

    Source: Jungo et al., pymia, Computer Methods and Programs in Biomedicine 198, 2021, table 2. There -1 means the
    middle slice; here it is the last one.

    Args:
        slice_number: Which slice, from 0; a negative number counts from the end; None: the middle one, ``n // 2``.
        axis: The axis of the array that is perpendicular to the slice.

    Raises:
        ArgumentError: If one is no such number.

    Example:
        >>> import numpy as np
        >>> ReferenceArea(slice_number=-1)(np.array([[[1, 1], [0, 0]]]), np.array([[[1, 0], [0, 0]]]), (3, 0.5, 0.5))
        0.25
    """

    abbreviation = "REFAREA"

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        return self._area(pair, pair.reference)
