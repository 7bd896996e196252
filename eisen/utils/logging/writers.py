"""Where numbers of single batches can be written to: tables, TensorBoard, or an object of your own."""

from __future__ import annotations

import csv
import io
import json
from abc import ABC, abstractmethod
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from eisen._core.atomic import artifact_error, atomic_write
from eisen._core.errors import ArgumentError, nearest
from eisen.utils.logging.rows import json_number

__all__ = ["CSVWriter", "JSONLinesWriter", "ScalarWriter", "TensorBoardWriter", "open_writer"]

Row = dict[str, Any]


class ScalarWriter(Protocol):
    """What a backend of `BatchLoggingHook` can do. Any object with these two methods is one.

    Example:
        >>> class Screen:
        ...     def write(self, values, step):
        ...         print(step, values)
        ...     def rewind(self, step):
        ...         print("again from", step)
        >>> Screen().write({"loss/dice": 0.5}, 10)
        10 {'loss/dice': 0.5}
    """

    def write(self, values: dict[str, float], step: int) -> None:
        """Write numbers by name for a step."""

    def rewind(self, step: int) -> None:
        """Forget what was written for this step and those after it: they come again after a resume."""


class _LinesWriter(ABC):
    """A file that gets a line per step. A line that a crash left incomplete does not count.

    Args:
        path: The file; its folder must exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, values: dict[str, float], step: int) -> None:
        """Write numbers by name for a step."""
        row = {"step": step, **values}
        try:
            if not self.fits(row):
                self._replace([*self._rows(), row])
                return
            with self.path.open("a", encoding="utf-8", newline="") as file:
                file.write(self.lines([row]))
        except OSError as error:
            raise artifact_error(error, self.path) from error

    def rewind(self, step: int) -> None:
        """Forget this step and those after it."""
        if self.path.exists():
            self._replace([row for row in self._rows() if int(row["step"]) < step])

    def _rows(self) -> list[Row]:
        whole = self.path.read_text(encoding="utf-8") if self.path.exists() else ""
        return self.parsed(whole[: whole.rfind("\n") + 1])

    def _replace(self, rows: list[Row]) -> None:
        with atomic_write(self.path, "w") as file:
            file.write(self.content(rows))

    @abstractmethod
    def fits(self, row: Row) -> bool:
        """Tell whether a row can be put behind those in the file."""

    @abstractmethod
    def lines(self, rows: list[Row]) -> str:
        """Return rows as lines to be put behind others."""

    @abstractmethod
    def content(self, rows: list[Row]) -> str:
        """Return rows as a whole file."""

    @abstractmethod
    def parsed(self, text: str) -> list[Row]:
        """Return the rows of a file."""


class CSVWriter(_LinesWriter):
    """A table with a line per step and a column per name; names that come later get columns of their own.

    Args:
        path: The file; its folder must exist.

    Example:
        >>> import tempfile
        >>> writer = CSVWriter(Path(tempfile.mkdtemp()) / "batches.csv")
        >>> for step in (1, 2, 3):
        ...     writer.write({"loss/dice": 1 / step}, step)
        >>> writer.rewind(3)
        >>> print(writer.path.read_text(encoding="utf-8").strip())
        step,loss/dice
        1,1.0
        2,0.5
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._columns: list[str] = []

    def fits(self, row: Row) -> bool:
        """Tell whether the table has a column for each of the names."""
        return bool(self._columns) and set(row) <= set(self._columns)

    def lines(self, rows: list[Row]) -> str:
        """Return rows as lines to be put behind others."""
        buffer = io.StringIO()
        csv.DictWriter(buffer, self._columns, restval="", lineterminator="\n").writerows(rows)
        return buffer.getvalue()

    def content(self, rows: list[Row]) -> str:
        """Return the whole table, and remember its columns."""
        self._columns = list(dict.fromkeys(name for row in rows for name in row))
        buffer = io.StringIO()
        csv.DictWriter(buffer, self._columns, lineterminator="\n").writeheader()
        return buffer.getvalue() + self.lines(rows) if rows else ""

    def parsed(self, text: str) -> list[Row]:
        """Return the rows of a table, cells as text."""
        return [{k: v for k, v in row.items() if v not in ("", None)} for row in csv.DictReader(io.StringIO(text))]


class JSONLinesWriter(_LinesWriter):
    """A file with one JSON object per step; values that are not finite become null.

    Args:
        path: The file; its folder must exist.

    Example:
        >>> import tempfile
        >>> writer = JSONLinesWriter(Path(tempfile.mkdtemp()) / "batches.jsonl")
        >>> writer.write({"loss/dice": 0.5}, 1)
        >>> print(writer.path.read_text(encoding="utf-8").strip())
        {"step": 1, "loss/dice": 0.5}
    """

    def fits(self, row: Row) -> bool:
        """Tell whether a row can be put behind the others: always."""
        return "step" in row

    def lines(self, rows: list[Row]) -> str:
        """Return a line per row."""
        return "".join(
            json.dumps({k: json_number(v) for k, v in row.items()}, ensure_ascii=False) + "\n" for row in rows
        )

    def content(self, rows: list[Row]) -> str:
        """Return a line per row."""
        return self.lines(rows)

    def parsed(self, text: str) -> list[Row]:
        """Return the rows of a file."""
        rows = []
        for line in text.splitlines():
            with suppress(ValueError):
                rows.append(json.loads(line))
        return rows


class TensorBoardWriter:
    """Scalars of TensorBoard.

    Args:
        folder: Where TensorBoard looks; it is made.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writer: Any = None

    def write(self, values: dict[str, float], step: int) -> None:
        """Write numbers by name for a step."""
        writer = self._opened()
        for name, value in values.items():
            writer.add_scalar(name, value, step)
        writer.flush()

    def rewind(self, step: int) -> None:
        """Let TensorBoard hide this step and those after it."""
        if self._writer is not None:
            self._writer.close()
        self._writer = None
        self._opened(purge_step=step)

    def _opened(self, **options: Any) -> Any:
        if self._writer is None:
            from torch.utils.tensorboard import SummaryWriter

            self._writer = SummaryWriter(str(self.folder), **options)
        return self._writer


_ENDINGS = {"csv": ".csv", "jsonl": ".jsonl"}
KINDS = (*_ENDINGS, "tensorboard")


def open_writer(kind: Any, folder: Path, name: str) -> ScalarWriter:
    """Return the writer that a configuration names, or the object itself when it is one.

    Args:
        kind: ``"csv"``, ``"jsonl"``, ``"tensorboard"``, or an object with `write` and `rewind`.
        folder: Folder for results.
        name: What the file is called, without ending.

    Raises:
        ArgumentError: If it is none of these.

    Example:
        >>> open_writer("csv", Path("artifacts"), "batches_training").path.name
        'batches_training.csv'
    """
    if callable(getattr(kind, "write", None)) and callable(getattr(kind, "rewind", None)):
        writer: ScalarWriter = kind
        return writer
    if kind == "tensorboard":
        return TensorBoardWriter(folder / "summaries" / name)
    if kind not in _ENDINGS:
        raise ArgumentError(
            f"BatchLoggingHook: {kind!r} is no writer",
            expected=f"one of {', '.join(map(repr, KINDS))}, or an object with write(values, step) and rewind(step)",
            to_do=nearest(str(kind), KINDS),
        )
    return (CSVWriter if kind == "csv" else JSONLinesWriter)(folder / f"{name}{_ENDINGS[kind]}")
