"""What a workflow tells while it runs, and how to listen.

Three ways in, the easiest first:

    @training.on(EpochEnd)                      # a function
    def report(event):
        print(event.epoch, event.losses)

    training.subscribe(MyHook())                # an object with methods on_epoch_end(event), on_batch_end(event), ...

    LoggingHook(training.id, "Training", None)  # the hooks of the Eisen papers, and those of eisen itself

Subscribers are held until the workflow is gone or their subscription is removed. The signals of the original
(PyDispatcher, keyword ``message``) are sent as well, when somebody listens to them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from eisen.utils.workflows.workflows import GenericWorkflow

__all__ = [
    "EVENTS",
    "BatchEnd",
    "BestLoss",
    "BestMetric",
    "EpochEnd",
    "EpochStart",
    "EpochSummary",
    "Event",
    "Message",
]

Message = dict[str, Any]
"""The dictionary of the original's signals: inputs, outputs, losses, metrics, epoch, model."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened in a workflow.

    Args:
        workflow: The workflow; `workflow.model` is its model, `workflow.stop()` ends the epoch.
        phase: What the workflow is called, e.g. ``"Training"``.
        epoch: Number of the epoch, from 0.
    """

    workflow: GenericWorkflow
    phase: str
    epoch: int


@dataclass(frozen=True, slots=True)
class EpochStart(Event):
    """A pass over the data begins.

    Args:
        n_batches: How many batches it will have; None when the loader does not know.
    """

    n_batches: int | None


@dataclass(frozen=True, slots=True)
class BatchEnd(Event):
    """A batch is done. The tensors are the live ones, on their device: reading a value waits for the device.

    Args:
        number: Number of the batch in this epoch, from 0.
        inputs: The batch.
        outputs: What the model returned, by name.
        losses: One dict (name to tensor) per loss.
        metrics: One dict (name to tensor) per metric.
    """

    number: int
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    losses: list[dict[str, Any]]
    metrics: list[dict[str, Any]]

    @property
    def message(self) -> Message:
        """The dictionary that the original sent at the end of a batch."""
        return {
            "inputs": self.inputs,
            "outputs": self.outputs,
            "losses": self.losses,
            "metrics": self.metrics,
            "epoch": self.epoch,
            "model": self.workflow.model,
        }


@dataclass(frozen=True, slots=True)
class EpochSummary(Event):
    """What is known when a pass over the data is done.

    Args:
        losses: Mean over the epoch of every loss, by name.
        metrics: The same of every metric; a metric per class has an entry per class, ``"dice[anterior]"``, as well.
        mean_loss: Mean of the losses; None without losses.
        mean_metric: Mean of the metrics, classes not counted separately; None without metrics.
        n_batches: How many batches were seen.
        seconds: How long it took.
        collect: Makes the dictionary of `message` when it is first asked for.
    """

    losses: dict[str, float]
    metrics: dict[str, float]
    mean_loss: float | None
    mean_metric: float | None
    n_batches: int
    seconds: float
    collect: Callable[[], Message] = field(repr=False)

    @property
    def message(self) -> Message:
        """The dictionary that the original sent at the end of an epoch, NumPy arrays; made when first asked for."""
        return self.collect()


@dataclass(frozen=True, slots=True)
class EpochEnd(EpochSummary):
    """A pass over the data is done; the last event of an epoch."""


@dataclass(frozen=True, slots=True)
class BestLoss(EpochSummary):
    """The mean of the losses is as low as never before, or equal to the lowest."""

    @property
    def value(self) -> float:
        """The new best value."""
        return float("inf") if self.mean_loss is None else self.mean_loss


@dataclass(frozen=True, slots=True)
class BestMetric(EpochSummary):
    """The mean of the metrics is as high as never before, or equal to the highest."""

    @property
    def value(self) -> float:
        """The new best value."""
        return float("-inf") if self.mean_metric is None else self.mean_metric


EVENTS: dict[str, type[Event]] = {
    "on_epoch_start": EpochStart,
    "on_batch_end": BatchEnd,
    "on_best_loss": BestLoss,
    "on_best_metric": BestMetric,
    "on_epoch_end": EpochEnd,
}
"""The events there are, by the name of the method that hears them, in the order of an epoch."""
