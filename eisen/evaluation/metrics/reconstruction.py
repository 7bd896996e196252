"""How much noise and blur a reconstruction has left: errors set against the strength of the signal."""

from __future__ import annotations

import math
from typing import Literal

from eisen.evaluation.image_metric import ImageMetric, check_choice, check_data_range
from eisen.evaluation.measured import Measured, undefined
from eisen.evaluation.pairs.image_pair import ImagePair

__all__ = ["NormalizedMeanSquaredError", "PeakSignalToNoiseRatio"]


class NormalizedMeanSquaredError(ImageMetric):
    """The squared error over the energy of the reference: ``Σ(p - r)² / Σr²``, as fastMRI ranks with.

    From 0 (equal) without upper limit; 1 is as bad as an empty image. Spacing does not matter. A reference that is 0
    everywhere: undefined.

    Source: Zbontar et al., fastMRI: An open dataset and benchmarks for accelerated MRI, arXiv 1811.08839, 2018.

    Example:
        >>> import numpy as np
        >>> NormalizedMeanSquaredError()(np.array([3.0, 3.0]), np.array([3.0, 4.0]))
        0.04
    """

    abbreviation = "NMSE"
    groups = ("reconstruction",)

    def formula(self, pair: ImagePair) -> Measured:
        """Return the value for a pair of images."""
        energy = pair.moments.energy
        return Measured(pair.errors.squared / energy) if energy else undefined("the reference is 0 everywhere")


class PeakSignalToNoiseRatio(ImageMetric):
    """The peak signal to noise ratio: ``10 log10(L² / MSE)`` in decibels, where L is the data range.

    The higher the better, without limits. **Equal images have no noise: infinite, with a reason**; statistics leave
    them out of a mean and count them as undefined, and `cap` makes them finite. A constant reference has no data range:
    undefined, unless one is given. Spacing does not matter. With a mask, error and range are those of its voxels.

    Args:
        data_range: L, e.g. 255; None: that of the pair, else what the convention says.
        convention: "range": largest minus smallest value of the reference, right for signed data like CT; "pymia":
            largest value, as pymia and fastMRI have it. Both are the same where the smallest value is 0.
        cap: Larger values become this one; None: none do.

    Raises:
        ArgumentError: If the data range or the cap is not a positive number, or there is no such convention.

    Source: Huynh-Thu and Ghanbari, Scope of validity of PSNR in image/video quality assessment, Electron. Lett. 44,
        2008.

    Example:
        >>> import numpy as np
        >>> PeakSignalToNoiseRatio(data_range=100)(np.array([0.0, 50.0]), np.array([10.0, 60.0]))
        20.0
    """

    abbreviation = "PSNR"
    better = "higher"
    low = -math.inf
    unit = "dB"
    groups = ("reconstruction", "pymia")

    def __init__(
        self,
        data_range: float | None = None,
        convention: Literal["range", "pymia"] = "range",
        cap: float | None = None,
    ) -> None:
        self.data_range, self.convention, self.cap = data_range, convention, cap
        check_data_range(self, data_range)
        check_data_range(self, cap, "cap")
        check_choice(self, "convention", ("range", "pymia"))

    def formula(self, pair: ImagePair) -> Measured:
        """Return the value for a pair of images."""
        data_range = pair.range_by(self.convention, self.data_range)
        if not data_range > 0:
            return undefined(no_range(self.convention))
        error = pair.errors.squared / pair.n
        value = 20 * math.log10(data_range) - 10 * math.log10(error) if error else math.inf
        if self.cap is not None and value > self.cap:
            return Measured(self.cap, "the images are equal: capped" if not error else "capped")
        return Measured(value, "" if error else "the images are equal")


def no_range(convention: str) -> str:
    """Return why there is no data range.

    Args:
        convention: How it was looked for.
    """
    why = "the reference is constant" if convention == "range" else "the largest value of the reference is not above 0"
    return f"{why}: there is no data range; give one"
