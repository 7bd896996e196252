"""Results as Parquet, which keeps types and is small."""

from __future__ import annotations

import json
import os
from dataclasses import fields

from eisen._core.atomic import atomic_write
from eisen._core.errors import CorruptFileError
from eisen._core.optional import require
from eisen.evaluation.results import Record, Results
from eisen.evaluation.writers.documents import around, facts_of

__all__ = ["read_parquet", "write_parquet"]

_KEY = b"eisen"


def write_parquet(results: Results, path: str | os.PathLike[str]) -> None:
    """Write the tidy table as Parquet, with cases, metrics and failures in its metadata.

    Args:
        results: What was measured.
        path: The file. Its folder must exist.

    Raises:
        MissingExtraError: If pyarrow is not installed.
        ArtifactError: If the file cannot be written.
    """
    arrow = require("pyarrow", "tables", "a Parquet file")
    parquet = require("pyarrow.parquet", "tables", "a Parquet file")
    text = arrow.string()
    kinds = {f.name: arrow.float64() if f.name == "value" else text for f in fields(Record)}
    columns = {name: arrow.array([getattr(r, name) for r in results], kind) for name, kind in kinds.items()}
    table = arrow.table(columns).replace_schema_metadata({_KEY: json.dumps(around(results)).encode()})
    with atomic_write(path) as file:
        parquet.write_table(table, file)


def read_parquet(path: str | os.PathLike[str]) -> Results:
    """Read what `write_parquet` wrote.

    Args:
        path: The file.

    Raises:
        MissingExtraError: If pyarrow is not installed.
        CorruptFileError: If it is another table.
    """
    parquet = require("pyarrow.parquet", "tables", "a Parquet file")
    table = parquet.read_table(path)
    if _KEY not in (table.schema.metadata or {}):
        raise CorruptFileError(f"{path} was not written by eisen", expected="results of an evaluation", file=str(path))
    records = [Record(**row) for row in table.to_pylist()]
    return facts_of(json.loads(table.schema.metadata[_KEY]), records)
