"""Validating a model on data it was not trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

from eisen.utils.workflows.precision import Precision
from eisen.utils.workflows.workflows import GenericWorkflow

__all__ = ["Validation"]


class Validation(GenericWorkflow):
    """Compute losses and metrics of a model without changing it; every `run` is one pass over the data.

    A loss that is NaN or infinite does not stop it, it is reported.

    Attributes:
        epoch: Number of passes done.

    Args:
        model: The model, wrapped in `EisenModuleWrapper`; usually the one that is being trained.
        data_loader: Any iterable of batches (dicts).
        losses: Wrapped losses; None for none.
        metrics: Wrapped metrics; None for none.
        gpu: Compute on a GPU if there is one.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ...; overrides `gpu`.
        precision: ``"fp32"``, ``"bf16"``, ``"fp16"`` or a `Precision`.
        phase: Name that hooks and tables show.
        batch_transform: Called with each batch on its device, before the model; e.g. a `BatchCompose`.
        data_parallel: Of versions before 0.0.6.
    """

    def __init__(
        self,
        model: Any,
        data_loader: Iterable[Any],
        losses: Sequence[Any] | None = None,
        metrics: Sequence[Any] | None = None,
        gpu: bool = True,
        *,
        device: str | torch.device | None = None,
        precision: str | Precision | None = None,
        phase: str = "Validation",
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
        self.epoch = 0

    def run(self) -> None:
        """Pass over the data once."""
        super().run()
        self.epoch += 1
