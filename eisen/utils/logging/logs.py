"""A table of losses and metrics that grows by one line per epoch."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from eisen.utils.events import EpochEnd
from eisen.utils.hub import attach

__all__ = ["LoggingHook"]


class LoggingHook:
    """Print the mean losses and metrics of every epoch so far, as one table.

    Columns are ``Phase``, ``<loss> (L)`` and ``<metric> (M)``; in a terminal the table has lines and colours.

    Args:
        workflow_id: The `id` of the workflow to watch.
        phase: Name shown in front of the epoch, e.g. ``"Training"``.
        artifacts_dir: Not used; here because all hooks have it.

    Example:
        >>> from uuid import uuid4
        >>> hook = LoggingHook(uuid4(), "Training", None)
        >>> hook.add_row(0, {"dice_loss": 0.25}, {"dice": 0.75})
        >>> print(hook.as_text())
        Phase               dice_loss (L)  dice (M)
        Training - Epoch 0           0.25      0.75
    """

    def __init__(self, workflow_id: UUID, phase: str, artifacts_dir: str | Path | None = None) -> None:
        self.phase = phase
        self.artifacts_dir = artifacts_dir
        self.columns: list[str] = ["Phase"]
        self.rows: list[dict[str, str]] = []
        attach(workflow_id, self)

    def on_epoch_end(self, event: EpochEnd) -> None:
        """Add the epoch and print the table."""
        self.add_row(event.epoch, event.losses, event.metrics)
        if sys.stdout.isatty():
            self._print_rich()
        else:
            sys.stdout.write(self.as_text() + "\n")

    def add_row(self, epoch: int, losses: dict[str, float], metrics: dict[str, float]) -> None:
        """Add an epoch to the table.

        Args:
            epoch: Number of the epoch, from 0.
            losses: Means by name.
            metrics: Means by name.
        """
        numbers = {f"{name} (L)": value for name, value in losses.items()}
        numbers.update({f"{name} (M)": value for name, value in metrics.items()})
        self.columns += [name for name in numbers if name not in self.columns]
        row = {name: f"{value:.5g}" for name, value in numbers.items()}
        self.rows.append({"Phase": f"{self.phase} - Epoch {epoch}", **row})

    def as_text(self) -> str:
        """Return the table as plain text, numbers flush right."""
        cells = [self.columns, *self._cells()]
        widths = [max(len(line[i]) for line in cells) for i in range(len(self.columns))]
        lines = [
            [line[0].ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True))]
            for line in cells
        ]
        return "\n".join("  ".join(line).rstrip() for line in lines)

    def _cells(self) -> list[Sequence[str]]:
        return [[row.get(name, "") for name in self.columns] for row in self.rows]

    def _print_rich(self) -> None:
        from rich.console import Console
        from rich.table import Table

        table = Table()
        for i, name in enumerate(self.columns):
            table.add_column(name, justify="right" if i else "left", overflow="fold")
        for cells in self._cells():
            table.add_row(*cells)
        Console().print(table)
