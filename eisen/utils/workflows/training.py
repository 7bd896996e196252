"""Training a model: one epoch per call of `run`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

from eisen.utils.workflows.apex import ApexPrecision
from eisen.utils.workflows.guard import NonFiniteGuard
from eisen.utils.workflows.precision import Precision
from eisen.utils.workflows.schedule import Schedule
from eisen.utils.workflows.workflows import GenericWorkflow

__all__ = ["Training", "TrainingAMP", "TrainingApexAMP"]


class Training(GenericWorkflow):
    """Train a model; every `run` is one epoch.

    Attributes:
        epoch: Number of epochs done.

    Args:
        model: The model, wrapped in `EisenModuleWrapper`.
        data_loader: Any iterable of batches (dicts).
        losses: Wrapped losses; the sum of all they return is minimised.
        optimizer: An optimizer over the parameters of the model.
        metrics: Wrapped metrics, computed without gradients.
        gpu: Train on a GPU if there is one.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ...; overrides `gpu`.
        precision: ``"fp32"``, ``"bf16"``, ``"fp16"`` or a `Precision`.
        scheduler: A learning rate scheduler of torch, or a `Schedule` that says how often it is stepped.
        phase: Name that hooks and tables show.
        on_non_finite: ``"raise"`` stops with an error card when a loss is NaN or infinite, ``"ignore"`` goes on.
        batch_transform: Called with each batch on its device, before the model; e.g. a `BatchCompose`.
        data_parallel: Of versions before 0.0.6.

    Example:
        >>> from eisen.utils import EisenModuleWrapper
        >>> net = torch.nn.Linear(1, 1)
        >>> model = EisenModuleWrapper(net, ["x"], ["prediction"])
        >>> loss = EisenModuleWrapper(torch.nn.MSELoss(), ["prediction", "y"], ["mse"])
        >>> x = torch.linspace(-1, 1, 8).reshape(8, 1)
        >>> optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
        >>> training = Training(model, [{"x": x, "y": 2 * x}] * 20, [loss], optimizer, device="cpu")
        >>> training.run()
        >>> training.epoch, round(net.weight.item(), 2)
        (1, 2.0)
    """

    trains = True

    def __init__(
        self,
        model: Any,
        data_loader: Iterable[Any],
        losses: Sequence[Any] | None,
        optimizer: torch.optim.Optimizer,
        metrics: Sequence[Any] | None = None,
        gpu: bool = True,
        *,
        device: str | torch.device | None = None,
        precision: str | Precision | None = None,
        scheduler: Any = None,
        phase: str = "Training",
        on_non_finite: str = "raise",
        batch_transform: Callable[[Any], Any] | None = None,
        data_parallel: bool | None = None,
    ) -> None:
        super().__init__(
            model,
            gpu,
            device=device,
            precision=precision,
            phase=phase,
            batch_transform=batch_transform,
            data_parallel=data_parallel,
        )
        self._use(data_loader, losses, metrics)
        self.optimizer = optimizer
        self.schedule = Schedule.of(scheduler)
        self.guard = NonFiniteGuard(on_non_finite)
        self.epoch = 0
        if not self.losses:
            logging.getLogger(__name__).warning("Training without losses: the weights will not change")

    def run(self) -> None:
        """Train for one epoch."""
        super().run()
        if self.schedule is not None:
            self.schedule.end_epoch(self.epoch_aggregator.mean_loss)
        self.epoch += 1


class TrainingAMP(Training):
    """Train in mixed precision: 16 bits where they suffice. A `Training` with a precision.

    On a GPU with ``"fp16"`` and scaled gradients, on a CPU with ``"bf16"``.

    Args:
        model: The model, wrapped in `EisenModuleWrapper`.
        data_loader: Any iterable of batches (dicts).
        losses: Wrapped losses; the sum of all they return is minimised.
        optimizer: An optimizer over the parameters of the model.
        metrics: Wrapped metrics, computed without gradients.
        **options: Keywords of `Training`.
    """

    def __init__(
        self,
        model: Any,
        data_loader: Iterable[Any],
        losses: Sequence[Any] | None,
        optimizer: torch.optim.Optimizer,
        metrics: Sequence[Any] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(model, data_loader, losses, optimizer, metrics, **options)
        if options.get("precision") is None:
            self.precision = Precision("fp16" if self.device.type == "cuda" else "bf16").bind(self.device)


class TrainingApexAMP(Training):
    """Train in mixed precision with NVIDIA Apex, for machines that still have it.

    Args:
        model: The model, wrapped in `EisenModuleWrapper`.
        data_loader: Any iterable of batches (dicts).
        losses: Wrapped losses; the sum of all they return is minimised.
        optimizer: An optimizer over the parameters of the model.
        metrics: Wrapped metrics, computed without gradients.
        opt_level: How much is computed in 16 bits, ``"O0"`` to ``"O3"``; see Apex.
        **options: Keywords of `Training`.

    Raises:
        MissingExtraError: If Apex is not installed.
    """

    def __init__(
        self,
        model: Any,
        data_loader: Iterable[Any],
        losses: Sequence[Any] | None,
        optimizer: torch.optim.Optimizer,
        metrics: Sequence[Any] | None = None,
        opt_level: str = "O1",
        **options: Any,
    ) -> None:
        precision = ApexPrecision(opt_level)
        super().__init__(model, data_loader, losses, optimizer, metrics, precision=precision, **options)
        self.model, self.optimizer = precision.take_over(self.model, optimizer)
