"""What the hooks that keep the best model have in common."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import torch

from eisen._core.atomic import artifact_error
from eisen._core.errors import ArgumentError
from eisen.utils.events import BestLoss, BestMetric, EpochEnd
from eisen.utils.hub import attach

__all__ = ["BestModelHook", "bare_network", "existing_folder"]

_log = logging.getLogger(__name__)


class BestModelHook(ABC):
    """Saves the best model so far in a folder of the artifacts. A child says where and how.

    Args:
        workflow_id: The `id` of the workflow to watch, usually the validation.
        phase: Not used; here because all hooks have it.
        artifacts_dir: Folder for results; it must exist.
        select_best_loss: Best is the lowest mean of the losses; False: the highest mean of the metrics.
        save_history: Keep every best model as well, with the time in its name.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`).
    """

    folder_name: ClassVar[str]
    """Folder below `artifacts_dir`."""

    suffix: ClassVar[str]
    """What file names end with."""

    def __init__(
        self,
        workflow_id: UUID,
        phase: str,
        artifacts_dir: str | Path,
        select_best_loss: bool = True,
        save_history: bool = False,
    ) -> None:
        self.phase = phase
        self.folder = existing_folder(artifacts_dir) / self.folder_name
        try:
            self.folder.mkdir(exist_ok=True)
        except OSError as error:
            raise artifact_error(error, self.folder) from error
        self.select_best_loss = select_best_loss
        self.save_history = save_history
        self._has_warned = False
        attach(workflow_id, self)

    @abstractmethod
    def save(self, network: torch.nn.Module, filename: str) -> None:
        """Save a network under a name in the folder."""

    def on_best_loss(self, event: BestLoss) -> None:
        """Save if the loss decides."""
        if self.select_best_loss:
            self._save_model(event.workflow.model)

    def on_best_metric(self, event: BestMetric) -> None:
        """Save if the metric decides."""
        if not self.select_best_loss:
            self._save_model(event.workflow.model)

    def on_epoch_end(self, event: EpochEnd) -> None:
        """Say once if nothing can decide which model is best."""
        if (event.mean_loss if self.select_best_loss else event.mean_metric) is None and not self._has_warned:
            self._has_warned = True
            what, other = ("losses", "metrics") if self.select_best_loss else ("metrics", "losses")
            _log.warning(
                "%s saves nothing: %s has no %s; give it some, or set select_best_loss=%s to decide by %s",
                type(self).__name__, event.phase or "the workflow", what, not self.select_best_loss, other,
            )  # fmt: skip

    def _save_model(self, wrapper: Any) -> None:
        model = bare_network(wrapper)
        self.save(model, f"model{self.suffix}")
        if self.save_history:
            self.save(model, self._unused_name())

    def _unused_name(self) -> str:
        """Return a name with the time; a second model within a second gets a number."""
        stem = f"model_{datetime.now():%Y%m%d-%H%M%S}"
        names = (stem, *(f"{stem}-{n}" for n in range(2, 1000)))
        return next(f"{name}{self.suffix}" for name in names if not (self.folder / f"{name}{self.suffix}").exists())


def bare_network(model: Any) -> Any:
    """Return the network inside the wrapper that names its inputs."""
    return getattr(model, "module", model)


def existing_folder(folder: str | Path) -> Path:
    """Return a folder for results as a path, or say that it does not exist.

    Raises:
        ArgumentError: If it does not (also a `ValueError`).
    """
    path = Path(folder)
    if not path.is_dir():
        raise ArgumentError(
            f"the folder for results, '{folder}', does not exist",
            expected="an existing folder",
            to_do=f"make it first: mkdir -p '{folder}'",
        )
    return path
