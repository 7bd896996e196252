"""How similar the structures of two images are, as eyes see them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from eisen._core.errors import ArgumentError
from eisen.evaluation.image_metric import ImageMetric, check_choice, check_data_range
from eisen.evaluation.measured import Measured, undefined
from eisen.evaluation.metrics.reconstruction import no_range
from eisen.evaluation.pairs.image_pair import ImagePair
from eisen.evaluation.pairs.windows import Similarity, Window, halved, similarity

__all__ = ["MultiScaleStructuralSimilarity", "StructuralSimilarity"]

_GAUSSIAN_SIZE = 11
_WANG_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
_BESIDE = "voxels beside the mask, inside of windows, are NaN or infinite"


class StructuralSimilarity(ImageMetric):
    """The structural similarity SSIM: luminance, contrast and structure compared in a window around every voxel.

    ``(2 μp μr + c₁)(2 σpr + c₂) / ((μp² + μr² + c₁)(σp² + σr² + c₂))`` with ``c = (k L)²``, L the data range and k 0.01
    and 0.03; the mean over all voxels whose window lies in the image. From -1 to 1 (equal). In 3-D the window is a
    cube, whatever the spacing, or slices are looked at one by one.

    With a mask, the mean is over its voxels (windows reach beyond it). A constant reference has no data range:
    undefined, unless one is given. An axis shorter than the window: undefined. With a uniform window the values are
    those of scikit-image (for float64), with ``convention="pymia"`` those of pymia.

    Args:
        window: "uniform", with variances divided by n - 1, as scikit-image, pymia and fastMRI have it; or "gaussian",
            1.5 voxels wide, variances divided by n, as Wang et al. have it.
        size: Odd width of the window; None: 7 for uniform windows, 11 for Gaussian ones.
        slicewise: Axis along which slices are looked at one by one, with the data range of the volume (as fastMRI
            does); None: windows over all axes.
        data_range: L; None: that of the pair, else what the convention says.
        convention: "range": largest minus smallest value of the reference; "pymia": largest value.

    Raises:
        ArgumentError: If one is something else.

    Source: Wang, Bovik, Sheikh, Simoncelli, Image quality assessment: from error visibility to structural similarity,
        IEEE Trans. Image Process. 13, 2004, equation 13.

    Example:
        >>> import numpy as np
        >>> image = np.arange(64.0).reshape(8, 8)
        >>> round(StructuralSimilarity()(image[:, ::-1], image), 3)
        0.969
    """

    abbreviation = "SSIM"
    better = "higher"
    low, high = -1.0, 1.0
    groups = ("reconstruction", "pymia")

    def __init__(
        self,
        window: Literal["uniform", "gaussian"] = "uniform",
        size: int | None = None,
        slicewise: int | None = None,
        data_range: float | None = None,
        convention: Literal["range", "pymia"] = "range",
    ) -> None:
        self.window, self.size, self.slicewise = window, size, slicewise
        self.data_range, self.convention = data_range, convention
        check_choice(self, "window", ("uniform", "gaussian"))
        check_choice(self, "slicewise", (None, 0, 1, 2))
        check_choice(self, "convention", ("range", "pymia"))
        check_data_range(self, data_range)
        if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 3 or size % 2 == 0):
            raise ArgumentError(f"SSIM: size is {size!r}", expected="an odd number from 3 on, or None")

    def formula(self, pair: ImagePair) -> Measured:
        """Return the value for a pair of images."""
        size = self.size or (7 if self.window == "uniform" else _GAUSSIAN_SIZE)
        window = Window(self.window, _sizes(size, pair.shape, self.slicewise))
        data_range = pair.range_by(self.convention, self.data_range)
        problem = _unfit(pair.shape, self.slicewise, window) or ("" if data_range > 0 else no_range(self.convention))
        if problem:
            return undefined(problem)
        return _checked(similarity(pair.prediction, pair.reference, pair.mask, window, data_range))


class MultiScaleStructuralSimilarity(ImageMetric):
    """The multi-scale structural similarity MS-SSIM: SSIM of an image that is halved again and again.

    ``SSIM_M^wM · Π cs_j^wj``: contrast and structure of the finer scales, luminance too at the coarsest. From 0 to 1
    (equal); a negative mean at any scale gives 0. Gaussian windows of 11 voxels, halving by means of neighbours.
    Spacing does not matter. Only windows inside of the image count (torchmetrics mirrors the rim of the coarsest scale
    into it). Masks and data range as for `StructuralSimilarity`; a coarse voxel belongs to the mask if
    at least half of it does. An axis of fewer than ``11 · 2^(scales - 1)`` voxels (five scales: 176): undefined.

    Args:
        weights: Exponents, from the finest scale to the coarsest; None: the five of the paper.
        slicewise: Axis along which slices are looked at one by one; None: windows over all axes.
        data_range: L; None: that of the pair, else what the convention says.
        convention: "range": largest minus smallest value of the reference; "pymia": largest value.

    Raises:
        ArgumentError: If one is something else.

    Source: Wang, Simoncelli, Bovik, Multiscale structural similarity for image quality assessment, Asilomar 2003.

    Example:
        >>> import numpy as np
        >>> image = np.arange(24.0 * 24).reshape(24, 24)
        >>> round(MultiScaleStructuralSimilarity(weights=(0.5, 0.5))(image + 30, image), 3)
        0.997
    """

    abbreviation = "MSSSIM"
    better = "higher"
    low, high = 0.0, 1.0
    groups = ("reconstruction",)

    def __init__(
        self,
        weights: Sequence[float] | None = None,
        slicewise: int | None = None,
        data_range: float | None = None,
        convention: Literal["range", "pymia"] = "range",
    ) -> None:
        self.weights = None if weights is None else _checked_weights(weights)
        self.slicewise, self.data_range, self.convention = slicewise, data_range, convention
        check_choice(self, "slicewise", (None, 0, 1, 2))
        check_choice(self, "convention", ("range", "pymia"))
        check_data_range(self, data_range)

    def formula(self, pair: ImagePair) -> Measured:
        """Return the value for a pair of images."""
        weights = self.weights or _WANG_WEIGHTS
        window = Window("gaussian", _sizes(_GAUSSIAN_SIZE, pair.shape, self.slicewise))
        data_range = pair.range_by(self.convention, self.data_range)
        problem = _unfit(pair.shape, self.slicewise, window, len(weights))
        if problem or not data_range > 0:
            return undefined(problem or no_range(self.convention))
        found = _scales(pair, window, data_range, len(weights))
        means = [scale.without_luminance for scale in found[:-1]] + [found[-1].whole]
        if any(math.isnan(mean) for mean in means):
            return _checked(next(s for s, mean in zip(found, means, strict=True) if math.isnan(mean)))
        return Measured(math.prod(max(mean, 0.0) ** weight for mean, weight in zip(means, weights, strict=True)))


def _scales(pair: ImagePair, window: Window, data_range: float, n: int) -> list[Similarity]:
    prediction, reference, mask = pair.prediction, pair.reference, pair.mask
    axes = tuple(axis for axis, size in enumerate(window.sizes) if size > 1)
    found: list[Similarity] = []
    for scale in range(n):
        if scale:
            prediction, reference = halved(prediction, axes), halved(reference, axes)
            mask = None if mask is None else halved(mask, axes) >= 0.5
        found.append(similarity(prediction, reference, mask, window, data_range))
    return found


def _sizes(size: int, shape: tuple[int, ...], slicewise: int | None) -> tuple[int, ...]:
    return tuple(1 if axis == slicewise else size for axis in range(len(shape)))


def _unfit(shape: tuple[int, ...], slicewise: int | None, window: Window, n_scales: int = 1) -> str:
    """Return why windows cannot be laid into an image; "" where they can."""
    if len(shape) not in (2, 3):
        return f"the images have {len(shape)} axes, not 2 or 3"
    if slicewise is not None and len(shape) != 3:
        return "slices need images with 3 axes"
    needed = max(window.sizes) * 2 ** (n_scales - 1)
    short = min(n for n, size in zip(shape, window.sizes, strict=True) if size > 1)
    if short >= needed:
        return ""
    hint = " (slicewise= looks at slices one by one)" if len(shape) == 3 and slicewise is None else ""
    return f"the shortest axis has {short} voxels, the windows need {needed}{hint}"


def _checked(found: Similarity) -> Measured:
    if not found.n:
        return undefined("no voxel of the mask has its window inside of the image")
    return undefined(_BESIDE) if math.isnan(found.whole) else Measured(min(1.0, max(-1.0, found.whole)))


def _checked_weights(weights: Sequence[float]) -> tuple[float, ...]:
    found = tuple(weights) if isinstance(weights, (tuple, list)) else ()
    if not found or not all(isinstance(w, (int, float)) and 0 < w < float("inf") for w in found):
        raise ArgumentError(
            f"MSSSIM: weights is {weights!r}", expected="positive numbers, one per scale, e.g. (0.3, 0.4, 0.3)"
        )
    return tuple(float(w) for w in found)
