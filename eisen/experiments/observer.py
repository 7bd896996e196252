"""What a run reports while it works, for whoever wants to show it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eisen.experiments.records import EpochRow

__all__ = ["Observer"]


class Observer:
    """Listens to a run. Every method does nothing; a child overrides those it wants.

    The methods are called in the thread of the run, so they should return quickly.

    Example:
        >>> class Printer(Observer):
        ...     def on_message(self, text: str) -> None:
        ...         print(text)
        >>> Printer().on_message("starting")
        starting
    """

    def on_phase_start(self, phase: str, epoch: int, n_batches: int) -> None:
        """A pass over the data of a phase begins.

        Args:
            phase: ``"Training"``, ``"Validation"``, ``"Testing"`` or ``"Prediction"``.
            epoch: Number of the epoch, from 0.
            n_batches: How many batches will follow; in prediction, how many cases.
        """

    def on_batch(self, done: int, n_batches: int) -> None:
        """A batch is done. Nothing is read back from the device for it.

        Args:
            done: How many batches of this pass are done, from 1.
            n_batches: How many there are in all.
        """

    def on_epoch(self, epoch: int, n_epochs: int, rows: Sequence[EpochRow]) -> None:
        """All phases of an epoch are done.

        Args:
            epoch: Number of the epoch, from 0.
            n_epochs: How many epochs there will be.
            rows: One row of losses and metrics per phase.
        """

    def on_artifact(self, path: Path, what: str) -> None:
        """Something was written that the user may want to find again.

        Args:
            path: The file or folder.
            what: What it is, e.g. ``"best model"``.
        """

    def on_message(self, text: str) -> None:
        """The run has something to say, one line."""
