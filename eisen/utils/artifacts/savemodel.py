"""Saving the weights of a model."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import torch

from eisen._core.atomic import artifact_error, atomic_write
from eisen._core.errors import ArgumentError
from eisen.utils.events import BestLoss, BestMetric
from eisen.utils.hub import attach

__all__ = ["SaveTorchModel", "SaveTorchModelHook"]


class SaveTorchModel:
    """Save the weights of a model as a file that ``torch.load(path, weights_only=True)`` reads on any machine.

    Args:
        artifacts_dir: Folder for the file; it must exist.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`).

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     SaveTorchModel(folder)(torch.nn.Linear(2, 1), "linear.pt")
        ...     sorted(torch.load(Path(folder) / "linear.pt", weights_only=True))
        ['bias', 'weight']
    """

    def __init__(self, artifacts_dir: str | Path) -> None:
        self.artifacts_dir = _existing(artifacts_dir)

    def __call__(self, model: torch.nn.Module, filename: str = "model.pt") -> None:
        """Save the weights; an older file of that name is replaced only when the new one is complete.

        Args:
            model: The model whose `state_dict` is saved, on the CPU.
            filename: Name of the file.

        Raises:
            ArtifactError: If the file cannot be written.
        """
        weights = model.state_dict()
        for name, value in weights.items():
            weights[name] = value.cpu() if isinstance(value, torch.Tensor) else value
        with atomic_write(self.artifacts_dir / filename) as file:
            torch.save(weights, file)


class SaveTorchModelHook:
    """Save the weights of the best model so far, to ``<artifacts_dir>/models/model.pt``.

    The weights are those of the bare network, without its wrapper.

    Args:
        workflow_id: The `id` of the workflow to watch, usually the validation.
        phase: Not used; here because all hooks have it.
        artifacts_dir: Folder for results; it must exist, ``models`` is made in it.
        select_best_loss: Best is the lowest mean of the losses; False: the highest mean of the metrics.
        save_history: Keep every best model as well, as ``model_<YYYYmmdd-HHMMSS>.pt``.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`).
    """

    def __init__(
        self,
        workflow_id: UUID,
        phase: str,
        artifacts_dir: str | Path,
        select_best_loss: bool = True,
        save_history: bool = False,
    ) -> None:
        self.phase = phase
        self.folder = _existing(artifacts_dir) / "models"
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise artifact_error(error, self.folder) from error
        self.select_best_loss = select_best_loss
        self.save_history = save_history
        self._save = SaveTorchModel(self.folder)
        attach(workflow_id, self)

    def on_best_loss(self, event: BestLoss) -> None:
        """Save if the loss decides."""
        if self.select_best_loss:
            self._save_model(event.workflow.model)

    def on_best_metric(self, event: BestMetric) -> None:
        """Save if the metric decides."""
        if not self.select_best_loss:
            self._save_model(event.workflow.model)

    def _save_model(self, wrapper: Any) -> None:
        model = getattr(wrapper, "module", wrapper)
        self._save(model, "model.pt")
        if self.save_history:
            self._save(model, self._unused_name())

    def _unused_name(self) -> str:
        """Return a name with the time; a second model within a second gets a number."""
        stem = f"model_{datetime.now():%Y%m%d-%H%M%S}"
        names = (stem, *(f"{stem}-{n}" for n in range(2, 1000)))
        return next(f"{name}.pt" for name in names if not (self.folder / f"{name}.pt").exists())


def _existing(folder: str | Path) -> Path:
    path = Path(folder)
    if not path.is_dir():
        raise ArgumentError(
            f"the folder for results, '{folder}', does not exist",
            expected="an existing folder",
            to_do=f"make it first: mkdir -p '{folder}'",
        )
    return path
