"""Cross entropies that look at the hard voxels: focal and top-k."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from eisen.ops.layers.activation import Activation
from eisen.ops.losses.base import VoxelLoss, check_range

__all__ = ["FocalLoss", "TopKCrossEntropyLoss"]


class FocalLoss(VoxelLoss):
    """Cross entropy in which voxels that are right already count little: ``-(1 - p)^gamma log(p)``.

    Args:
        gamma: How strongly easy voxels are turned down, 0 or more; 0 is cross entropy.
        include_background: Whether voxels whose class is 0 (with ``sigmoid``: channel 0) count.
        activation: How predictions become probabilities: ``softmax`` (exclusive classes), ``sigmoid`` (overlapping
            classes, or one channel) or ``none`` (they are probabilities already).
        class_weights: Weight of each class, one per channel (the alpha of the paper).

    Source:
        Lin et al. 2017, arXiv:1708.02002, equation 5.

    Example:
        >>> labels = torch.tensor([[[0, 1]]])
        >>> probabilities = torch.tensor([[[0.9, 0.5], [0.1, 0.5]]])
        >>> loss = FocalLoss(gamma=2, activation="none")(predictions=probabilities, labels=labels)
        >>> round(loss.item(), 4)  # (0.1 ** 2 * -ln 0.9 + 0.5 ** 2 * -ln 0.5) / 2
        0.0872
    """

    def __init__(
        self,
        gamma: float = 2.0,
        include_background: bool = True,
        activation: Activation = "softmax",
        class_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(include_background, activation, class_weights)
        check_range("FocalLoss", "gamma", gamma, 0.0, float("inf"))
        self.gamma = gamma

    def forward(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return the loss, a tensor without axes.

        Args:
            predictions: (N, C, ...).
            labels: Label map (N, 1, ...) or (N, ...), or one-hot (N, C, ...).
        """
        compared = self.compared(predictions, labels)
        entropy, weights = self.cross_entropy_map(compared)
        focus = (-torch.expm1(-entropy)).pow(self.gamma)  # 1 - p, exact for p close to 1
        if not self.include_background and predictions.shape[1] > 1:
            weights = _without_background(compared.classes, entropy) * (1.0 if weights is None else weights)
        if weights is None:
            return (focus * entropy).mean()
        return (focus * entropy * weights).sum() / weights.sum().clamp_min(1e-12)


class TopKCrossEntropyLoss(VoxelLoss):
    """Mean cross entropy of the hardest voxels of a batch only.

    Args:
        fraction: Share of the voxels that counts, above 0 up to 1; 1 is cross entropy.
        activation: How predictions become probabilities: ``softmax`` (exclusive classes), ``sigmoid`` (overlapping
            classes, or one channel) or ``none`` (they are probabilities already).
        class_weights: Weight of each class, one per channel.

    Source:
        Wu, Shen, van den Hengel 2016, arXiv:1605.06885, section 3.2 (online bootstrapping).

    Example:
        >>> labels = torch.tensor([[[0, 0, 0, 1]]])
        >>> probabilities = torch.tensor([[[0.9, 0.9, 0.9, 0.5], [0.1, 0.1, 0.1, 0.5]]])
        >>> loss = TopKCrossEntropyLoss(fraction=0.25, activation="none")
        >>> round(loss(predictions=probabilities, labels=labels).item(), 4)  # -ln 0.5
        0.6931
    """

    def __init__(
        self,
        fraction: float = 0.1,
        activation: Activation = "softmax",
        class_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__(True, activation, class_weights)
        check_range("TopKCrossEntropyLoss", "fraction", fraction, 1e-9, math.nextafter(1, 2))
        self.fraction = fraction

    def forward(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return the loss, a tensor without axes.

        Args:
            predictions: (N, C, ...).
            labels: Label map (N, 1, ...) or (N, ...), or one-hot (N, C, ...).
        """
        entropy, weights = self.cross_entropy_map(self.compared(predictions, labels))
        weighted = (entropy if weights is None else entropy * weights).flatten()
        hardest = weighted.topk(max(1, round(self.fraction * weighted.numel())), sorted=False)
        if weights is None:
            return hardest.values.mean()
        return hardest.values.sum() / weights.flatten()[hardest.indices].sum().clamp_min(1e-12)


def _without_background(classes: Tensor | None, entropy: Tensor) -> Tensor:
    """Return a weight per voxel that is 0 for background: voxels of class 0, or channel 0 if they overlap."""
    if classes is not None:
        return (classes > 0).to(entropy.dtype)
    weights = torch.ones_like(entropy)
    weights[:, 0] = 0
    return weights
