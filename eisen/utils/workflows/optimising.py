"""The only optimisation step: from losses to new weights, alone or together with other processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from eisen._core.errors import TrainingError
from eisen.datasets.sharing import Share
from eisen.utils.distributed import Distribution
from eisen.utils.workflows.aggregate import EpochDataAggregator
from eisen.utils.workflows.averaging import WeightAverage
from eisen.utils.workflows.gathering import demand_mergeable
from eisen.utils.workflows.guard import NonFiniteGuard, total_loss
from eisen.utils.workflows.precision import Precision
from eisen.utils.workflows.schedule import Schedule, Schedules
from eisen.utils.workflows.together import calls_whole_model, demand_trainable, has_unused
from eisen.utils.workflows.update import Update, chosen_optimizers

__all__ = ["Optimising"]

Values = dict[str, Any]


class Optimising:
    """The part of a workflow that changes weights; see `GenericWorkflow` for the attributes."""

    average: WeightAverage | None
    distribution: Distribution
    epoch_aggregator: EpochDataAggregator
    guard: NonFiniteGuard
    metrics: list[Any]
    model: Any
    optimizer: Any
    precision: Precision
    schedule: Schedule | Schedules | None
    stepping: Update
    _batch_number: int
    _is_skipped: bool
    _parallel: Any
    _share: Share | None

    @property
    def _epoch(self) -> int:
        return getattr(self, "epoch", 0)

    def distribute(self, distribution: Distribution) -> None:
        """Compute together with other processes, each of which has a workflow like this one.

        The data loader has to give each process its own part, as `eisen.datasets.loading.Loader.divide` lets it.
        Losses and metrics of an epoch are then those of all processes, in every one of them.

        Args:
            distribution: The processes, from `eisen.utils.distributed.start_distribution`.

        Raises:
            ArgumentError: If a metric cannot be added up over processes, or the distribution cannot be used here.
        """
        self.distribution = distribution
        self.epoch_aggregator.distribution = self.guard.distribution = distribution
        if distribution.is_alone:
            return
        demand_mergeable(self.metrics)
        if self.optimizer is not None:
            demand_trainable(self, distribution)
            self.stepping.average_gradients = distribution.average_gradients

    def _optimise(self, losses: list[Values], batch: Values) -> None:
        """Do one backward pass for the sum of the losses, and change the weights."""
        total = total_loss(losses)
        if total is None:
            return
        if not total.requires_grad:
            raise TrainingError(
                "the losses do not depend on any weight that can be trained",
                expected="at least one parameter with requires_grad=True between the input and a loss",
                to_do="look for .detach(), torch.no_grad() or an arg-max in the model and the losses",
            )
        if self.guard.is_active and not self.guard.check(total, losses, batch, self._epoch, self._batch_number):
            self._is_skipped = True
            return
        self.update(total)

    def update(self, total: torch.Tensor, *names: str) -> bool:
        """Take in the loss of a batch: backward pass, and a change of the weights when it is due.

        For workflows of your own that change different weights with different losses. Accumulation, clipping,
        precision, schedules and averages apply as everywhere.

        Args:
            total: The loss, a tensor without axes.
            *names: Names of the optimizers that it is for; none for all.

        Returns:
            Whether the weights changed.

        Raises:
            ArgumentError: If there is no optimizer of that name.
        """
        # here rather than before the forward pass: the first zero_grad loads PyTorch's compiler, and takes seconds
        optimizers = chosen_optimizers(self.optimizer, names)
        if self._share is not None and self._share.weight != 1:
            total = total * self._share.weight
        changed = self.stepping(total, optimizers, self.precision)
        if changed:
            self._weights_changed(tuple(optimizers))
        return changed

    def _weights_changed(self, names: Sequence[str]) -> None:
        if self.distribution.kind == "ddp" and self._parallel is None and calls_whole_model(self):
            # not before the first step, which shows whether all weights take part
            self._parallel = self.distribution.wrap(self.model, find_unused=has_unused(self.model, self.distribution))
            self.stepping.average_gradients = None
        if self.average is not None:
            self.average.after_step(self._epoch)
        if self.schedule is not None:
            self.schedule.end_batch(names)

    def _use_the_rest(self) -> None:
        """Use the gradients of the last batches of an epoch, when fewer were left than are accumulated."""
        if self.optimizer is None or not self.stepping.is_pending:
            return
        if not self.distribution.is_alone:
            self.stepping.average_gradients = self.distribution.average_gradients
        self._weights_changed(self.stepping.flush(chosen_optimizers(self.optimizer, ()), self.precision))
        if self._parallel is not None:  # which averages whole groups by itself
            self.stepping.average_gradients = None
