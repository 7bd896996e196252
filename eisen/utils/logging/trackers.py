"""Losses and metrics in experiment trackers: MLflow, and Weights & Biases. Both work without a network."""

from __future__ import annotations

import logging
import math
import re
import time
import warnings
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from eisen._core.errors import ArgumentError
from eisen._core.optional import require
from eisen.utils.artifacts.best import existing_folder
from eisen.utils.events import EpochEnd
from eisen.utils.hub import attach
from eisen.utils.logging.rows import named_values

__all__ = ["MLflowHook", "WeightsAndBiasesHook"]

_log = logging.getLogger(__name__)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep to themselves what a tracker and its database have to say about their own libraries."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


class _TrackerHook(ABC):
    """Sends the means of every epoch to a tracker; one that fails is complained of once, and never stops a run."""

    tracker: ClassVar[str]

    def __init__(self, workflow_id: UUID, phase: str, artifacts_dir: str | Path) -> None:
        self.phase = phase
        self.folder = existing_folder(artifacts_dir)
        self._complained = False
        attach(workflow_id, self)

    def on_epoch_end(self, event: EpochEnd) -> None:
        """Send the epoch."""
        values = {f"{self.phase}/{name}": value for name, value in named_values(event).items()}
        values[f"{self.phase}/seconds"] = event.seconds
        try:
            self.send(values, event.epoch)
        except Exception as error:
            if not self._complained:
                self._complained = True
                _log.warning("%s does not take the values of %s: %s", self.tracker, self.phase, error)

    @abstractmethod
    def send(self, values: dict[str, float], epoch: int) -> None:
        """Send numbers by name."""

    @abstractmethod
    def close(self) -> None:
        """Tell the tracker that the run is complete; done by itself when the program ends."""


class MLflowHook(_TrackerHook):
    """Send the losses and metrics of every epoch to MLflow, by default to a database file in the artifacts.

    ``mlflow ui --backend-store-uri sqlite:///<artifacts_dir>/mlflow.db`` shows it. Hooks of several phases with the
    same `run_name` are different runs of one experiment.

    Attributes:
        run_id: The id of the run in MLflow.

    Args:
        workflow_id: The `id` of the workflow to watch.
        phase: Put in front of every name, e.g. ``"Training"``.
        artifacts_dir: Folder for results; it must exist.
        tracking_uri: Where MLflow keeps its runs: a server or database; None: ``mlflow.db`` in the artifacts.
        experiment: Name of the experiment in MLflow.
        run_name: Name of the run; None: the phase.
        parameters: Settings to keep with the run, e.g. ``{"learning_rate": 0.01}``.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`).
        MissingExtraError: If the extra ``tracking`` is not installed.

    Source:
        https://mlflow.org
    """

    tracker = "MLflow"

    def __init__(
        self,
        workflow_id: UUID,
        phase: str,
        artifacts_dir: str | Path,
        tracking_uri: str | None = None,
        experiment: str = "eisen",
        run_name: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        folder = existing_folder(artifacts_dir)
        with _quiet():
            tracking = require("mlflow.tracking", "tracking", "sending metrics to MLflow")
        self.tracking_uri = tracking_uri or f"sqlite:///{(folder / 'mlflow.db').resolve().as_posix()}"
        artifacts = (folder / "mlflow").resolve().as_uri() if tracking_uri is None else None
        with _quiet():
            self._client = tracking.MlflowClient(tracking_uri=self.tracking_uri)
            self.run_id = self._start(experiment, run_name or phase, artifacts, parameters or {})
        super().__init__(workflow_id, phase, artifacts_dir)
        self._finish = weakref.finalize(self, self._client.set_terminated, self.run_id)

    def _start(self, experiment: str, name: str, artifacts: str | None, parameters: Mapping[str, Any]) -> str:
        """Open a run, and return its id."""
        known = self._client.get_experiment_by_name(experiment)
        number = known.experiment_id if known else self._client.create_experiment(experiment, artifacts)
        run_id: str = self._client.create_run(number, run_name=name).info.run_id
        for key, value in parameters.items():
            self._client.log_param(run_id, key, value)
        return run_id

    def send(self, values: dict[str, float], epoch: int) -> None:
        """Send numbers by name; MLflow does not allow every character in names."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        metrics = [
            Metric(re.sub(r"[^\w/. :-]", "_", name), value, now, epoch)
            for name, value in values.items()
            if math.isfinite(value)
        ]
        with _quiet():
            self._client.log_batch(self.run_id, metrics=metrics)

    def close(self) -> None:
        """Mark the run as finished."""
        self._finish()


class WeightsAndBiasesHook(_TrackerHook):
    """Send the losses and metrics of every epoch to Weights & Biases, by default offline.

    Offline, everything is kept in ``<artifacts_dir>/wandb``, and ``wandb sync`` uploads it later.

    Attributes:
        run: The run of Weights & Biases.

    Args:
        workflow_id: The `id` of the workflow to watch.
        phase: Put in front of every name, e.g. ``"Training"``.
        artifacts_dir: Folder for results; it must exist.
        project: Name of the project.
        run_name: Name of the run; None: the phase.
        mode: ``"offline"``, ``"online"`` or ``"disabled"``.
        parameters: Settings to keep with the run, e.g. ``{"learning_rate": 0.01}``.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`), or the mode is none of these.
        MissingExtraError: If the extra ``tracking`` is not installed.

    Source:
        https://docs.wandb.ai
    """

    tracker = "Weights & Biases"

    def __init__(
        self,
        workflow_id: UUID,
        phase: str,
        artifacts_dir: str | Path,
        project: str = "eisen",
        run_name: str | None = None,
        mode: str = "offline",
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        folder = existing_folder(artifacts_dir)
        if mode not in ("offline", "online", "disabled"):
            raise ArgumentError(f"WeightsAndBiasesHook: mode is {mode!r}", expected="'offline', 'online' or 'disabled'")
        wandb = require("wandb", "tracking", "sending metrics to Weights & Biases")
        self.run = wandb.init(
            project=project,
            name=run_name or phase,
            dir=str(folder),
            mode=mode,
            config=dict(parameters or {}),
            reinit="create_new",
            settings=wandb.Settings(silent=True, console="off", disable_git=True, save_code=False),
        )
        super().__init__(workflow_id, phase, artifacts_dir)
        self._finish = weakref.finalize(self, self.run.finish)

    def send(self, values: dict[str, float], epoch: int) -> None:
        """Send numbers by name."""
        self.run.log({**values, "epoch": epoch}, step=epoch)

    def close(self) -> None:
        """Mark the run as finished."""
        self._finish()
