"""How far the volumes of two masks differ, wherever the masks are."""

from __future__ import annotations

import math

from eisen.evaluation.measured import Measured
from eisen.evaluation.metric import SegmentationMetric
from eisen.evaluation.metrics.counted import NEITHER, NO_REFERENCE, CountMetric, ratio
from eisen.evaluation.pairs.counts import Counts
from eisen.evaluation.pairs.label_pair import LabelPair

__all__ = [
    "AbsoluteVolumeDifference",
    "RelativeAbsoluteVolumeDifference",
    "RelativeVolumeDifference",
    "VolumeSimilarity",
]


class VolumeSimilarity(CountMetric):
    """How similar the volumes are: ``1 - |FN - FP| / (2 TP + FP + FN)``.

    From 0 (one is empty) to 1 (equal volumes, also where the masks do not touch). Spacing does not matter. One empty
    mask: 0; two: undefined, by the default policy 1.

    Source: Taha and Hanbury, Metrics for evaluating 3D medical image segmentation, BMC Medical Imaging 15, 2015.

    Example:
        >>> import numpy as np
        >>> VolumeSimilarity()(np.array([[1, 1], [1, 0]]), np.array([[0, 0], [0, 1]]))
        0.5
    """

    abbreviation = "VOLSMTY"
    better = "higher"
    groups = ("size", "pymia")

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        both = counts.predicted + counts.actual
        return ratio(both - abs(counts.fn - counts.fp), both, NEITHER)


class RelativeVolumeDifference(CountMetric):
    """How much larger the prediction is than the reference, with its sign: ``(FP - FN) / (TP + FN)``.

    From -1 (empty prediction) over 0 (equal volumes) upwards; 0.1 is 10 % too large. Neither direction is better: the
    mean over cases is the bias; see RAVD for a size without sign. Spacing does not matter. Undefined where the
    reference is empty.

    Source: Heimann et al., Comparison and evaluation of methods for liver segmentation from CT datasets, IEEE
    Transactions on Medical Imaging 28, 2009. (medpy's ``ravd`` is this one, with the sign.)

    Example:
        >>> import numpy as np
        >>> RelativeVolumeDifference()(np.array([[1, 0], [0, 0]]), np.array([[1, 1], [0, 0]]))
        -0.5
    """

    abbreviation = "RVD"
    better = "neither"
    low = -1.0
    high = math.inf
    groups = ("size",)

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        return ratio(counts.fp - counts.fn, counts.actual, NO_REFERENCE)


class RelativeAbsoluteVolumeDifference(CountMetric):
    """The difference of the volumes as a share of the reference: ``|FP - FN| / (TP + FN)``.

    From 0 (equal volumes) upwards; 0.1 is 10 %. Spacing does not matter. Empty prediction: 1. Undefined where the
    reference is empty; two empty masks by the default policy 0.

    Source: Kavur et al., CHAOS challenge, Medical Image Analysis 69, 2021; there in percent.

    Example:
        >>> import numpy as np
        >>> RelativeAbsoluteVolumeDifference()(np.array([[1, 0], [0, 0]]), np.array([[1, 1], [0, 0]]))
        0.5
    """

    abbreviation = "RAVD"
    better = "lower"
    high = math.inf
    groups = ("size",)

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        return ratio(abs(counts.fp - counts.fn), counts.actual, NO_REFERENCE)


class AbsoluteVolumeDifference(SegmentationMetric):
    """The difference of the volumes: ``|FP - FN| * volume of a voxel``.

    From 0 (equal volumes) upwards, in mm³ (1000 mm³ are 1 ml); in 2-D the difference of areas in mm². Spacing is
    honoured. Defined for empty masks.

    Source: Hernandez Petzsche et al., ISLES 2022, Scientific Data 9, 2022; there in ml.

    Example:
        >>> import numpy as np
        >>> AbsoluteVolumeDifference()(np.array([[1, 0], [0, 0]]), np.array([[1, 1], [1, 0]]), spacing_mm=(1, 0.5))
        1.0
    """

    abbreviation = "AVD"
    better = "lower"
    high = math.inf
    unit = "mm³"
    groups = ("size",)

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        return Measured(abs(pair.counts.fp - pair.counts.fn) * pair.case.volume_of_voxel)
