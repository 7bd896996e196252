"""Metrics of images that a network makes: how far they are from the image they should be."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from eisen._core.errors import ArgumentError, ShapeError
from eisen.ops.metrics.averaging import CaseMean
from eisen.ops.targets import check_same_grid, full_precision

__all__ = ["PSNR", "SSIM"]

_WINDOW = 11
"""Voxels along each side of the window of SSIM, as in its paper."""


class PSNR(CaseMean):
    """Peak signal-to-noise ratio in decibels: large is good, 6 more halve the error; the mean over all cases.

    ``10 log10(data_range^2 / mean((predictions - labels)^2))`` for each case; infinite where both are equal.

    Args:
        data_range: Largest possible intensity minus smallest, e.g. 1 for images from 0 to 1.

    Raises:
        ArgumentError: If `data_range` is not a number above 0.

    Source:
        Huynh-Thu and Ghanbari 2008, Scope of validity of PSNR in image/video quality assessment, Electronics Letters
        44(13).

    Example:
        >>> image = torch.full((1, 1, 8, 8), 0.5)
        >>> round(PSNR(data_range=1)(image + 0.1, image).item(), 3)
        20.0
    """

    def __init__(self, data_range: float = 1.0) -> None:
        super().__init__()
        self.data_range = _checked_range(data_range, "PSNR")

    def score(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return the decibels of each case, (N, 1)."""
        check_same_grid(predictions, labels, "PSNR")
        error = (predictions.double() - labels.double()).square().flatten(1).mean(1, keepdim=True)
        return 20 * math.log10(self.data_range) - 10 * error.log10()


class SSIM(CaseMean):
    """Structural similarity of pictures or volumes: 1 is equal; the mean over all cases.

    Compares brightness, contrast and pattern in a window around every voxel, a Gaussian bell of 1.5 voxels, 11 wide;
    images are mirrored at their rim.

    Args:
        data_range: Largest possible intensity minus smallest, e.g. 1 for images from 0 to 1.

    Raises:
        ArgumentError: If `data_range` is not a number above 0.
        ShapeError: If a side is below 11 (at call time).

    Source:
        Wang et al. 2004, Image quality assessment: from error visibility to structural similarity, IEEE TIP 13(4).
        Computed by torchmetrics.

    Example:
        >>> image = torch.rand(1, 1, 16, 16)
        >>> round(SSIM(data_range=1)(image, image).item(), 4)
        1.0
    """

    def __init__(self, data_range: float = 1.0) -> None:
        super().__init__()
        self.data_range = _checked_range(data_range, "SSIM")

    def score(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return the similarity of each case, (N, 1)."""
        from torchmetrics.functional.image import structural_similarity_index_measure as similarity

        check_same_grid(predictions, labels, "SSIM")
        if predictions.ndim not in (4, 5) or min(predictions.shape[2:]) < _WINDOW:
            raise ShapeError(
                f"SSIM got images of shape {tuple(predictions.shape)}",
                expected=f"(N, C, H, W) or (N, C, D, H, W), with sides of {_WINDOW} or more",
            )
        wanted = labels if predictions.shape[1] == 1 else labels.expand_as(predictions)  # one channel stands for all
        images, wanted = full_precision(predictions.expand_as(wanted)), full_precision(wanted)
        found = similarity(images, wanted, reduction="none", data_range=self.data_range)
        return torch.as_tensor(found).reshape(len(predictions), 1)


def _checked_range(data_range: float, owner: str) -> float:
    if not isinstance(data_range, int | float) or not 0 < data_range < math.inf:
        raise ArgumentError(f"{owner}: data_range is {data_range!r}", expected="a number above 0")
    return float(data_range)
