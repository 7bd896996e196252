"""Which share of the voxels of one kind is found, or missed: the rates of a diagnostic test."""

from __future__ import annotations

from eisen.evaluation.measured import Measured, undefined
from eisen.evaluation.metrics.counted import FULL_REFERENCE, NO_PREDICTION, NO_REFERENCE, CountMetric, ratio
from eisen.evaluation.pairs.counts import Counts

__all__ = ["AreaUnderCurve", "Fallout", "FalseNegativeRate", "Precision", "Sensitivity", "Specificity"]


class Sensitivity(CountMetric):
    """The share of the reference that is found, also called recall or true positive rate: ``TP / (TP + FN)``.

    From 0 to 1 (all of it). Spacing does not matter. Empty prediction: 0. Empty reference: undefined, also where the
    prediction is empty too, since there was nothing to find.

    Source: Yerushalmy, Statistical problems in assessing methods of medical diagnosis, Public Health Reports 62, 1947.

    Example:
        >>> import numpy as np
        >>> Sensitivity()(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [1, 0]]))
        0.5
    """

    abbreviation = "SNSVTY"
    better = "higher"
    groups = ("overlap", "pymia")
    perfect_when_absent = False

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        return ratio(counts.tp, counts.actual, NO_REFERENCE)


class Specificity(CountMetric):
    """The share of the background that is left alone, or true negative rate: ``TN / (TN + FP)``.

    From 0 to 1 (all of it). It grows with the image around the structure. Spacing does not matter. Defined for empty
    masks; undefined where the reference fills the image, so that there is no background.

    Source: Yerushalmy, Statistical problems in assessing methods of medical diagnosis, Public Health Reports 62, 1947.

    Example:
        >>> import numpy as np
        >>> Specificity()(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [1, 0]]))
        0.5
    """

    abbreviation = "SPCFTY"
    better = "higher"
    groups = ("overlap", "pymia")
    perfect_when_absent = False

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        return ratio(counts.tn, counts.tn + counts.fp, FULL_REFERENCE)


class Fallout(CountMetric):
    """The share of the background that is wrongly marked, or false positive rate: ``FP / (TN + FP)``.

    From 0 (none of it) to 1; 1 - specificity. It shrinks as the image around the structure grows. Spacing does not
    matter. Defined for empty masks; undefined where the reference fills the image, so that there is no background.

    Source: Taha and Hanbury, Metrics for evaluating 3D medical image segmentation, BMC Medical Imaging 15, 2015.

    Example:
        >>> import numpy as np
        >>> Fallout()(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [1, 0]]))
        0.5
    """

    abbreviation = "FALLOUT"
    better = "lower"
    groups = ("overlap", "pymia")
    perfect_when_absent = False

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        return ratio(counts.fp, counts.tn + counts.fp, FULL_REFERENCE)


class FalseNegativeRate(CountMetric):
    """The share of the reference that is missed: ``FN / (TP + FN)``.

    From 0 (none of it) to 1; 1 - sensitivity. Spacing does not matter. Empty prediction: 1. Empty reference:
    undefined, also where the prediction is empty too.

    Source: Taha and Hanbury, Metrics for evaluating 3D medical image segmentation, BMC Medical Imaging 15, 2015.

    Example:
        >>> import numpy as np
        >>> FalseNegativeRate()(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [1, 0]]))
        0.5
    """

    abbreviation = "FNR"
    better = "lower"
    groups = ("overlap", "pymia")
    perfect_when_absent = False

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        return ratio(counts.fn, counts.actual, NO_REFERENCE)


class Precision(CountMetric):
    """The share of the prediction that is right, or positive predictive value: ``TP / (TP + FP)``.

    From 0 to 1 (all of it). Spacing does not matter. Empty reference: 0. Empty prediction: undefined, also where the
    reference is empty too, since nothing was claimed (pymia says 0).

    Source: Taha and Hanbury, Metrics for evaluating 3D medical image segmentation, BMC Medical Imaging 15, 2015.

    Example:
        >>> import numpy as np
        >>> Precision()(np.array([[1, 1], [1, 0]]), np.array([[1, 0], [1, 1]]))
        0.6666666666666666
    """

    abbreviation = "PRCISON"
    better = "higher"
    groups = ("overlap", "pymia")
    perfect_when_absent = False

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        return ratio(counts.tp, counts.predicted, NO_PREDICTION)


class AreaUnderCurve(CountMetric):
    """The area under the ROC curve of one operating point: ``(TP / (TP + FN) + TN / (TN + FP)) / 2``.

    A mask has no scores, so the curve is two straight lines, and the area is the mean of sensitivity and specificity,
    known as balanced accuracy. From 0 to 1 (equal); 0.5 is chance. For scores there is AUROC. Spacing does not matter.
    Empty prediction: 0.5. Undefined where the reference is empty or fills the image, since one of the two rates is.

    Source: Taha and Hanbury, Metrics for evaluating 3D medical image segmentation, BMC Medical Imaging 15, 2015.

    Example:
        >>> import numpy as np
        >>> AreaUnderCurve()(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]]))
        0.8333333333333334
    """

    abbreviation = "AUC"
    better = "higher"
    groups = ("agreement", "pymia")
    perfect_when_absent = False

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        background = counts.tn + counts.fp
        if not counts.actual or not background:
            return undefined(FULL_REFERENCE if counts.actual else NO_REFERENCE)
        both = counts.tp * background + counts.tn * counts.actual
        return Measured(both / (2 * counts.actual * background))
