"""The arithmetic of the Dice coefficient, shared by the loss and the metric."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

__all__ = ["overlap"]

_EPS = 1e-5


def overlap(predictions: Tensor, labels: Tensor, dim: int | Sequence[int] | None = None) -> Tensor:
    """Return ``2 sum(l p) / (sum(l^2 + p^2) + 1e-5)``; 0 where both are empty.

    Args:
        predictions: Any shape, float32 or float64.
        labels: A shape that fits.
        dim: Axes to sum over; None for all.

    Source:
        Milletari, Navab, Ahmadi 2016, V-Net, arXiv:1606.04797, section 3.

    Example:
        >>> import torch
        >>> half = torch.tensor([1.0, 1.0, 0.0, 0.0])
        >>> round(overlap(half, torch.tensor([0.0, 1.0, 1.0, 0.0])).item(), 4)
        0.5
    """
    labels = labels.to(predictions.dtype)
    axes = dim if dim is None or isinstance(dim, int) else tuple(dim)
    intersection = (labels * predictions).sum(axes)
    total = (labels.square() + predictions.square()).sum(axes)
    return 2 * intersection / (total + _EPS)
