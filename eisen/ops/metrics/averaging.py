"""Metrics that have a value for every case: over an epoch, and over processes, the mean over cases."""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

__all__ = ["CaseMean"]


class CaseMean(nn.Module, ABC):
    """The frame of metrics that are measured case by case and then averaged.

    Every case counts once, however the cases were dealt to batches or processes. Cases for which a value is not defined
    (NaN) are left out of its mean.

    A child implements `score`, and `value` if the mean itself is not the metric.

    Args:
        n_values: Number of values per case.
    """

    total: Tensor

    def __init__(self, n_values: int = 1) -> None:
        super().__init__()
        self.register_buffer("total", torch.zeros(2, n_values, dtype=torch.float64), persistent=False)

    @abstractmethod
    def score(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return the values of each case, (N, n_values); NaN where one is not defined."""

    def value(self, means: Tensor) -> Tensor:
        """Return the metric for the means over all cases, (n_values,)."""
        return means[0]

    def forward(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Add a batch, and return the metric of this batch alone.

        Args:
            predictions: What the network gave, (N, C, ...).
            labels: The reference.
        """
        scores = self.score(predictions.detach(), labels.detach()).double()
        sums = torch.stack([scores.nansum(0), (~scores.isnan()).sum(0)])
        self.total = self.total.to(sums.device) + sums
        return self.value(sums[0] / sums[1]).float()

    def compute(self) -> Tensor:
        """Return the metric over all cases since `reset`, those of all processes included."""
        total = self.total
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            total = total.clone()
            torch.distributed.all_reduce(total)
        return self.value(total[0] / total[1]).float()

    def reset(self) -> None:
        """Forget all cases."""
        self.total = torch.zeros_like(self.total)
