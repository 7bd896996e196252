"""Losses and metrics of every epoch as files: CSV for spreadsheets, JSON lines for programs."""

from __future__ import annotations

import csv
import io
import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

from eisen._core.atomic import atomic_write
from eisen.utils.artifacts.best import existing_folder
from eisen.utils.events import EpochEnd
from eisen.utils.hub import attach
from eisen.utils.logging.rows import epoch_row, json_number

__all__ = ["CSVHook", "JSONLinesHook"]

Row = dict[str, Any]


class _TableHook(ABC):
    """A file with a row per epoch, replaced as a whole, so that it is complete whenever it is read.

    Rows of an older file are kept; an epoch that is trained again after a resume replaces its row and those after it.
    """

    suffix: ClassVar[str]

    def __init__(self, workflow_id: UUID, phase: str, artifacts_dir: str | Path) -> None:
        self.phase = phase
        self.path = existing_folder(artifacts_dir) / f"metrics_{phase.lower()}{self.suffix}"
        self._rows: list[Row] | None = None
        attach(workflow_id, self)

    def on_epoch_end(self, event: EpochEnd) -> None:
        """Add the epoch."""
        if self._rows is None:
            self._rows = self.read() if self.path.exists() else []
        self._rows = [row for row in self._rows if int(row["epoch"]) < event.epoch]
        self._rows.append(epoch_row(event, self.phase))
        with atomic_write(self.path, "w") as file:
            file.write(self.as_text(self._rows))

    @abstractmethod
    def read(self) -> list[Row]:
        """Return the rows of the file."""

    @abstractmethod
    def as_text(self, rows: list[Row]) -> str:
        """Return the content of the file."""


class CSVHook(_TableHook):
    """Keep the losses and metrics of every epoch in ``<artifacts_dir>/metrics_<phase>.csv``.

    Columns are ``phase, epoch, seconds, n_batches``, then ``loss/<name>`` and ``metric/<name>``, full precision.

    Args:
        workflow_id: The `id` of the workflow to watch.
        phase: Written into every row and the name of the file, e.g. ``"Training"``.
        artifacts_dir: Folder for results; it must exist.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`).

    Example:
        >>> import tempfile
        >>> from uuid import uuid4
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     hook = CSVHook(uuid4(), "Validation", folder)
        ...     print(hook.as_text([{"epoch": 0, "loss/dice": 0.25}, {"epoch": 1, "metric/f1": 0.5}]).strip())
        epoch,loss/dice,metric/f1
        0,0.25,
        1,,0.5
    """

    suffix = ".csv"

    def read(self) -> list[Row]:
        """Return the rows of the file, as text."""
        with self.path.open(newline="", encoding="utf-8") as file:
            return [{name: value for name, value in row.items() if value != ""} for row in csv.DictReader(file)]

    def as_text(self, rows: list[Row]) -> str:
        """Return the table; a value that an epoch does not have is left empty."""
        buffer = io.StringIO()
        columns = list(dict.fromkeys(name for row in rows for name in row))
        writer = csv.DictWriter(buffer, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        return buffer.getvalue()


class JSONLinesHook(_TableHook):
    """Keep the losses and metrics of every epoch in ``<artifacts_dir>/metrics_<phase>.jsonl``, one object per line.

    Values that are not finite are written as ``null``: JSON knows no NaN.

    Args:
        workflow_id: The `id` of the workflow to watch.
        phase: Written into every line and the name of the file, e.g. ``"Training"``.
        artifacts_dir: Folder for results; it must exist.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`).

    Example:
        >>> import tempfile
        >>> from uuid import uuid4
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     hook = JSONLinesHook(uuid4(), "Validation", folder)
        ...     print(hook.as_text([{"epoch": 0, "loss/dice": 0.25}]).strip())
        {"epoch": 0, "loss/dice": 0.25}
    """

    suffix = ".jsonl"

    def read(self) -> list[Row]:
        """Return the rows of the file."""
        return [json.loads(line) for line in self.path.read_text(encoding="utf-8").splitlines() if line.strip()]

    def as_text(self, rows: list[Row]) -> str:
        """Return a line per row."""
        return "".join(
            json.dumps({k: json_number(v) for k, v in row.items()}, ensure_ascii=False) + "\n" for row in rows
        )
