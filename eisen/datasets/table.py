"""Cases listed in a table of your own: CSV, TSV, JSON or JSON lines."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal, Unpack

from eisen._core.errors import ArgumentError, CorruptFileError, nearest
from eisen._core.field_roles import Role
from eisen._core.types import Step
from eisen.datasets.base import EisenDataset
from eisen.datasets.folders import Folder, text_of
from eisen.datasets.listing import checked_cases, listing_path, read_json
from eisen.datasets.options import SplitOptions
from eisen.datasets.tables import Table, read_table, truth
from eisen.io.paths import existing_file

__all__ = ["TableDataset"]

_KINDS: dict[str, Callable[[Any], Any]] = {"text": str, "int": int, "float": float, "bool": truth}
_MISSING = ("", "na", "n/a", "nan", "null", "none")


class TableDataset(EisenDataset):
    r"""Cases listed in a table: one row per case, one column per field.

    The first line of a CSV or TSV file (comma, semicolon or tab; UTF-8) names the columns. A ``.json`` file is a list
    of objects, a ``.jsonl`` file has one object per line. File names in the table are relative to `data_dir`.

    Args:
        data_dir: Folder of the data.
        table_file: The table, relative to `data_dir` or absolute.
        columns: Which columns to take, and what their fields are called: ``{"scan": "image", "age": "age"}``. None:
            all, under their own names.
        types: What the cells of a field are: ``{"age": "int"}`` with ``"text"``, ``"int"``, ``"float"`` or ``"bool"``.
            Fields that are not named stay as they are: text in a CSV file. A list of words gives each its number, as
            classes have one: with ``{"finding": ["benign", "malignant"]}`` malignant is 1.
        missing: What to do with a case that lacks a value (an empty cell, NA, n/a, NaN, null, None): ``"none"``: the
            field is None; ``"skip"``: leave the case out; ``"error"``.
        transform: What to do with a case when it is read; None: nothing.
        **split: Which cases to keep.

    Raises:
        MissingFileError: If the table is not there.
        CorruptFileError: If it is not a table, lacks a column, or a cell is not what `types` says.
        EmptyDatasetError: If it has no rows.
        ArgumentError: If an argument is wrong.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "cases.csv").write_text("scan;age;sex\na.nii.gz;61;F\nb.nii.gz;;M\n")
        >>> cases = TableDataset(folder, "cases.csv", {"scan": "image", "age": "age"}, {"age": "int"})
        >>> cases[0], cases[1]["age"]
        ({'image': 'a.nii.gz', 'age': 61}, None)
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"columns": "names"}

    def __init__(
        self,
        data_dir: Folder,
        table_file: Folder,
        columns: Mapping[str, str] | None = None,
        types: Mapping[str, str | Sequence[str]] | None = None,
        missing: Literal["none", "skip", "error"] = "none",
        transform: Step | None = None,
        **split: Unpack[SplitOptions],
    ) -> None:
        if missing not in ("none", "skip", "error"):
            raise ArgumentError(f"TableDataset: missing is {missing!r}", expected="'none', 'skip' or 'error'")
        self.data_dir = data_dir
        self.table_file = table_file
        self.missing = missing
        table = _read(listing_path(data_dir, table_file))
        self.columns = dict(columns or {name: name for name in table.columns})
        self.types = _checked_types(types or {}, self.columns)
        table.require(*self.columns)
        cases = [case for row in range(len(table.rows)) if (case := self._case(table, row)) is not None]
        super().__init__(checked_cases(cases, table.path, "the table"), transform, **split)

    def _case(self, table: Table, row: int) -> dict[str, Any] | None:
        """Return the fields of one row, or None if the row is to be left out."""
        case: dict[str, Any] = {}
        for column, field in self.columns.items():
            if not _is_missing(table.rows[row].get(column)):
                kind = _converter(self.types.get(field, ""))
                case[field] = table.converted(row, column, kind) if kind else table.rows[row][column]
                continue
            if self.missing == "error":
                raise CorruptFileError(
                    f"{table.path.name}, line {table.lines[row]}: column '{column}' is empty",
                    expected="a value in every cell",
                    to_do="fill it in, or say missing='skip' or missing='none'",
                    file=str(table.path),
                )
            if self.missing == "skip":
                return None
            case[field] = None
        return case


def _checked_types(
    types: Mapping[str, str | Sequence[str]], columns: Mapping[str, str]
) -> dict[str, str | Sequence[str]]:
    fields = list(columns.values())
    if len(set(fields)) < len(fields):
        raise ArgumentError(f"TableDataset: two columns for one field: {', '.join(fields)}", expected="distinct fields")
    for field, kind in types.items():
        if field not in fields:
            raise ArgumentError(
                f"TableDataset: types names '{field}', which is no field",
                expected=f"one of {', '.join(map(repr, fields))}",
                to_do=nearest(field, fields),
            )
        if not (kind in _KINDS if isinstance(kind, str) else _are_words(kind)):
            raise ArgumentError(
                f"TableDataset: the type of '{field}' is {kind!r}",
                expected=f"one of {', '.join(map(repr, _KINDS))}, or a list of different words",
                to_do=nearest(str(kind), _KINDS),
            )
    return dict(types)


def _are_words(kind: Any) -> bool:
    words = list(kind) if isinstance(kind, list | tuple) else []
    return bool(words) and all(isinstance(word, str) for word in words) and len(set(words)) == len(words)


def _converter(kind: str | Sequence[str]) -> Callable[[Any], Any] | None:
    """Return what makes a value of a cell; None leaves it as it is."""
    if isinstance(kind, str):
        return _KINDS.get(kind)
    numbers = {word: number for number, word in enumerate(kind)}

    def convert(cell: Any) -> int:
        if str(cell).strip() not in numbers:
            raise ValueError(cell)
        return numbers[str(cell).strip()]

    convert.__name__ = f"one of {', '.join(kind)}"
    return convert


def _is_missing(cell: Any) -> bool:
    if isinstance(cell, str):
        return cell.strip().lower() in _MISSING
    return cell is None or (isinstance(cell, float) and cell != cell)


def _read(path: Path) -> Table:
    """Return the table in a file, whose ending says its format."""
    kind = path.suffix.lower()
    if kind not in (".csv", ".tsv", ".txt", ".json", ".jsonl"):
        expected = "a file that ends in .csv, .tsv, .txt, .json or .jsonl"
        raise ArgumentError(f"TableDataset: table_file is '{path.name}'", expected=expected)
    if not kind.startswith(".json"):
        return read_table(path)
    rows, lines = _json_lines(path) if kind == ".jsonl" else (read_json(path), None)
    rows = checked_cases(rows, path, "the file")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    return Table(path, columns, [dict.fromkeys(columns) | row for row in rows], lines or list(range(1, len(rows) + 1)))


def _json_lines(path: Path) -> tuple[list[Any], list[int]]:
    """Return the objects in a JSON-lines file and the line each is in."""
    rows, lines = [], []
    for number, line in enumerate(text_of(existing_file(path)).splitlines(), start=1):
        if not line.strip():
            continue
        try:
            rows.append(json.loads(line))
        except json.JSONDecodeError as error:
            what = f"{path.name} is not valid JSON: {error.msg} in line {number}, column {error.colno}"
            raise CorruptFileError(what, expected="one object per line", file=str(path)) from error
        lines.append(number)
    return rows, lines
