"""The four counts themselves."""

from __future__ import annotations

import math

from eisen.evaluation.measured import Measured
from eisen.evaluation.metrics.counted import CountMetric
from eisen.evaluation.pairs.counts import Counts

__all__ = ["FalseNegatives", "FalsePositives", "TrueNegatives", "TruePositives"]


class TruePositives(CountMetric):
    """The number of voxels in both masks: ``TP``.

    From 0. Neither direction is better, since the number depends on the size of the structure. Spacing does not
    matter. Defined for empty masks.

    Source: Taha and Hanbury, Metrics for evaluating 3D medical image segmentation, BMC Medical Imaging 15, 2015.

    Example:
        >>> import numpy as np
        >>> TruePositives()(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]]))
        1.0
    """

    abbreviation = "TP"
    better = "neither"
    high = math.inf
    unit = "voxels"
    groups = ("counts", "pymia")

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        return Measured(float(counts.tp))


class FalsePositives(CountMetric):
    """The number of voxels in the prediction only: ``FP``.

    From 0. Called neither better nor worse, since the number depends on the size of the structure; see PRCISON.
    Spacing does not matter. Defined for empty masks.

    Source: Taha and Hanbury, Metrics for evaluating 3D medical image segmentation, BMC Medical Imaging 15, 2015.

    Example:
        >>> import numpy as np
        >>> FalsePositives()(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]]))
        1.0
    """

    abbreviation = "FP"
    better = "neither"
    high = math.inf
    unit = "voxels"
    groups = ("counts", "pymia")

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        return Measured(float(counts.fp))


class TrueNegatives(CountMetric):
    """The number of voxels in neither mask: ``TN``.

    From 0. Neither direction is better, since the number depends on the size of the image. Spacing does not matter.
    Defined for empty masks.

    Source: Taha and Hanbury, Metrics for evaluating 3D medical image segmentation, BMC Medical Imaging 15, 2015.

    Example:
        >>> import numpy as np
        >>> TrueNegatives()(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]]))
        2.0
    """

    abbreviation = "TN"
    better = "neither"
    high = math.inf
    unit = "voxels"
    groups = ("counts", "pymia")

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        return Measured(float(counts.tn))


class FalseNegatives(CountMetric):
    """The number of voxels in the reference only: ``FN``.

    From 0. Called neither better nor worse, since the number depends on the size of the structure; see SNSVTY.
    Spacing does not matter. Defined for empty masks.

    Source: Taha and Hanbury, Metrics for evaluating 3D medical image segmentation, BMC Medical Imaging 15, 2015.

    Example:
        >>> import numpy as np
        >>> FalseNegatives()(np.array([[1, 0], [0, 0]]), np.array([[1, 1], [1, 0]]))
        2.0
    """

    abbreviation = "FN"
    better = "neither"
    high = math.inf
    unit = "voxels"
    groups = ("counts", "pymia")

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        return Measured(float(counts.fn))
