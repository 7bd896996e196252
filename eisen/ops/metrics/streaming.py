"""Metrics that add up over an epoch, and over processes, and divide once at the end."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor, nn

__all__ = ["StreamingMetric"]


class StreamingMetric(nn.Module, ABC):
    """A metric of all cases together rather than a mean over batches.

    The mean of the accuracies of two batches is not the accuracy of both when their sizes differ, and the mean of two
    sensitivities hardly ever is. So a batch only adds its counts; `compute` makes the value of everything since
    `reset`. A workflow resets at the start of an epoch and takes `compute` at its end. Counts are exact, so the result
    does not depend on how the cases were dealt to batches or processes.

    A child implements `count` and `value`.

    Args:
        shape: Shape of the counts.
    """

    total: Tensor

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("total", torch.zeros(*shape, dtype=torch.int64), persistent=False)

    @abstractmethod
    def count(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return the counts of a batch, int64; they can be added to those of another batch."""

    @abstractmethod
    def value(self, counts: Tensor) -> Tensor:
        """Return the metric for counts: one value, or one per class; NaN where it is not defined."""

    def forward(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Add a batch, and return the metric of this batch alone.

        Args:
            predictions: Probabilities or logits, (N, C) or (N, C, ...).
            labels: Classes (N,), (N, 1), (N, ...) or (N, 1, ...), or one-hot like the predictions.
        """
        counts = self.count(predictions.detach(), labels.detach())
        self.total = self.total.to(counts.device) + counts
        return self.value(counts)

    def compute(self) -> Tensor:
        """Return the metric of all batches since `reset`, those of all processes included."""
        total = self.total
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            total = total.clone()
            torch.distributed.all_reduce(total)
        return self.value(total)

    def reset(self) -> None:
        """Forget all batches."""
        self.total = torch.zeros_like(self.total)
