"""Tables of cases: reading CSV files, with errors that name file, line and column."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eisen._core.errors import CorruptFileError, nearest
from eisen.datasets.folders import not_text
from eisen.io.paths import existing_file

__all__ = ["Table", "open_table", "read_table", "truth", "value_of"]

_TRUE = ("true", "yes", "1", "t", "y")
_FALSE = ("false", "no", "0", "f", "n")


@dataclass(frozen=True)
class Table:
    """The rows of a table, which know where they stand.

    Args:
        path: The file.
        columns: Names of its columns.
        rows: One dict per row: column to cell.
        lines: The line of the file each row ends in, from 1.
    """

    path: Path
    columns: list[str]
    rows: list[dict[str, Any]]
    lines: list[int]

    def column(self, name: str, convert: Callable[[Any], Any] = str) -> list[Any]:
        """Return the cells of a column.

        Args:
            name: Name of the column.
            convert: What makes a value of the text of a cell; raises ValueError for a cell that it cannot read.

        Raises:
            CorruptFileError: If there is no such column, or a cell cannot be converted.
        """
        self.require(name)
        return [self.converted(row, name, convert) for row in range(len(self.rows))]

    def converted(self, row: int, name: str, convert: Callable[[Any], Any]) -> Any:
        """Return the value of one cell, or say which cell is wrong."""
        return value_of(self.rows[row][name], convert, self.path, self.lines[row], name)

    def require(self, *names: str) -> None:
        """Raise a CorruptFileError for the first of the columns that is not there."""
        for name in names:
            if name not in self.columns:
                raise CorruptFileError(
                    f"{self.path.name} has no column '{name}'",
                    expected=f"the column '{name}' among {', '.join(map(repr, self.columns)) or 'none'}",
                    to_do=nearest(name, self.columns) or "check that this is the right file",
                    file=str(self.path),
                )


def read_table(path: Path) -> Table:
    """Return the table in a CSV file; see `open_table`."""
    with open_table(path) as (columns, rows):
        numbered = list(rows)
    cells = [dict(zip(columns, row, strict=True)) for _, row in numbered]
    return Table(path, columns, cells, [line for line, _ in numbered])


@contextmanager
def open_table(path: Path) -> Iterator[tuple[list[str], Iterator[tuple[int, list[str]]]]]:
    """Open a CSV file, whose first line names the columns, separated by comma, semicolon or tab.

    Yields:
        The columns, and an iterator over line and cells of each row, for tables that are too long to be kept.

    Raises:
        MissingFileError: If the file is not there.
        CorruptFileError: If it is not text, has no header, or a row has another number of cells than the header.
    """
    with existing_file(path).open(encoding="utf-8-sig", newline="") as file:
        try:
            first = file.readline()
            file.seek(0)
            reader = csv.reader(file, delimiter=max(",;\t", key=first.count))
            columns = [name.strip() for name in next(reader, [])]
            if not any(columns) or len(set(columns)) < len(columns):
                what = "has no header" if not any(columns) else f"names a column twice: {', '.join(columns)}"
                expected = "a first line that names every column"
                raise CorruptFileError(f"{path.name} {what}", expected=expected, file=str(path))
            yield columns, _rows(reader, columns, path)
        except UnicodeDecodeError as error:
            raise not_text(path, error) from error
        except csv.Error as error:
            raise CorruptFileError(
                f"{path.name} is no table: {error}", expected="a CSV file", file=str(path)
            ) from error


def value_of(cell: Any, convert: Callable[[Any], Any], path: Path, line: int, column: str) -> Any:
    """Return the value of a cell, or raise a CorruptFileError that says which cell cannot be converted."""
    try:
        return convert(cell)
    except (ValueError, TypeError) as error:
        raise CorruptFileError(
            f"{path.name}, line {line}, column '{column}': {cell!r} is not {_kind(convert)}",
            expected=f"{_kind(convert)} in every row",
            to_do="correct that cell",
            file=str(path),
        ) from error


def truth(cell: Any) -> bool:
    """Return the truth value that a cell spells, in any of the usual ways.

    Example:
        >>> truth("True"), truth("no")
        (True, False)
    """
    text = str(cell).strip().lower()
    if text not in _TRUE + _FALSE:
        raise ValueError(f"{cell!r} is neither true nor false")
    return text in _TRUE


def _kind(convert: Callable[[Any], Any]) -> str:
    names = {"int": "a whole number", "float": "a number", "truth": "true or false", "str": "text"}
    name = getattr(convert, "__name__", "")
    return names.get(name, name.replace("_", " ") or "a value of the right kind")


def _rows(reader: Any, columns: list[str], path: Path) -> Iterator[tuple[int, list[str]]]:
    for cells in reader:
        if len(cells) != len(columns) and cells:
            raise CorruptFileError(
                f"{path.name}, line {reader.line_num}: {len(cells)} cells, but {len(columns)} columns",
                expected=f"a cell for each of {', '.join(columns)}",
                to_do="put quotation marks around text with commas in it, or correct that line",
                file=str(path),
            )
        if cells:
            yield reader.line_num, [cell.strip() for cell in cells]
