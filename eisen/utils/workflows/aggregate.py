"""What an epoch comes down to: mean losses and metrics, the best so far, and the dictionary hooks receive."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self, cast
from uuid import UUID

from eisen.utils.dispatch import Sender
from eisen.utils.events import BestLoss, BestMetric, EpochEnd, EpochSummary, Message
from eisen.utils.hub import hub_of
from eisen.utils.workflows.message import Fields, epoch_message
from eisen.utils.workflows.series import Series, read_back
from eisen.utils.workflows.streaming import final_values, reset_all
from eisen.utils.workflows.summary import Summary, summarise

__all__ = ["EpochDataAggregator"]

_LISTENED = (EpochEnd, BestLoss, BestMetric)


class EpochDataAggregator:
    """Collects what the batches of an epoch give, and tells at its end how the epoch was.

    Used as a context manager around the batches, and called (or given to `add`) once per batch. When the block
    ends without an error, `BestLoss`, `BestMetric` and `EpochEnd` are emitted.

    Values stay on their device until the epoch is over. Inputs and outputs are only kept when somebody listens:
    values of no or one axis from all batches, others from the last batch.

    Attributes:
        best_avg_loss: Lowest mean of the losses over all epochs.
        best_avg_metric: Highest mean of the metrics over all epochs.
        mean_loss: Mean of the losses of the last epoch; None without losses.
        epoch_data: The message of the last epoch; without inputs and outputs when nobody asked for them.

    Args:
        workflow_id: The id of the workflow, sender of the signals.

    Example:
        >>> from uuid import uuid4
        >>> import torch
        >>> aggregator = EpochDataAggregator(uuid4())
        >>> with aggregator:
        ...     for value in (1.0, 3.0):
        ...         loss = [{"loss": torch.tensor(value)}]
        ...         aggregator({"inputs": {}, "outputs": {}, "losses": loss, "metrics": [], "epoch": 0, "model": None})
        >>> aggregator.best_avg_loss
        2.0
    """

    def __init__(self, workflow_id: UUID) -> None:
        self.hub = hub_of(workflow_id)
        self.best_avg_loss = math.inf
        self.best_avg_metric = -math.inf
        self.mean_loss: float | None = None
        self.epoch_data: Message = {}
        self._workflow: Any = Sender(self.hub.id)

    def __enter__(self) -> Self:
        owner = self.hub.owner()
        self._workflow = Sender(self.hub.id) if owner is None else owner
        self._epoch = getattr(owner, "epoch", 0)
        self._losses, self._metrics = Series(), Series()
        reset_all(getattr(owner, "metrics", ()))
        self._fields = Fields() if any(map(self.hub.hears, _LISTENED)) else None
        self.epoch_data = {}
        self.n_batches = 0
        self._started = time.perf_counter()
        return self

    def __call__(self, output_dictionary: Message) -> None:
        """Collect what one batch gave, from a dictionary as the original's workflows made it."""
        self._epoch = output_dictionary.get("epoch", self._epoch)
        if isinstance(self._workflow, Sender):
            self._workflow.model = output_dictionary.get("model")
        self.add(*(output_dictionary[name] for name in ("inputs", "outputs", "losses", "metrics")))

    def add(
        self,
        inputs: dict[str, Any],
        outputs: dict[str, Any],
        losses: Sequence[dict[str, Any]],
        metrics: Sequence[dict[str, Any]],
    ) -> None:
        """Collect what one batch gave; never waits for the device."""
        self.n_batches += 1
        if losses:
            self._losses.add(losses)
        if metrics:
            self._metrics.add(metrics)
        if self._fields is not None:
            self._fields.add(inputs, outputs)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        fields, self._fields = self._fields, None
        workflow, self._workflow = self._workflow, Sender(self.hub.id)
        if kind is None and self.n_batches:
            self._finish(workflow, fields)

    def release(self) -> None:
        """Let go of the last batch, so that its memory is free while the next one is computed."""
        if self._fields is not None:
            self._fields.release()

    def _finish(self, workflow: Any, fields: Fields | None) -> None:
        measured = getattr(workflow, "metrics", ())
        losses = summarise(read_back(self._losses))
        metrics = summarise(read_back(self._metrics), [_class_names(m) for m in measured], final_values(measured))
        is_best_loss, is_best_metric = self._judge(losses, metrics)
        message = epoch_message(losses.arrays, metrics.arrays, self._epoch, workflow.model)
        self.epoch_data = message
        self.mean_loss = losses.mean
        facts = (
            workflow,
            getattr(workflow, "phase", ""),
            self._epoch,
            losses.means,
            metrics.means,
            losses.mean,
            metrics.mean,
            self.n_batches,
            time.perf_counter() - self._started,
            fields.completing(message) if fields is not None else lambda: message,
        )
        for due, event in ((is_best_loss, BestLoss), (is_best_metric, BestMetric), (True, EpochEnd)):
            if due and self.hub.hears(event):
                self.hub.emit(cast(type[EpochSummary], event)(*facts))

    def _judge(self, losses: Summary, metrics: Summary) -> tuple[bool, bool]:
        """Update the best values; equal counts as best, NaN never does."""
        is_best_loss = losses.mean is not None and losses.mean <= self.best_avg_loss
        is_best_metric = metrics.mean is not None and metrics.mean >= self.best_avg_metric
        if is_best_loss:
            self.best_avg_loss = cast(float, losses.mean)
        if is_best_metric:
            self.best_avg_metric = cast(float, metrics.mean)
        return is_best_loss, is_best_metric


def _class_names(metric: Any) -> Sequence[str]:
    """Return what a metric with values per class calls its classes; nothing for other metrics."""
    names = getattr(getattr(metric, "module", metric), "class_names", None)
    return [str(name) for name in names] if names else ()
