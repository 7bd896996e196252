"""Dice losses with a say for every class: plain means, and weights against imbalance."""

from __future__ import annotations

import torch
from torch import Tensor

from eisen.ops.layers.activation import Activation
from eisen.ops.losses.base import RegionLoss

__all__ = ["DicePerClassLoss", "GeneralizedDiceLoss", "mean_dice"]


def mean_dice(found: Tensor, wanted: Tensor, batch_dice: bool = False, smooth: float = 1e-5) -> Tensor:
    """Return the mean over cases and classes of ``(2 sum(l p) + smooth) / (sum(l) + sum(p) + smooth)``.

    Args:
        found: Probabilities (N, C, voxels).
        wanted: Reference (N, C, voxels), bool or 0 and 1.
        batch_dice: Whether to sum over the cases first.
        smooth: Added to both sides of the fraction, so that a class absent from both gives 1.

    Example:
        >>> half = torch.tensor([[[1.0, 1.0, 0.0, 0.0]]])
        >>> round(mean_dice(half, torch.tensor([[[0, 1, 1, 0]]])).item(), 4)
        0.5
    """
    axes = (0, 2) if batch_dice else (2,)
    both = (found * wanted).sum(axes)
    return ((2 * both + smooth) / (found.sum(axes) + wanted.sum(axes) + smooth)).mean()


class DicePerClassLoss(RegionLoss):
    """One minus the Dice of each class, averaged: a small structure counts as much as a large one.

    Arguments as in `RegionLoss`.

    Source:
        Drozdzal et al. 2016, arXiv:1608.04117.

    Example:
        >>> probabilities = torch.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
        >>> labels = torch.tensor([[[0, 1, 1]]])
        >>> loss = DicePerClassLoss(activation="none")  # Dice of class 1 is 2/3, of class 2 it is 0
        >>> round(loss(predictions=probabilities, labels=labels).item(), 3)
        0.667
    """

    def forward(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return the loss, a tensor without axes.

        Args:
            predictions: (N, C, ...).
            labels: Label map (N, 1, ...) or (N, ...), or one-hot (N, C, ...).
        """
        found, wanted, _ = self.regions(predictions, labels)
        return 1 - mean_dice(found, wanted, self.batch_dice, self.smooth)


class GeneralizedDiceLoss(RegionLoss):
    """Dice over all classes at once, each weighted by one over its squared volume, so that tiny structures count.

    ``1 - 2 sum_c w_c sum(l p) / sum_c w_c sum(l + p)`` with ``w_c = 1 / sum(l)^2`` for every case. A class that is
    absent from a case gets the largest weight among those present: the paper's weight would be infinite. The
    background counts unless told otherwise, as in the paper; other arguments as in `RegionLoss`.

    Source:
        Sudre et al. 2017, arXiv:1707.03237, section 2.1.

    Example:
        >>> labels = torch.tensor([[[0, 0, 0, 1]]])
        >>> perfect = torch.tensor([[[1.0, 1.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]]])
        >>> round(GeneralizedDiceLoss(activation="none")(predictions=perfect, labels=labels).item(), 4)
        0.0
    """

    def __init__(
        self,
        include_background: bool = True,
        batch_dice: bool = False,
        activation: Activation = "softmax",
        smooth: float = 1e-5,
    ) -> None:
        super().__init__(include_background, batch_dice, activation, smooth)

    def forward(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return the loss, a tensor without axes.

        Args:
            predictions: (N, C, ...).
            labels: Label map (N, 1, ...) or (N, ...), or one-hot (N, C, ...).
        """
        found, wanted, axes = self.regions(predictions, labels)
        volumes, both = wanted.sum(axes, dtype=found.dtype), (found * wanted).sum(axes)
        weights = _volume_weights(volumes)
        overlap = 2 * (weights * both).sum(-1) + self.smooth
        return (1 - overlap / ((weights * (volumes + found.sum(axes))).sum(-1) + self.smooth)).mean()


def _volume_weights(volumes: Tensor) -> Tensor:
    """Return the weights of the classes, (..., C), largest 1: a common factor does not change the loss."""
    present = volumes > 0
    smallest = torch.where(present, volumes, torch.inf).amin(-1, keepdim=True)
    smallest = torch.where(smallest.isinf(), 1.0, smallest)
    return torch.where(present, (smallest / volumes.clamp_min(_TINY)).square(), 1.0)


_TINY = 1e-12
