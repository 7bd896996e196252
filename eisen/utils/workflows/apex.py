"""Mixed precision through NVIDIA Apex, which PyTorch's own has replaced."""

from __future__ import annotations

from collections.abc import Iterable
from importlib import import_module
from typing import Any

import torch

from eisen._core.errors import MissingExtraError
from eisen.utils.workflows.precision import Precision

__all__ = ["ApexPrecision"]


class ApexPrecision(Precision):
    """Mixed precision by Apex, which changes the model instead of the way it is called.

    Args:
        opt_level: ``"O0"`` to ``"O3"``; see Apex.

    Raises:
        MissingExtraError: If Apex is not installed.
    """

    def __init__(self, opt_level: str = "O1") -> None:
        super().__init__("fp32")
        self.opt_level = opt_level
        try:
            self._amp = import_module("apex.amp")
        except ImportError as error:
            raise MissingExtraError(
                "TrainingApexAMP needs NVIDIA Apex, which is not installed",
                to_do="use TrainingAMP, or Training with precision='bf16' or 'fp16': PyTorch can do it itself",
            ) from error

    def take_over(self, model: Any, optimizer: torch.optim.Optimizer) -> tuple[Any, Any]:
        """Return model and optimizer as Apex has changed them."""
        model, optimizer = self._amp.initialize(model, optimizer, opt_level=self.opt_level)
        return model, optimizer

    def backward(self, total: torch.Tensor, optimizers: Iterable[torch.optim.Optimizer]) -> None:
        """Do the backward pass on the scaled loss."""
        with self._amp.scale_loss(total, list(optimizers)) as scaled:
            scaled.backward()
