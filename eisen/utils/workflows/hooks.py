"""Stopping a training that no longer gets better."""

from __future__ import annotations

import math
from uuid import UUID

from eisen._core.errors import ArgumentError
from eisen.utils.events import BestLoss, BestMetric, EpochEnd
from eisen.utils.hub import attach

__all__ = ["PatienceHook"]


class PatienceHook:
    """Count the epochs since a workflow was last better than ever before.

    Equal is not better: a plateau uses up the patience.

    Attributes:
        patience: Epochs without improvement that are tolerated.
        patience_counter: Epochs since the last improvement.

    Args:
        workflow_id: The `id` of the workflow to watch, usually the validation.
        patience: Epochs without improvement after which to stop, at least 1.
        select_best_loss: Watch the mean of the losses; False watches the mean of the metrics.
        min_delta: By how much a value must be better than the best one to count as better.

    Example:
        >>> from uuid import uuid4
        >>> PatienceHook(uuid4(), patience=10).is_stop()
        False
    """

    def __init__(
        self, workflow_id: UUID, patience: int, select_best_loss: bool = True, *, min_delta: float = 0.0
    ) -> None:
        if patience < 1 or min_delta < 0:
            raise ArgumentError(
                f"PatienceHook: patience is {patience}, min_delta is {min_delta}",
                expected="patience of at least 1 epoch, min_delta of at least 0",
            )
        self.patience = patience
        self.patience_counter = 0
        self.select_best_loss = select_best_loss
        self.min_delta = min_delta
        self._best = math.inf
        attach(workflow_id, self)

    def on_best_loss(self, event: BestLoss) -> None:
        """Start over if the loss is lower than ever."""
        if self.select_best_loss:
            self._improved_to(event.value)

    def on_best_metric(self, event: BestMetric) -> None:
        """Start over if the metric is higher than ever."""
        if not self.select_best_loss:
            self._improved_to(-event.value)

    def on_epoch_end(self, _event: EpochEnd) -> None:
        """Count the epoch."""
        self.patience_counter += 1

    def _improved_to(self, value: float) -> None:
        if value < self._best - self.min_delta:
            self._best = value
            self.patience_counter = -1

    def is_stop(self) -> bool:
        """Tell whether the patience is used up."""
        return self.patience_counter >= self.patience

    def reset(self) -> None:
        """Start counting again."""
        self.patience_counter = 0
