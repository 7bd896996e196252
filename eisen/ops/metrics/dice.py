"""The Dice coefficient of thresholded predictions."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from eisen.ops.dice import overlap
from eisen.ops.targets import check_same_grid

__all__ = ["DiceMetric"]


class DiceMetric(nn.Module):
    """Overlap of prediction and reference: 1 is perfect, 0 is none. Predictions of 0.5 and more count as 1.

    ``weight * mean(2 sum(l p) / (sum(l^2 + p^2) + 1e-5))``. Where both are empty the metric is 0; see
    `DicePerClass` for a metric that leaves such cases out and tells the classes apart.

    Args:
        weight: Factor of the result.
        dim: Axes to sum over; the mean runs over the others. None sums over everything, the batch included.

    Source:
        Dice 1945, Measures of the amount of ecologic association between species, Ecology 26(3).

    Example:
        >>> import torch
        >>> reference = torch.tensor([[[0.0, 1.0, 1.0, 0.0]]])
        >>> round(DiceMetric()(predictions=0.3 + 0.4 * reference, labels=reference).item(), 4)
        1.0
    """

    def __init__(self, weight: float = 1.0, dim: int | Sequence[int] | None = None) -> None:
        super().__init__()
        self.weight = weight
        self.dim = dim

    def forward(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return the metric, a tensor without axes.

        Args:
            predictions: Probabilities, (N, C, ...).
            labels: Reference of the same shape, 0 and 1.

        Raises:
            ShapeError: If the shapes differ.
        """
        check_same_grid(predictions, labels, "DiceMetric")
        return self.weight * overlap((predictions >= 0.5).float(), labels, self.dim).mean()
