"""Testing a finished model."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch

from eisen.utils.workflows.precision import Precision
from eisen.utils.workflows.workflows import GenericWorkflow

__all__ = ["Testing"]


class Testing(GenericWorkflow):
    """Compute the metrics of a finished model; there are no losses and no epochs.

    Args:
        model: The model, wrapped in `EisenModuleWrapper`.
        data_loader: Any iterable of batches (dicts).
        metrics: Wrapped metrics; None for none.
        gpu: Compute on a GPU if there is one; False computes where the model is.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ...; overrides `gpu`.
        precision: ``"fp32"``, ``"bf16"``, ``"fp16"`` or a `Precision`.
        phase: Name that hooks and tables show.
        batch_transform: Called with each batch on its device, before the model; e.g. a `BatchCompose`.
        data_parallel: Of versions before 0.0.6.
    """

    __test__ = False  # or pytest would take it for a test, in every project that imports it

    def __init__(
        self,
        model: Any,
        data_loader: Iterable[Any],
        metrics: Sequence[Any] | None = None,
        gpu: bool = False,
        *,
        device: str | torch.device | None = None,
        precision: str | Precision | None = None,
        phase: str = "Testing",
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
        self._use(data_loader, None, metrics)
