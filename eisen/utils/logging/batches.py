"""Losses and metrics while an epoch goes on: every so many batches one number each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import numpy as np
import torch

from eisen._core.errors import ArgumentError, nearest
from eisen.utils.artifacts.best import existing_folder
from eisen.utils.events import BatchEnd, EpochEnd
from eisen.utils.hub import attach
from eisen.utils.logging.writers import open_writer

__all__ = ["BatchLoggingHook"]

_log = logging.getLogger(__name__)
_REDUCTIONS: dict[str, Callable[[Any], Any]] = {
    "mean": np.nanmean,
    "median": np.nanmedian,
    "max": np.nanmax,
    "min": np.nanmin,
    "first": lambda values: values[0],
    "last": lambda values: values[-1],
}


class BatchLoggingHook:
    """Write losses and metrics every so many batches, each reduced to one number.

    The numbers stand under ``loss/<name>`` and ``metric/<name>``, in training with the ``learning_rate``, at the step
    that counts the batches of this phase from the start of the run. The values of a window stay on their device until
    it is full, so the device waits once per window. A window ends with its epoch. A resumed run goes on behind the
    step of its checkpoint, and what had been written after it is replaced.

    Args:
        workflow_id: The `id` of the workflow to watch.
        phase: Part of the name of the file, e.g. ``batches_training.csv``.
        artifacts_dir: Folder for results; it must exist.
        every: Batches per window.
        reduction: What becomes of the values of a window: ``"mean"``, ``"median"``, ``"max"``, ``"min"``, ``"first"``
            or ``"last"``; NaN does not count in the first four.
        writers: Where to: ``"csv"``, ``"jsonl"``, ``"tensorboard"``; from Python also objects with
            ``write(values, step)`` and ``rewind(step)``.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`), or an argument is not as described.

    Example:
        >>> import tempfile
        >>> from uuid import uuid4
        >>> hook = BatchLoggingHook(uuid4(), "Training", tempfile.mkdtemp(), every=2)
        >>> for loss in (0.5, 0.25, 0.1):
        ...     hook.add({"loss/dice": torch.tensor(loss)})
        >>> print((hook.folder / "batches_training.csv").read_text(encoding="utf-8").strip())
        step,loss/dice
        2,0.375
    """

    def __init__(
        self,
        workflow_id: UUID,
        phase: str,
        artifacts_dir: str | Path,
        every: int = 10,
        reduction: Literal["mean", "median", "max", "min", "first", "last"] = "mean",
        writers: Sequence[Any] = ("csv",),
    ) -> None:
        self.folder = existing_folder(artifacts_dir)
        if not isinstance(every, int) or every < 1:
            raise ArgumentError(f"BatchLoggingHook: every is {every!r}", expected="a whole number from 1")
        if reduction not in _REDUCTIONS:
            raise ArgumentError(
                f"BatchLoggingHook: reduction is {reduction!r}",
                expected=f"one of {', '.join(map(repr, _REDUCTIONS))}",
                to_do=nearest(str(reduction), _REDUCTIONS),
            )
        if isinstance(writers, str):
            raise ArgumentError(f"BatchLoggingHook: writers is {writers!r}", expected=f"a list, e.g. [{writers!r}]")
        self.phase, self.every, self.reduction = phase, every, reduction
        self.writers = [open_writer(kind, self.folder, f"batches_{phase.lower()}") for kind in writers]
        self.step = 0
        self._window: dict[str, list[Any]] = {}
        self._n_in_window = 0
        self._is_new = True
        attach(workflow_id, self)

    def on_batch_end(self, event: BatchEnd) -> None:
        """Keep the values of a batch."""
        values: dict[str, Any] = {}
        for kind, rows in (("loss", event.losses), ("metric", event.metrics)):
            for row in rows:
                values |= {f"{kind}/{name}": value for name, value in row.items()}
        groups = getattr(getattr(event.workflow, "optimizer", None), "param_groups", None)
        if groups:
            values["learning_rate"] = float(groups[0]["lr"])
        self.add(values)

    def on_epoch_end(self, event: EpochEnd) -> None:
        """Write what the last window of the epoch has."""
        if self._n_in_window:
            _log.debug("the last window of epoch %d has %d batches", event.epoch, self._n_in_window)
            self._write()

    def add(self, values: Mapping[str, Any]) -> None:
        """Take in the values of a batch; write when the window is full.

        Args:
            values: Numbers or tensors by name; of a tensor with several values the mean counts.
        """
        for name, value in values.items():
            kept = value.detach().float().mean() if isinstance(value, torch.Tensor) else float(np.mean(value))
            self._window.setdefault(name, []).append(kept)
        self.step += 1
        self._n_in_window += 1
        if self._n_in_window >= self.every:
            self._write()

    def state_dict(self) -> dict[str, Any]:
        """Return the step, and the values of the window that is open."""
        window = {name: [float(value) for value in values] for name, values in self._window.items()}
        return {"step": self.step, "window": window, "n_in_window": self._n_in_window}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave, and forget what was written after it."""
        self.step, self._n_in_window = int(state["step"]), int(state["n_in_window"])
        self._window = {name: list(values) for name, values in state["window"].items()}
        self._rewind()

    def _rewind(self) -> None:
        self._is_new = False
        for writer in self.writers:
            writer.rewind(self.step + 1)

    def _write(self) -> None:
        if self._is_new:  # a file of an earlier run in this folder
            self._is_new = False
            for writer in self.writers:
                writer.rewind(0)
        values = {name: self._reduced(column) for name, column in self._window.items()}
        self._window, self._n_in_window = {}, 0
        for writer in self.writers:
            writer.write(values, self.step)

    def _reduced(self, column: list[Any]) -> float:
        if all(isinstance(value, torch.Tensor) for value in column):  # one transfer for the window
            values = torch.stack(column).cpu().double().numpy()
        else:
            values = np.array([float(value) for value in column])
        return float(_REDUCTIONS[self.reduction](values)) if not np.isnan(values).all() else float("nan")
