"""How far the numbers of two images are apart."""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from eisen.evaluation.image_metric import ImageMetric, check_choice
from eisen.evaluation.measured import Measured, undefined
from eisen.evaluation.pairs.image_pair import ImagePair

__all__ = [
    "CoefficientOfDetermination",
    "MeanAbsoluteError",
    "MeanError",
    "MeanSquaredError",
    "MedianAbsoluteError",
    "NormalizedRootMeanSquaredError",
    "PearsonCorrelation",
    "RootMeanSquaredError",
]


class CoefficientOfDetermination(ImageMetric):
    """The coefficient of determination R²: ``1 - Σ(r - p)² / Σ(r - mean(r))²``.

    The share of the variance of the reference that the prediction explains: 1 is perfect, 0 as good as predicting the
    mean, and there is no lower limit. Spacing does not matter. A constant reference: undefined.

    Source: Wright, Correlation and causation, J. Agric. Res. 20, 1921; as in pymia and scikit-learn.

    Example:
        >>> import numpy as np
        >>> CoefficientOfDetermination()(np.array([1, 2, 4]), np.array([1, 2, 3]))
        0.5
    """

    abbreviation = "R2"
    better = "higher"
    low, high = -math.inf, 1.0
    groups = ("regression", "pymia")

    def formula(self, pair: ImagePair) -> Measured:
        """Return the value for a pair of images."""
        spread = pair.moments.squares
        return Measured(1 - pair.errors.squared / spread) if spread else undefined("the reference is constant")


class MeanAbsoluteError(ImageMetric):
    """The mean absolute error: ``mean |p - r|``.

    From 0 (equal) without upper limit, in the unit of the images. Spacing does not matter.

    Source: Willmott and Matsuura, Advantages of the mean absolute error, Climate Research 30, 2005.

    Example:
        >>> import numpy as np
        >>> MeanAbsoluteError()(np.array([1.0, 5.0]), np.array([2.0, 2.0]))
        2.0
    """

    abbreviation = "MAE"
    groups = ("regression", "pymia")

    def formula(self, pair: ImagePair) -> Measured:
        """Return the value for a pair of images."""
        return Measured(pair.errors.absolute / pair.n)


class MeanError(ImageMetric):
    """The mean error, or bias: ``mean(p - r)``.

    0 if too much and too little balance; positive where the prediction is too large on average. In the unit of the
    images; neither direction is better. Spacing does not matter.

    Source: Bland and Altman, Statistical methods for assessing agreement, Lancet 327, 1986.

    Example:
        >>> import numpy as np
        >>> MeanError()(np.array([1.0, 5.0]), np.array([2.0, 2.0]))
        1.0
    """

    abbreviation = "BIAS"
    better = "neither"
    low = -math.inf
    groups = ("regression",)

    def formula(self, pair: ImagePair) -> Measured:
        """Return the value for a pair of images."""
        return Measured(pair.errors.plain / pair.n)


class MeanSquaredError(ImageMetric):
    """The mean squared error: ``mean (p - r)²``.

    From 0 (equal) without upper limit, in the squared unit of the images. Spacing does not matter.

    Source: Wang and Bovik, Mean squared error: love it or leave it?, IEEE Signal Process. Mag. 26, 2009.

    Example:
        >>> import numpy as np
        >>> MeanSquaredError()(np.array([1.0, 5.0]), np.array([2.0, 2.0]))
        5.0
    """

    abbreviation = "MSE"
    groups = ("regression", "pymia")

    def formula(self, pair: ImagePair) -> Measured:
        """Return the value for a pair of images."""
        return Measured(pair.errors.squared / pair.n)


class RootMeanSquaredError(ImageMetric):
    """The root of the mean squared error: ``sqrt(mean (p - r)²)``.

    From 0 (equal) without upper limit, in the unit of the images. Spacing does not matter.

    Source: Chai and Draxler, Root mean square error or mean absolute error?, Geosci. Model Dev. 7, 2014.

    Example:
        >>> import numpy as np
        >>> RootMeanSquaredError()(np.array([2.0, 6.0]), np.array([2.0, 2.0])) == 8**0.5
        True
    """

    abbreviation = "RMSE"
    groups = ("regression", "pymia")

    def formula(self, pair: ImagePair) -> Measured:
        """Return the value for a pair of images."""
        return Measured(math.sqrt(pair.errors.squared / pair.n))


