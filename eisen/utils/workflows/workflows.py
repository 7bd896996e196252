"""The only loop over batches and the only optimisation step; every workflow is a choice of mode and parts."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar
from uuid import uuid4

import torch

from eisen._core.errors import ArgumentError, EisenError, TrainingError
from eisen.utils.events import BatchEnd, EpochStart, Event
from eisen.utils.hub import Hub, Listener, Subscription
from eisen.utils.workflows.aggregate import EpochDataAggregator
from eisen.utils.workflows.calls import call_named, checked_modules, demand_names, no_batches, tell_epoch, where
from eisen.utils.workflows.device import place_on, resolve_device
from eisen.utils.workflows.guard import NonFiniteGuard, total_loss
from eisen.utils.workflows.message import convert_output_dict_to_cpu
from eisen.utils.workflows.precision import Precision
from eisen.utils.workflows.schedule import Schedule

__all__ = ["EpochDataAggregator", "GenericWorkflow", "convert_output_dict_to_cpu"]

_log = logging.getLogger(__name__)
_Function = TypeVar("_Function", bound=Listener)
Values = dict[str, Any]


class GenericWorkflow:
    """Runs a model over batches, and tells what happens.

    `Training`, `Validation` and `Testing` are this class with a mode. For a workflow of your own, derive from one of
    them and override `get_output_dictionary`, `compute_losses`, `compute_metrics` or `run`.

    Attributes:
        id: What hooks are given to find the workflow.
        losses: The losses, empty if there are none.
        metrics: The metrics, empty if there are none.
        optimizer: What changes the weights; None outside training.
        data_loader: Any iterable of batches (dicts).
        device: Where it computes.
        is_stopped: True when `stop` ended the last epoch early.

    Args:
        model: The model, wrapped in `EisenModuleWrapper`.
        gpu: Move the model to a GPU; without one, the CPU is used.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ...; overrides `gpu`.
        precision: ``"fp32"``, ``"bf16"``, ``"fp16"`` or a `Precision`.
        phase: Name that hooks and tables show.
        batch_transform: Called with each batch on its device, before the model; e.g. a `BatchCompose`.
        data_parallel: Of versions before 0.0.6: spread the model over all GPUs.
    """

    trains = False
    """Whether `run` puts the model into training mode and keeps gradients."""

    def __init__(
        self,
        model: Any,
        gpu: bool = True,
        *,
        device: str | torch.device | None = None,
        precision: str | Precision | None = None,
        phase: str = "Workflow",
        batch_transform: Callable[[Values], Values] | None = None,
        data_parallel: bool | None = None,
    ) -> None:
        self.id = uuid4()
        self.model = demand_names(model, "the model")
        self.phase = phase
        self.losses: list[Any] = []
        self.metrics: list[Any] = []
        self.optimizer: Any = None
        self.data_loader: Iterable[Any] | None = None
        self.schedule: Schedule | None = None
        self.batch_transform = batch_transform
        self.guard = NonFiniteGuard()
        self.device = resolve_device(device, gpu, model)
        self.gpu = gpu and self.device.type == "cuda"  # loops of users call `.cuda()` if it is True
        self.precision = Precision.of(precision).bind(self.device)
        self.is_stopped = False
        self._batch_number = 0
        self._hub = Hub(self.id, self)
        self.epoch_aggregator = EpochDataAggregator(self.id)
        self._no_grad = torch.no_grad()
        self._to_device(model)
        if data_parallel is not None:
            self._spread(data_parallel)

    def _use(self, data_loader: Iterable[Any], losses: Sequence[Any] | None, metrics: Sequence[Any] | None) -> None:
        """Take the data and what is computed from it; None stands for none."""
        self.data_loader = data_loader
        self.losses = checked_modules(losses, "losses")
        self.metrics = checked_modules(metrics, "metrics")
        for module in (*self.losses, *self.metrics):
            self._to_device(module)

    def _to_device(self, module: Any) -> None:
        if isinstance(module, torch.nn.Module):
            module.to(self.device)

    def _spread(self, data_parallel: bool) -> None:
        warnings.warn("data_parallel is gone: leave it out, or write torch.nn.DataParallel(net)", DeprecationWarning, 4)
        if data_parallel and torch.cuda.device_count() > 1:
            self.model.module = torch.nn.DataParallel(self.model.module)

    # -- one batch ------------------------------------------------------------------------------------------------

    def __call__(self, batch: Values) -> tuple[Values, list[Values], list[Values]]:
        """Compute a batch; with an optimizer, do a whole training step.

        Args:
            batch: Field names to values. It is not changed.

        Returns:
            The outputs of the model, and one dict (name to value) per loss and per metric. Outputs go before fields
            of the batch of the same name when losses and metrics look for their inputs.

        Raises:
            MissingFieldError: If the model, a loss or a metric names a field that is not there.
            NonFiniteLossError: If a loss is NaN or infinite in training; see `NonFiniteGuard`.
        """
        if self.precision.is_mixed:
            outputs = self.precision.forward(self.get_output_dictionary, batch)
        else:
            outputs = self.get_output_dictionary(batch)
        fields = {**batch, **outputs}
        losses = self.compute_losses(fields) if self.losses else []
        if self.optimizer is not None:
            self._optimise(losses, batch)
        if not self.metrics:
            return outputs, losses, []
        with self._no_grad:
            return outputs, losses, self.compute_metrics(fields)

    def prepare(self, batch: Values) -> Values:
        """Return a batch as the model gets it: on the device, and through the batch transform if there is one.

        Args:
            batch: Field names to values, fresh from the data loader; its tensors are moved in place.
        """
        place_on(self.device, batch)
        return batch if self.batch_transform is None else self.batch_transform(batch)

    def get_output_dictionary(self, batch: Values) -> Values:
        """Return the outputs of the model for a batch, by name."""
        return call_named(self.model, batch)

    def compute_losses(self, args: Values) -> list[Values]:
        """Return one dict per loss, from the fields of the batch and the outputs."""
        return [call_named(loss, args) for loss in self.losses]

    def compute_metrics(self, args: Values) -> list[Values]:
        """Return one dict per metric, from the fields of the batch and the outputs; without gradients."""
        return [call_named(metric, args) for metric in self.metrics]

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
        if self.guard.is_active:
            self.guard.check(total, losses, batch, self._epoch, self._batch_number)
        # here rather than before the forward pass: the first call loads PyTorch's compiler, and takes seconds
        self.optimizer.zero_grad(set_to_none=True)
        self.precision.step(total, self.optimizer)
        if self.schedule is not None:
            self.schedule.end_batch()

    # -- one epoch ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Pass over the data once.

        Raises:
            EmptyDatasetError: If there is no batch.
        """
        if self.data_loader is None:
            raise ArgumentError(f"{type(self).__name__} has no data", to_do="set data_loader, or use Training")
        self.is_stopped = False
        self._stop_asked = False
        self.guard.forget()
        self._announce(self.data_loader)
        if isinstance(self.model, torch.nn.Module):
            self.model.train(self.trains)
        with torch.set_grad_enabled(self.trains), self.epoch_aggregator as aggregator:
            self._pass(self.data_loader, aggregator)
            self.guard.flush()
        _log.info("%s, epoch %d: done", self.phase, self._epoch)

    def _announce(self, loader: Any) -> None:
        _log.info("%s, epoch %d: start", self.phase, self._epoch)
        tell_epoch(self._epoch, loader, self.batch_transform)
        if self._hub.hears(EpochStart):
            n_batches = len(loader) if hasattr(loader, "__len__") else None
            self._hub.emit(EpochStart(self, self.phase, self._epoch, n_batches))

    def _pass(self, loader: Iterable[Any], aggregator: EpochDataAggregator) -> None:
        """The loop over batches."""
        prepares = self.device.type != "cpu" or self.batch_transform is not None
        hears_batches, release, add = self._hub.hears_batches, aggregator.release, aggregator.add
        number = -1
        for number, batch in enumerate(loader):
            release()
            self._batch_number = number
            try:
                if prepares:
                    batch = self.prepare(batch)
                outputs, losses, metrics = self(batch)
            except Exception as error:
                self._explain(error, batch, number)
                raise
            add(batch, outputs, losses, metrics)
            if hears_batches():
                event = BatchEnd(self, self.phase, self._epoch, number, batch, outputs, losses, metrics)
                self._hub.emit(event)
            if self._stop_asked:
                self.is_stopped = True
                break
            del outputs, losses, metrics
        if number < 0:
            raise no_batches(self.phase)

    def _explain(self, error: Exception, batch: Any, number: int) -> None:
        """Add to an error where it happened; its type stays what it is."""
        case, shapes = where(batch)
        if isinstance(error, EisenError):
            error.note(case=case, shapes=shapes)
        else:
            cases = f", cases {case}" if case else ""
            error.add_note(f"in {self.phase}, epoch {self._epoch}, batch {number}{cases}; {shapes}")

    @property
    def _epoch(self) -> int:
        return getattr(self, "epoch", 0)

    def stop(self) -> None:
        """End the epoch after the batch that is being computed; its events still come."""
        self._stop_asked = True

    # -- listening ------------------------------------------------------------------------------------------------

    def on(self, kind: type[Event]) -> Callable[[_Function], _Function]:
        """Subscribe the decorated function to an event of `eisen.utils.events`.

        Args:
            kind: ``EpochStart``, ``BatchEnd``, ``BestLoss``, ``BestMetric`` or ``EpochEnd``.

        Raises:
            ArgumentError: If there is no such event, or the function cannot be called with one event.
        """

        def subscribe(function: _Function) -> _Function:
            self._hub.subscribe(function, kind)
            return function

        return subscribe

    def subscribe(self, subscriber: Any, kind: type[Event] | None = None) -> Subscription:
        """Subscribe an object with methods such as ``on_epoch_end(event)``, or a function to one kind of event.

        Returns:
            A handle; its ``remove()`` ends the subscription. Subscribers are kept alive by the workflow.
        """
        return self._hub.subscribe(subscriber, kind)

    # -- checkpoints ----------------------------------------------------------------------------------------------

    def state_dict(self) -> Values:
        """Return what is needed to go on later, apart from model and optimizer; to be taken between two runs."""
        state: Values = {
            "best_avg_loss": self.epoch_aggregator.best_avg_loss,
            "best_avg_metric": self.epoch_aggregator.best_avg_metric,
        }
        if hasattr(self, "epoch"):
            state["epoch"] = self.epoch
        if self.schedule is not None:
            state["scheduler"] = self.schedule.scheduler.state_dict()
        if self.precision.scaler is not None:
            state["scaler"] = self.precision.scaler.state_dict()
        return state

    def load_state_dict(self, state: Values) -> None:
        """Go on from a state that `state_dict` gave."""
        self.epoch_aggregator.best_avg_loss = state["best_avg_loss"]
        self.epoch_aggregator.best_avg_metric = state["best_avg_metric"]
        if hasattr(self, "epoch"):
            self.epoch = state["epoch"]
        if self.schedule is not None and "scheduler" in state:
            self.schedule.scheduler.load_state_dict(state["scheduler"])
        if self.precision.scaler is not None and "scaler" in state:
            self.precision.scaler.load_state_dict(state["scaler"])
