"""Which file is written and read how."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from eisen._core.errors import ArgumentError, CorruptFileError, MissingFileError
from eisen.evaluation.results import Results

__all__ = ["read", "write"]


def write(results: Results, path: str | os.PathLike[str], **options: Any) -> None:
    """Write results; see `Results.write`.

    Args:
        results: What was measured.
        path: The file.
        **options: Of `write_csv`.
    """
    from eisen.evaluation.writers import csv_files, documents, parquet

    writers = {".csv": csv_files.write_csv, ".json": documents.write_json, ".parquet": parquet.write_parquet}
    writers[_ending(path, writers)](results, path, **options)


def read(path: str | os.PathLike[str]) -> Results:
    """Read results; see `Results.read`.

    Args:
        path: The file.
    """
    from eisen.evaluation.writers import csv_files, documents, parquet

    readers = {".csv": csv_files.read_csv, ".json": documents.read_json, ".parquet": parquet.read_parquet}
    reader = readers[_ending(path, readers)]
    if not Path(path).is_file():
        raise MissingFileError(f"there is no file {path}", expected="results of an evaluation", file=str(path))
    try:
        return reader(path)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, CorruptFileError):
            raise
        raise CorruptFileError(
            f"{path} holds no results of an evaluation: {type(error).__name__}: {error}",
            expected="a table with case, label, metric and value, or what `eisen evaluate` wrote",
            file=str(path),
        ) from error


def _ending(path: str | os.PathLike[str], known: dict[str, Any]) -> str:
    ending = Path(path).suffix.lower()
    if ending not in known:
        raise ArgumentError(f"{path} has the ending {ending!r}", expected=f"one of {', '.join(known)}")
    return ending
