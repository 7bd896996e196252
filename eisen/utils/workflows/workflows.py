"""The only loop over batches and the only optimisation step; every workflow is a choice of mode and parts."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar
from uuid import uuid4

import torch

from eisen._core.errors import ArgumentError, EisenError
from eisen.datasets.sharing import Share
from eisen.utils.distributed import Distribution
from eisen.utils.distributed.one import ALONE
from eisen.utils.events import BatchEnd, EpochStart, Event
from eisen.utils.hub import Hub, Listener, Subscription
from eisen.utils.workflows.aggregate import EpochDataAggregator
from eisen.utils.workflows.averaging import WeightAverage
from eisen.utils.workflows.calls import (
    call_in_windows,
    call_named,
    checked_modules,
    demand_names,
    no_batches,
    tell_epoch,
    where,
)
from eisen.utils.workflows.device import place_on, resolve_device
from eisen.utils.workflows.gathering import share_of
from eisen.utils.workflows.guard import NonFiniteGuard
from eisen.utils.workflows.layout import with_channels_last
from eisen.utils.workflows.message import convert_output_dict_to_cpu
from eisen.utils.workflows.optimising import Optimising
from eisen.utils.workflows.precision import Precision
from eisen.utils.workflows.resuming import Resuming
from eisen.utils.workflows.schedule import Schedule, Schedules
from eisen.utils.workflows.timing import Timing
from eisen.utils.workflows.update import Update, chosen_optimizers

__all__ = ["EpochDataAggregator", "GenericWorkflow", "convert_output_dict_to_cpu"]

_log = logging.getLogger(__name__)
_Function = TypeVar("_Function", bound=Listener)
Values = dict[str, Any]


class GenericWorkflow(Optimising, Resuming):
    """Runs a model over batches, and tells what happens.

    `Training`, `Validation` and `Testing` are this class with a mode. For a workflow of your own, derive from one of
    them and override `get_output_dictionary`, `compute_losses`, `compute_metrics` or `run`.

    Attributes:
        id: What hooks are given to find the workflow.
        losses: The losses, empty if there are none.
        metrics: The metrics, empty if there are none.
        optimizer: What changes the weights, or several by name; None outside training.
        stepping: How gradients become new weights.
        average: Average of the weights along the way, or None.
        data_loader: Any iterable of batches (dicts).
        device: Where it computes.
        distribution: The processes that train together; see `distribute`.
        windows: A `SlidingWindow` through which the model looks at images, or None.
        timing: Where the time of the present pass, or the last one, went.
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
        self.schedule: Schedule | Schedules | None = None
        self.stepping = Update()
        self.average: WeightAverage | None = None
        self.frozen: list[torch.nn.Module] = []
        self.windows: Callable[..., Any] | None = None
        self.channels_last = False
        self.batch_transform = batch_transform
        self.guard = NonFiniteGuard()
        self.timing = Timing()
        self.device = resolve_device(device, gpu, model)
        self.gpu = gpu and self.device.type == "cuda"  # loops of users call `.cuda()` if it is True
        self.precision = Precision.of(precision).bind(self.device)
        self.is_stopped = False
        self._batch_number = 0
        self._is_skipped = False
        self._progress: Values | None = None
        self.distribution: Distribution = ALONE
        self._parallel: Any = None
        self._share: Share | None = None
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
        if self._parallel is None or self.stepping.is_last(tuple(chosen_optimizers(self.optimizer, ()))):
            return self._compute(batch)
        with self.distribution.waiting(self._parallel):
            return self._compute(batch)

    def _compute(self, batch: Values) -> tuple[Values, list[Values], list[Values]]:
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
        self.timing.moved()
        prepared = batch if self.batch_transform is None else self.batch_transform(batch)
        if self.channels_last:
            with_channels_last(prepared)
        return prepared

    def get_output_dictionary(self, batch: Values) -> Values:
        """Return the outputs of the model for a batch, by name."""
        model = self.model if self._parallel is None else self._parallel
        return call_named(model, batch) if self.windows is None else call_in_windows(self.windows, model, batch)

    def compute_losses(self, args: Values) -> list[Values]:
        """Return one dict per loss, from the fields of the batch and the outputs."""
        return [call_named(loss, args) for loss in self.losses]

    def compute_metrics(self, args: Values) -> list[Values]:
        """Return one dict per metric, from the fields of the batch and the outputs; without gradients."""
        if self._share is not None:
            return self.epoch_aggregator.measured(self._share, lambda: self._metrics_of(args))
        return self._metrics_of(args)

    def _metrics_of(self, args: Values) -> list[Values]:
        return [call_named(metric, args) for metric in self.metrics]

    @property
    def counts(self) -> bool:
        """False while a batch is computed only because every process has to compute something."""
        return self._share is None or self._share.counts

    # -- one epoch ------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Pass over the data once.

        Raises:
            EmptyDatasetError: If there is no batch.
        """
        if self.data_loader is None:
            raise ArgumentError(f"{type(self).__name__} has no data", to_do="set data_loader, or use Training")
        self.is_stopped = self._stop_asked = False
        self.guard.forget()
        self.stepping.forget()
        self._announce(self.data_loader)
        self._set_mode()
        with torch.set_grad_enabled(self.trains), self.epoch_aggregator as aggregator:
            first = self._continued(aggregator)
            self._pass(self.data_loader, aggregator, first)
            self.guard.flush()
            self._use_the_rest()
        _log.info("%s, epoch %d: done", self.phase, self._epoch)

    def _set_mode(self) -> None:
        if isinstance(self.model, torch.nn.Module):
            self.model.train(self.trains)
            for part in self.frozen:
                part.eval()

    def _announce(self, loader: Any) -> None:
        _log.info("%s, epoch %d: start", self.phase, self._epoch)
        tell_epoch(self._epoch, loader, self.batch_transform)
        if self._hub.hears(EpochStart):
            n_batches = len(loader) if hasattr(loader, "__len__") else None
            self._hub.emit(EpochStart(self, self.phase, self._epoch, n_batches))

    def _pass(self, loader: Iterable[Any], aggregator: EpochDataAggregator, first: int) -> None:
        """The loop over batches."""
        prepares = self.device.type != "cpu" or self.batch_transform is not None or self.channels_last
        hears_batches, release, add = self._hub.hears_batches, aggregator.release, aggregator.add
        loaded, computed = self.timing.loaded, self.timing.computed
        number = first - 1
        self.timing.start()
        for number, batch in enumerate(loader, first):
            loaded()
            release()
            if not self.distribution.is_alone:
                self._share = share_of(batch, number, self.distribution)
                number = self._share.number
            self._batch_number, self._is_skipped = number, False
            try:
                if prepares:
                    batch = self.prepare(batch)
                outputs, losses, metrics = self(batch)
            except Exception as error:
                self._explain(error, batch, number)
                raise
            if not self._is_skipped:
                add(batch, outputs, losses, metrics, self._share)
            if hears_batches():
                event = BatchEnd(self, self.phase, self._epoch, number, batch, outputs, losses, metrics)
                self._hub.emit(event)
            computed()
            if self._stop_asked:
                self.is_stopped = True
                break
            del outputs, losses, metrics
        loaded()
        if number < 0:
            raise no_batches(self.phase)
        self.guard.demand_some(aggregator.n_batches, self.phase, self._epoch)

    def _explain(self, error: Exception, batch: Any, number: int) -> None:
        """Add to an error where it happened; its type stays what it is."""
        case, shapes = where(batch)
        if isinstance(error, EisenError):
            error.note(case=case, shapes=shapes)
        else:
            cases = f", cases {case}" if case else ""
            error.add_note(f"in {self.phase}, epoch {self._epoch}, batch {number}{cases}; {shapes}")

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
