"""The Dice loss of the V-Net paper."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from eisen.ops.dice import overlap
from eisen.ops.targets import check_same_grid, full_precision

__all__ = ["DiceLoss"]


class DiceLoss(nn.Module):
    """One minus the overlap of predicted probabilities and reference: 0 is perfect, 1 is no overlap.

    ``weight * mean(1 - 2 sum(l p) / (sum(l^2 + p^2) + 1e-5))``. Where both are empty the loss is 1.
    No activation is applied: give it the output of a network that ends in a sigmoid or softmax.

    Args:
        weight: Factor of the result.
        dim: Axes to sum over; the mean runs over the others. None sums over everything, the batch included;
            ``[2, 3, 4]`` gives every volume and class the same say.

    Source:
        Milletari, Navab, Ahmadi 2016, V-Net, arXiv:1606.04797, section 3.

    Example:
        >>> import torch
        >>> reference = torch.tensor([[[0.0, 1.0, 1.0, 0.0]]])
        >>> round(DiceLoss()(predictions=reference, labels=reference).item(), 4)
        0.0
    """

    def __init__(self, weight: float = 1.0, dim: int | Sequence[int] | None = None) -> None:
        super().__init__()
        self.weight = weight
        self.dim = dim

    def forward(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return the loss, a tensor without axes.

        Args:
            predictions: Probabilities, (N, C, ...).
            labels: Reference of the same shape: 0 and 1, or probabilities.

        Raises:
            ShapeError: If the shapes differ.
        """
        check_same_grid(predictions, labels, "DiceLoss")
        return self.weight * (1 - overlap(full_precision(predictions), labels, self.dim)).mean()
