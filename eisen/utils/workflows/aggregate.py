"""What an epoch comes down to: mean losses and metrics, the best so far, and the dictionary hooks receive."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self, cast
from uuid import UUID

from eisen.datasets.sharing import Share
from eisen.utils.dispatch import Sender
from eisen.utils.distributed import Distribution
from eisen.utils.distributed.one import ALONE
from eisen.utils.events import BestLoss, BestMetric, EpochEnd, EpochSummary, Message
from eisen.utils.hub import hub_of
from eisen.utils.workflows.gathering import Columns, as_rows, gather_columns
from eisen.utils.workflows.message import Fields, epoch_message
from eisen.utils.workflows.series import Series, read_back
from eisen.utils.workflows.streaming import final_values, reset_all, restore_streaming, streaming_states
from eisen.utils.workflows.streams import Streams
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
        losses: Mean of each loss in the last epoch, by name.
        metrics: The same of each metric.
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
        self.losses: dict[str, float] = {}
        self.metrics: dict[str, float] = {}
        self.epoch_data: Message = {}
        self.distribution: Distribution = ALONE
        self._streams: Streams | None = None
        self._shares: list[Share] = []
        self._workflow: Any = Sender(self.hub.id)

    def __enter__(self) -> Self:
        owner = self.hub.owner()
        self._workflow = Sender(self.hub.id) if owner is None else owner
        self._epoch = getattr(owner, "epoch", 0)
        self._losses, self._metrics = Series(), Series()
        reset_all(getattr(owner, "metrics", ()))
        self._fields = Fields() if self.distribution.any_true(any(map(self.hub.hears, _LISTENED))) else None
        if not self.distribution.is_alone:
            self._streams, self._shares = Streams(getattr(owner, "metrics", ()), self.distribution), []
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
        share: Share | None = None,
    ) -> None:
        """Collect what one batch gave; never waits for the device.

        Args:
            inputs: The batch.
            outputs: What the model returned, by name.
            losses: One dict per loss.
            metrics: One dict per metric.
            share: With several processes, which part of which batch it was.
        """
        self.n_batches += 1
        if share is not None:
            if not share.counts:
                return
            self._shares.append(share)
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
        if kind is None and (self.n_batches or not self.distribution.is_alone):
            self._finish(workflow, fields)

    def release(self) -> None:
        """Let go of the last batch, so that its memory is free while the next one is computed."""
        if self._fields is not None:
            self._fields.release()

    def measured(self, share: Share, measure: Callable[[], list[dict[str, Any]]]) -> list[dict[str, Any]]:
        """Return the metrics of a batch of which this process has a part; none if it does not count.

        Args:
            share: Which part of which batch it is.
            measure: Computes the metrics.
        """
        if not share.counts:
            return []
        if self._streams is None:
            return measure()
        self._streams.before_batch()
        values = measure()
        self._streams.after_batch(share)
        return values

    def streaming_states(self) -> list[dict[str, Any]]:
        """Return what the streaming metrics have counted so far, in all processes."""
        return streaming_states(self._measured_by()) if self._streams is None else self._streams.pause()

    def restore_streaming(self, states: Sequence[dict[str, Any]]) -> None:
        """Let the streaming metrics go on from what `streaming_states` gave."""
        if self._streams is None:
            restore_streaming(self._measured_by(), states)
        else:
            self._streams.restore(states)

    def _measured_by(self) -> Sequence[Any]:
        metrics: Sequence[Any] = getattr(self.hub.owner(), "metrics", ())
        return metrics

    def progress(self) -> dict[str, Any] | None:
        """Return what was collected so far in this epoch; `continue_with` goes on from it.

        With several processes it is what one would have collected. None if a metric cannot be brought together yet.
        """
        if self._streams is not None:
            return self._progress_of_all() if self._streams.can_pause else None
        return {
            "n_batches": self.n_batches,
            "losses": self._losses.state(),
            "metrics": self._metrics.state(),
            "fields": {} if self._fields is None else self._fields.state(),
        }

    def continue_with(self, progress: dict[str, Any]) -> None:
        """Go on with what `progress` gave, at the start of an epoch; the main process takes it up for all."""
        if not self.distribution.is_main:
            return
        self._shares = [Share(number, (), 0) for number in range(progress["n_batches"])] if self._streams else []
        self.n_batches = progress["n_batches"]
        self._losses.restore(progress["losses"])
        self._metrics.restore(progress["metrics"])
        if self._fields is not None:
            self._fields.restore(progress["fields"])

    def _progress_of_all(self) -> dict[str, Any]:
        losses, metrics = self._columns(self._measured_by())
        fields = {} if self._fields is None else self._fields.gathered(self._shares, self.distribution).state()
        n_batches = self._n_batches_of_all()
        return {"n_batches": n_batches, "losses": as_rows(losses), "metrics": as_rows(metrics), "fields": fields}

    def _columns(self, measured: Sequence[Any]) -> tuple[Columns, Columns]:
        """Return losses and metrics of all batches, those of other processes included."""
        losses, metrics = read_back(self._losses), read_back(self._metrics)
        if self.distribution.is_alone:
            return losses, metrics
        sizes = [len(_class_names(metric)) for metric in measured]
        return (
            gather_columns(losses, self._shares, self.distribution),
            gather_columns(metrics, self._shares, self.distribution, sizes),
        )

    def _n_batches_of_all(self) -> int:
        numbers = self.distribution.gather([share.number for share in self._shares])
        return len({number for part in numbers for number in part})

    def _finish(self, workflow: Any, fields: Fields | None) -> None:
        measured = getattr(workflow, "metrics", ())
        columns = self._columns(measured)
        if self._streams is not None:
            self.n_batches = self._n_batches_of_all()
            self._streams.finish()
            fields = None if fields is None else fields.gathered(self._shares, self.distribution)
        losses = summarise(columns[0])
        metrics = summarise(columns[1], [_class_names(m) for m in measured], final_values(measured))
        is_best_loss, is_best_metric = self._judge(losses, metrics)
        message = epoch_message(losses.arrays, metrics.arrays, self._epoch, workflow.model)
        self.epoch_data = message
        self.mean_loss, self.losses, self.metrics = losses.mean, losses.means, metrics.means
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
