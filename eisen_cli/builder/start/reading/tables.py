"""Tables of cases: which columns are files, and which one is to be learnt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eisen._core.errors import ArgumentError
from eisen._core.types import is_label_field
from eisen.datasets.doctor.names import PICTURES, VOLUMES
from eisen.datasets.doctor.study import Case, Study
from eisen.datasets.tables import Table, read_table
from eisen_cli.builder.start.reading.following import follow, follow_classes
from eisen_cli.builder.start.reading.looking import Look, look_at
from eisen_cli.builder.start.reading.start import Learned, Start
from eisen_cli.builder.start.source import Entry, Source, divided, entry

__all__ = ["from_table"]

_LABELS = ("label", "labels", "class", "classes", "target", "diagnosis", "finding", "grade", "category", "y", "outcome")
_PATIENTS = ("patient", "patient_id", "patientid", "subject", "subject_id", "subjectid", "case_id", "pid")
_ENDINGS = (*VOLUMES, *PICTURES, ".dcm")
_MOST_CLASSES = 20
_LOOKED = 50


def from_table(path: Path) -> Start:
    """Return what follows from a CSV or TSV file with a row per case.

    Args:
        path: The file.

    Raises:
        ArgumentError: If no column names files that are there.
        CorruptFileError: If it is no table.
    """
    table = read_table(path)
    files = _file_columns(table, path.parent)
    maps = [column for column in files if is_label_field(column)]
    images = [column for column in files if column not in maps] or files[:1]
    cases = [_case(row, path.parent, images[:1] + maps[:1]) for row in table.rows]
    look = look_at(Study(path, "table", cases))
    learned = [Learned("understood", f"{len(cases)} rows; images are in: {', '.join(images)}.", "split")]
    fields = {column: "image" if len(images) == 1 else column for column in images}
    patient = _patient(table, files)
    if maps:
        dataset = _dataset(path, {**fields, maps[0]: "label"}, {}, patient)
        learned.append(Learned("understood", f"Label maps are in: {maps[0]}.", "split"))
        return follow(path.stem, path.parent, _source(dataset, fields, look), look, None, [*learned, *_split(patient)])
    column = _label_column(table, files, patient)
    if column is None:
        dataset = _dataset(path, fields, {}, patient)
        source = _source(dataset, fields, look, label="")
        return follow(path.stem, path.parent, source, look, None, [*learned, *_split(patient)])
    return _labelled(path, table, fields, look, [*learned, *_split(patient)], column, patient)


def _labelled(
    path: Path,
    table: Table,
    fields: dict[str, str],
    look: Look,
    learned: list[Learned],
    column: str,
    patient: str,
) -> Start:
    cells = [str(row[column]).strip() for row in table.rows if str(row[column] or "").strip()]
    counts = Counter(cells)
    if len(counts) > _MOST_CLASSES:
        dataset = _dataset(path, {**fields, column: "label"}, {"label": "float"}, patient)
        learned.append(Learned("assumed", f"The number in '{column}' is what to estimate.", "model"))
        names: list[str] = ["no", "yes"]
        return follow_classes(
            path.stem, path.parent, _source(dataset, fields, look), look, names, learned, (), "number"
        )
    names = sorted(counts, key=_in_order)
    is_plain = names == [str(number) for number in range(len(names))]
    kind: Any = "int" if is_plain else names
    dataset = _dataset(path, {**fields, column: "label"}, {"label": kind}, patient)
    told = ", ".join(f"{name} ({counts[name]})" for name in names)
    learned.append(Learned("assumed", f"'{column}' is what to tell: {told}.", "classes"))
    shown = [f"class {name}" for name in names] if is_plain else names
    each = [counts[name] for name in names]
    return follow_classes(path.stem, path.parent, _source(dataset, fields, look), look, shown, learned, each)


def _in_order(word: str) -> tuple[float, str]:
    return (float(word), "") if _is_number(word) else (float("inf"), word)


def _is_number(word: str) -> bool:
    try:
        return float(word) == float(word)
    except ValueError:
        return False


def _dataset(path: Path, columns: dict[str, str], types: dict[str, Any], patient: str) -> Entry:
    group = {"group": "patient"} if patient else {}
    columns = {**columns, **({patient: "patient"} if patient else {})}
    typed = {"types": types} if types else {}
    return entry("eisen.datasets.TableDataset", table_file=path.name, columns=columns, **typed, missing="skip", **group)


def _source(dataset: Entry, fields: dict[str, str], look: Look, label: str = "label") -> Source:
    images = tuple(fields.values())
    return Source(
        divided(dataset),
        look.format,  # type: ignore[arg-type]
        images,
        label,
        n_channels=look.n_channels if len(images) == 1 else len(images),
        in_file=look.n_channels > 1 and len(images) == 1,
        dimensions=look.dimensions,
        empty_labels=look.has_empty,
    )


def _split(patient: str) -> list[Learned]:
    if patient:
        return [Learned("understood", f"Rows with the same '{patient}' stay together; a fifth validates.", "split")]
    return [Learned("assumed", "A fifth of the rows validates, as if each were another patient.", "split")]


def _file_columns(table: Table, folder: Path) -> list[str]:
    """Return the columns whose cells name files that are there.

    Raises:
        ArgumentError: If there is none; the card names the first file that was looked for.
    """
    rows = table.rows[:_LOOKED]
    named, present = [], []
    for column in table.columns:
        cells = [str(row[column] or "").strip() for row in rows]
        cells = [cell for cell in cells if cell]
        if cells and all(cell.lower().endswith(_ENDINGS) or (folder / cell).is_file() for cell in cells):
            named.append((column, cells[0]))
            present += [column] if any((folder / cell).is_file() for cell in cells) else []
    if present:
        return present
    looked = f": {folder / named[0][1]} is not there" if named else ""
    raise ArgumentError(
        f"no column of {table.path.name} names files that can be found{looked}",
        expected=f"file names relative to {folder}, or absolute ones",
        to_do="put the table into the folder that its file names start in",
        file=str(table.path),
    )


def _case(row: dict[str, Any], folder: Path, columns: Sequence[str]) -> Case:
    files = {("label" if is_label_field(c) else "image"): folder / str(row[c]).strip() for c in columns if row[c]}
    return Case(str(row[columns[0]]), "", files)


def _patient(table: Table, files: Sequence[str]) -> str:
    """Return the column that tells patients apart, if any has several rows."""
    for column in table.columns:
        if column.lower() in _PATIENTS and column not in files:
            cells = [str(row[column]) for row in table.rows]
            if len(set(cells)) > 1:
                return column
    return ""


def _label_column(table: Table, files: Sequence[str], patient: str) -> str | None:
    """Return the column to learn: by its name, or the only one with few different values."""
    columns = [column for column in table.columns if column not in files and column != patient]
    for column in columns:
        if column.lower() in _LABELS:
            return column
    few = [column for column in columns if 2 <= len({str(row[column]) for row in table.rows}) <= _MOST_CLASSES]
    return few[0] if len(few) == 1 else None
