"""From a case of a data set to the arrays that go into a store, and to what is known about them."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eisen._core import random
from eisen._core.errors import DataError
from eisen._core.turns import Turn, alone, in_turns
from eisen._core.types import Array, DataPoint, Geometry
from eisen.storage.creation.entries import EntryValue, demand_one_grid, entries_of
from eisen.storage.creation.settings import CaseFacts, LoadEntry, OnCase, StoreSettings
from eisen.storage.creation.source_files import SourceFiles, digest_of_files
from eisen.storage.encoding import encode
from eisen.storage.geometry_text import geometry_to_json

__all__ = ["CaseReader", "pymia_order"]


@dataclass
class CaseReader:
    """Reads the cases of a data set. Goes to other processes as it is.

    Args:
        dataset: The data set.
        names: A name per case.
        settings: How cases are written.
        load: See `LoadEntry`.
        on_case: See `OnCase`.
        turn: What code waits for that must not run in several threads at once; here nobody else runs.
    """

    dataset: Any
    names: Sequence[str]
    settings: StoreSettings
    load: LoadEntry | None = None
    on_case: OnCase | None = None
    turn: Turn = nullcontext
    _files: SourceFiles | None = field(default=None, repr=False)
    _free: dict[int, tuple[Any, bool]] = field(default_factory=dict, repr=False)

    def read(self, number: int) -> tuple[CaseFacts, dict[str, Array]]:
        """Return what is known about a case, and its arrays as they go into the file.

        Args:
            number: Number of the case.
        """
        with in_turns(self.turn, self._free), random.sample(0, 0, number), alone(self.dataset):
            point = self.dataset[number]
        entries = self._entries(number, point)
        if self.settings.check_shapes:
            demand_one_grid(entries)
        arrays: dict[str, Array] = {}
        facts = {name: self._facts(number, name, entry, arrays) for name, entry in entries.items()}
        return {"number": number, "listed": self.listed(number), "fields": facts}, arrays

    def listed(self, number: int) -> str:
        """Return a digest of what the data set lists about a case."""
        peek = getattr(self.dataset, "peek", None)
        text = json.dumps(peek(number) if callable(peek) else None, sort_keys=True, default=_shown)
        return hashlib.sha256(text.encode()).hexdigest()

    def _entries(self, number: int, point: Any) -> dict[str, EntryValue]:
        if not isinstance(point, dict):
            raise DataError(f"the data set gives {type(point).__name__}, not a dict", expected="a dict of fields")
        if self.load is not None:
            point = _loaded(point, self.load)
        entries = entries_of(point, self.settings.fields)
        if self.on_case is not None:
            arrays = {name: entry.value for name, entry in entries.items() if entry.kind == "array"}
            entries |= entries_of(dict(self.on_case(self.names[number], {**point, **arrays})))
        return entries

    def _facts(self, number: int, name: str, entry: EntryValue, arrays: dict[str, Array]) -> CaseFacts:
        """Return what is known about a field; an array is put to the others."""
        if entry.kind != "array":
            return {"kind": entry.kind, "value": entry.value}
        self._files = self._files or SourceFiles(self.dataset)
        files = self._files.of(number, name, entry.geometry)
        arrays[name], stored = self._stored(entry.value)
        return {
            "kind": "array",
            "shape": [int(n) for n in entry.value.shape],
            "geometry": geometry_to_json(entry.geometry),
            "files": [os.path.abspath(path) for path in files],  # noqa: PTH100 - links stay as they are
            "source_digest": digest_of_files(files),
            **stored,
        }

    def _stored(self, array: Array) -> tuple[Array, CaseFacts]:
        """Return an array as it goes into the file, and its type, shape and scale there."""
        form = self.settings.form
        encoded = encode(array if form == "int16" else np.empty(0, array.dtype), form)
        stored = encoded.stored if form == "int16" else array
        stored = pymia_order(stored) if self.settings.layout == "pymia" else stored
        scale = encoded.scale
        return stored, {
            "dtype": encoded.dtype.name,
            "stored_dtype": encoded.stored.dtype.str,
            "stored_shape": [int(n) for n in stored.shape],
            "scale": None if scale is None else [np.asarray(part).tolist() for part in (scale.slope, scale.inter)],
        }


def pymia_order(array: Array) -> Array:
    """Return an array with the axes as pymia has them: volumes (z, y, x, channel), pictures (row, column, channel).

    Example:
        >>> pymia_order(np.zeros((2, 5, 6, 7))).shape, pymia_order(np.zeros((3, 5, 6))).shape
        ((7, 6, 5, 2), (5, 6, 3))
    """
    return array.transpose() if array.ndim == 4 else np.moveaxis(array, 0, -1)


def _loaded(point: DataPoint, load: LoadEntry) -> DataPoint:
    """Return the data point with each value as the user's function loads it."""
    result = dict(point)
    for name in [name for name in point if not name.endswith("_meta")]:
        value = load(name, point[name], dict(point))
        if isinstance(value, tuple) and len(value) == 2 and isinstance(value[1], Geometry | None):
            value, result[f"{name}_meta"] = value
        result[name] = value
    return result


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray | np.generic):
        return f"{value.shape} {value.dtype} {hashlib.sha256(value.tobytes()).hexdigest()}"
    return os.fspath(value) if isinstance(value, os.PathLike) else type(value).__name__
