"""The directory of a store: who is in it, what each field is, where it came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eisen._core.types import is_label_field
from eisen._core.version import __version__
from eisen.storage.creation.facts import FieldColumn
from eisen.storage.creation.source_files import relative_to_root

if TYPE_CHECKING:
    import h5py

__all__ = ["config_digest", "place_in_store", "write_store_directory"]


def place_in_store(field: str, index: str) -> str:
    """Return the path of the dataset of an array.

    Example:
        >>> place_in_store("image", "07")
        'data/image/07'
    """
    return f"data/{field}/{index}"


def config_digest(config: Any) -> str:
    """Return the SHA-256 of a configuration; "" of none. The order of its keys does not matter."""
    if config is None:
        return ""
    text = json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()


def write_store_directory(
    file: h5py.File,
    names: Sequence[str],
    columns: Sequence[FieldColumn],
    *,
    form: str,
    pixels: bool,
    anonymous: bool,
    config: Any,
) -> None:
    """Write everything but the elements of the arrays.

    Args:
        file: The store, open for writing.
        names: Names of the cases.
        columns: The fields.
        form: How arrays are stored.
        pixels: Whether they are.
        anonymous: Whether names, files and configuration are left out.
        config: What made the cases, as JSON knows it; None: not known.
    """
    file.attrs.update(
        {"format": "eisen-store", "version": 1, "eisen": __version__, "anonymous": anonymous, "pixels": pixels}
    )
    arrays = [column for column in columns if column.kind == "array"]
    record = {
        "fields": {column.name: _described(column, form) for column in columns},
        "config": None if anonymous else config,
        "config_digest": config_digest(config),
        "cases": len(names),
    }
    meta = file.create_group("meta")
    _text(meta, "record", json.dumps(record, ensure_ascii=False))
    _texts(meta, "cases", names)
    _write_files(meta, arrays)
    for column in arrays:
        meta[f"shapes/{column.name}"] = np.array(column.of("shape"), np.int64)
        _texts(meta, f"geometry/{column.name}", column.of("geometry"))
        _texts(meta, f"digests/{column.name}", column.of("digest"))
        _texts(meta, f"source_digests/{column.name}", column.of("source_digest"))
    for column in columns:
        if column.kind != "array":
            _write_values(file, column)


def _described(column: FieldColumn, form: str) -> dict[str, Any]:
    is_array = column.kind == "array"
    dtypes = {np.dtype(name) for name in column.of("dtype")} if is_array else set()
    return {
        "kind": column.kind,
        "entries": column.entries,
        "form": form if is_array else None,
        "is_label": is_label_field(column.name),
        "dtype": np.result_type(*dtypes).name if dtypes else _type_of_values(column),
        "geometry_of": column.name if is_array and any(column.of("geometry")) else None,
    }


def _type_of_values(column: FieldColumn) -> str:
    return _numbers(column).dtype.name if column.kind == "number" else "str"


def _write_files(meta: h5py.Group, arrays: Sequence[FieldColumn]) -> None:
    root, relative = relative_to_root([paths for column in arrays for paths in column.of("files")])
    _text(meta, "file_root", root)
    rows = iter(relative)
    for column in arrays:
        texts = [json.dumps(next(rows), ensure_ascii=False) for _ in column.facts]
        _texts(meta, f"files/{column.name}", texts)


def _write_values(file: h5py.File, column: FieldColumn) -> None:
    path = f"values/{column.name}"
    if column.kind != "number":
        _texts(file, path, column.facts)
        return
    file[path] = _numbers(column)
    file[path].attrs["type"] = type(column.facts[0]).__name__


def _numbers(column: FieldColumn) -> np.ndarray[Any, Any]:
    """Return the values; whole numbers beyond 64 bits become floating point."""
    whole = all(isinstance(value, int) for value in column.facts)
    fits = whole and all(-(2**63) <= value < 2**63 for value in column.facts)
    return np.array(column.facts, np.int64 if fits else np.float64)


def _text(group: h5py.Group, name: str, text: str) -> None:
    import h5py

    group.create_dataset(name, data=text, dtype=h5py.string_dtype())


def _texts(group: h5py.Group, name: str, texts: Sequence[str]) -> None:
    import h5py

    group.create_dataset(name, data=np.array(list(texts), dtype=object), dtype=h5py.string_dtype())
