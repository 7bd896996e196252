"""Training a model: one epoch per call of `run`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch

from eisen.utils.workflows.apex import ApexPrecision
from eisen.utils.workflows.averaging import WeightAverage
from eisen.utils.workflows.guard import NonFiniteGuard
from eisen.utils.workflows.layout import channels_last as make_channels_last
from eisen.utils.workflows.layout import compile_model
from eisen.utils.workflows.layout import freeze as freeze_weights
from eisen.utils.workflows.precision import Precision
from eisen.utils.workflows.schedule import Schedule
from eisen.utils.workflows.update import Update, named_optimizers
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
        optimizer: An optimizer over the parameters of the model, or several by name.
        metrics: Wrapped metrics, computed without gradients.
        gpu: Train on a GPU if there is one.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ...; overrides `gpu`.
        precision: ``"fp32"``, ``"bf16"``, ``"fp16"`` or a `Precision`.
        scheduler: A learning rate scheduler of torch, or a `Schedule` that says how often it is stepped; for several
            optimizers a dict by their names.
        phase: Name that hooks and tables show.
        on_non_finite: ``"raise"`` stops with an error card when a loss is NaN or infinite; ``"skip"`` leaves the batch
            out, says which cases it had and counts (`guard.n_skipped`); ``"ignore"`` goes on.
        accumulate: Batches whose gradients are averaged before the weights change.
        clip_norm: Largest norm of all gradients together; None for no limit.
        clip_value: Largest magnitude of a single gradient; None for no limit.
        average: ``"ema"``, ``"swa"``, or an `EMA` or `SWA`: an average of the weights along the way. Validate with it:
            ``with training.average.applied(): validation.run()``.
        compile: Let PyTorch compile the model: True, or keywords of `torch.compile`.
        channels_last: Order images and weights with the channels innermost, 2-D and 3-D; faster on some GPUs.
        freeze: Names of weights that stay as they are, with ``*``: ``["encoder.*"]``.
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
    makes_losses = False
    """Whether it brings its own losses, so that a configuration need not name any."""

    def __init__(
        self,
        model: Any,
        data_loader: Iterable[Any],
        losses: Sequence[Any] | None,
        optimizer: torch.optim.Optimizer | Mapping[str, torch.optim.Optimizer],
        metrics: Sequence[Any] | None = None,
        gpu: bool = True,
        *,
        device: str | torch.device | None = None,
        precision: str | Precision | None = None,
        scheduler: Any = None,
        phase: str = "Training",
        on_non_finite: str = "raise",
        accumulate: int = 1,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        average: str | WeightAverage | None = None,
        compile: bool | Mapping[str, Any] = False,  # noqa: A002 - what users of PyTorch call it
        channels_last: bool = False,
        freeze: Sequence[str] = (),
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
        self.stepping = Update(accumulate, clip_norm, clip_value)
        self.epoch = 0
        self._prepare_model(compile, channels_last, freeze)
        self.average = WeightAverage.of(average)
        if self.average is not None:
            self.average.follow(self.model)
        if not (self.losses or self.makes_losses):
            logging.getLogger(__name__).warning("Training without losses: the weights will not change")

    def _prepare_model(self, compiles: bool | Mapping[str, Any], is_last: bool, frozen: Sequence[str]) -> None:
        network = getattr(self.model, "module", self.model)
        if frozen:
            self.frozen = freeze_weights(network, frozen)
        self.channels_last = is_last
        if is_last:
            make_channels_last(network)
        if compiles:
            compile_model(network, compiles, self.device)

    @property
    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """The optimizers by name; the only one is called ``"default"``."""
        return named_optimizers(self.optimizer)

    def run(self) -> None:
        """Train for one epoch."""
        super().run()
        self.distribution.share_buffers(self.model)
        if self.average is not None:
            self.average.after_epoch(self.epoch)
            self.distribution.share_buffers(self.average.averaged)
        if self.schedule is not None:
            self.schedule.end_epoch(self.epoch_aggregator)
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
