"""Dice with a choice between what is missed and what is invented."""

from __future__ import annotations

from torch import Tensor

from eisen.ops.layers.activation import Activation
from eisen.ops.losses.base import RegionLoss, check_range

__all__ = ["TverskyLoss"]


class TverskyLoss(RegionLoss):
    """One minus the Tversky index of each class, averaged: missed voxels can cost more than invented ones.

    The index is ``TP / (TP + alpha FP + beta FN)``; with alpha = beta = 0.5 it is the Dice coefficient.

    Args:
        alpha: Weight of false positives, 0 or more.
        beta: Weight of false negatives, 0 or more; above `alpha` it raises the sensitivity for small lesions.
        gamma: The loss of each class is taken to the power of 1 / gamma, from 1; 4/3 is the focal Tversky loss.

    Other arguments as in `RegionLoss`.

    Source:
        Salehi et al. 2017, arXiv:1706.05721; Abraham and Khan 2018, arXiv:1810.07842 (gamma).

    Example:
        >>> import torch
        >>> labels = torch.tensor([[[0, 1, 1, 1]]])
        >>> missed = torch.tensor([[[1.0, 1.0, 0.0, 0.0], [0.0, 0.0, 1.0, 1.0]]])
        >>> round(TverskyLoss(activation="none")(predictions=missed, labels=labels).item(), 4)  # 1 - 2 / (2 + 0.7)
        0.2593
    """

    def __init__(
        self,
        alpha: float = 0.3,
        beta: float = 0.7,
        gamma: float = 1.0,
        include_background: bool = False,
        batch_dice: bool = False,
        activation: Activation = "softmax",
        smooth: float = 1e-5,
    ) -> None:
        super().__init__(include_background, batch_dice, activation, smooth)
        check_range("TverskyLoss", "alpha", alpha, 0.0, float("inf"))
        check_range("TverskyLoss", "beta", beta, 0.0, float("inf"))
        check_range("TverskyLoss", "gamma", gamma, 1.0, float("inf"))
        self.alpha, self.beta, self.gamma = alpha, beta, gamma

    def forward(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return the loss, a tensor without axes.

        Args:
            predictions: (N, C, ...).
            labels: Label map (N, 1, ...) or (N, ...), or one-hot (N, C, ...).
        """
        found, wanted, axes = self.regions(predictions, labels)
        both = (found * wanted).sum(axes)
        invented, missed = found.sum(axes) - both, wanted.sum(axes) - both
        index = (both + self.smooth) / (both + self.alpha * invented + self.beta * missed + self.smooth)
        # a root has an infinite slope at 0
        return (1 - index).clamp_min(1e-7).pow(1 / self.gamma).mean() if self.gamma > 1 else (1 - index).mean()