class NormalizedRootMeanSquaredError(ImageMetric):
    """The root mean squared error, divided by the size of the reference: ``RMSE / normalizer``.

    From 0 (equal) without upper limit, without unit. Spacing does not matter. Where the normalizer is 0 (for "range"
    and "std": a constant reference): undefined.

    Args:
        normalizer: Of the reference: "range", largest minus smallest value, as in pymia; "euclidean", the root of the
            mean square, what scikit-image does when nothing is said; "mean", the absolute mean; or "std", the standard
            deviation (divided by n).

    Raises:
        ArgumentError: If it is something else.

    Source: Fienup, Invariant error metrics for image reconstruction, Appl. Opt. 36, 1997 ("euclidean").

    Example:
        >>> import numpy as np
        >>> NormalizedRootMeanSquaredError()(np.array([0.0, 4.0]), np.array([2.0, 6.0]))
        0.5
    """

    abbreviation = "NRMSE"
    groups = ("regression", "pymia")

    def __init__(self, normalizer: Literal["range", "mean", "euclidean", "std"] = "range") -> None:
        self.normalizer = normalizer
        check_choice(self, "normalizer", ("range", "mean", "euclidean", "std"))

    def formula(self, pair: ImagePair) -> Measured:
        """Return the value for a pair of images."""
        m = pair.moments
        size = {
            "range": m.high - m.low,
            "mean": abs(m.mean),
            "euclidean": math.sqrt(m.energy / m.n),
            "std": math.sqrt(m.squares / m.n),
        }[self.normalizer]
        root = math.sqrt(pair.errors.squared / pair.n)
        return Measured(root / size) if size else undefined(f"the {self.normalizer} of the reference is 0")


class MedianAbsoluteError(ImageMetric):
    """The median of the absolute errors: ``median |p - r|``.

    From 0 without upper limit, in the unit of the images; 0 if at least half of the voxels are equal. A few voxels
    that are far off do not matter, nor does spacing.

    Source: Hampel, The influence curve and its role in robust estimation, J. Am. Stat. Assoc. 69, 1974.

    Example:
        >>> import numpy as np
        >>> MedianAbsoluteError()(np.array([1, 2, 3]), np.array([1, 3, 100]))
        1.0
    """

    abbreviation = "MEDAE"
    groups = ("regression",)

    def formula(self, pair: ImagePair) -> Measured:
        """Return the value for a pair of images."""
        errors = np.empty(pair.n)
        start = 0
        for prediction, reference in pair.chunks():
            part = errors[start : start + len(reference)]
            np.abs(np.subtract(prediction, reference, out=part), out=part)
            start += len(reference)
        return Measured(float(np.median(errors, overwrite_input=True)))


class PearsonCorrelation(ImageMetric):
    """Pearson's correlation coefficient of both images: covariance divided by both standard deviations.

    From -1 to 1 (one is a rising straight line of the other, whatever its offset and scale). Spacing does not matter.
    Either image constant: undefined.

    Source: Pearson, Notes on regression and inheritance in the case of two parents, Proc. R. Soc. Lond. 58, 1895.

    Example:
        >>> import numpy as np
        >>> round(PearsonCorrelation()(np.array([1, 2, 3]), np.array([10, 20, 30])), 12)
        1.0
    """

    abbreviation = "PEARSON"
    better = "higher"
    low, high = -1.0, 1.0
    groups = ("regression",)

    def formula(self, pair: ImagePair) -> Measured:
        """Return the value for a pair of images."""
        m = pair.moments
        below = math.sqrt(m.squares) * math.sqrt(m.squares_predicted)
        if not below:
            return undefined(f"the {'reference' if not m.squares else 'prediction'} is constant")
        return Measured(min(1.0, max(-1.0, m.products / below)))
