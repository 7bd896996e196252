"""What is done for one case of a store: read it, find its place, write it; in this process or in another one."""

from __future__ import annotations

import hashlib
import json
import os
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import numpy as np

from eisen._core import random
from eisen._core.atomic import artifact_error
from eisen._core.errors import DataError, EisenError, StepError
from eisen._core.types import Array, DataPoint, Geometry
from eisen.storage.creation.entries import EntryValue, demand_one_grid, entries_of
from eisen.storage.creation.slabs import write_slabs
from eisen.storage.creation.source_files import SourceFiles, digest_of_files
from eisen.storage.encoding import Form, encode, write_array
from eisen.storage.geometry_text import geometry_to_json

__all__ = ["CaseFacts", "CaseJob", "Layout", "LoadEntry", "OnCase", "StoreSettings", "pymia_order"]

Layout: TypeAlias = Literal["eisen", "pymia"]
LoadEntry: TypeAlias = Callable[[str, Any, DataPoint], Any]
"""``load(field, value, point)`` returns what is stored: an array, a number, text, or an array and its Geometry."""

OnCase: TypeAlias = Callable[[str, DataPoint], Mapping[str, Any]]
"""``on_case(name, point)`` returns further fields to write for the case; images are arrays in the point it is given."""

CaseFacts: TypeAlias = dict[str, Any]
"""What is known about a case that was read, as JSON knows it."""


@dataclass(frozen=True)
class StoreSettings:
    """How cases are written.

    Args:
        fields: Which fields; None: all.
        form: ``"raw"``, ``"int16"`` or ``"blosc2"``.
        layout: ``"eisen"`` or ``"pymia"``.
        pixels: False leaves out the elements of arrays.
        check_shapes: Whether label and image must have one shape.
    """

    fields: tuple[str, ...] | None = None
    form: Form = "raw"
    layout: Layout = "eisen"
    pixels: bool = True
    check_shapes: bool = True


@dataclass
class CaseJob:
    """Reads cases and writes their arrays to where it is told. Goes to other processes as it is.

    Args:
        dataset: The data set.
        names: A name per case.
        settings: How cases are written.
        folder: Folder of what is unfinished.
        target: The store, for messages.
        load: See `LoadEntry`.
        on_case: See `OnCase`.
    """

    dataset: Any
    names: Sequence[str]
    settings: StoreSettings
    folder: Path
    target: Path
    load: LoadEntry | None = None
    on_case: OnCase | None = None
    _held: dict[int, dict[str, Array]] = field(default_factory=dict, repr=False)
    _files: SourceFiles | None = field(default=None, repr=False)

    def prepare(self, number: int, before: CaseFacts | None = None) -> CaseFacts:
        """Read a case, keep its arrays, and return what is known about it.

        Args:
            number: Number of the case.
            before: What a run that was interrupted knew about it; used if its sources are still the same.

        Raises:
            EisenError: If it cannot be read; the card names it.
        """
        try:
            if before is not None and self._is_current(number, before):
                return {**before, "reused": True}
            return self._read(number)
        except EisenError as error:
            error.note(case=self.names[number])
            raise
        except Exception as error:
            failure = StepError(f"reading a case failed: {type(error).__name__}: {error}", case=self.names[number])
            failure.add_note("".join(traceback.format_exception(error)))
            raise failure from error

    def place(self, number: int, file: str, offsets: Mapping[str, int], facts: CaseFacts) -> dict[str, str]:
        """Write the arrays that `prepare` kept, and return their digests.

        Args:
            number: Number of the case.
            file: Name of the unfinished file.
            offsets: Where each array begins in it; those without are written to a file of their own.
            facts: What `prepare` returned.

        Raises:
            ArtifactError: If they cannot be written.
        """
        held = self._held.pop(number, {})
        try:
            apart = {name: array for name, array in held.items() if name not in offsets}
            digests = self._in_place({name: held[name] for name in offsets}, file, offsets, facts)
            return digests | (self._apart(number, apart) if self.settings.pixels else self._unwritten(apart, facts))
        except OSError as error:
            raise artifact_error(error, self.target) from error

    def _in_place(
        self, arrays: Mapping[str, Array], file: str, offsets: Mapping[str, int], facts: CaseFacts
    ) -> dict[str, str]:
        if not arrays:
            return {}
        handle = os.open(self.folder / file, os.O_WRONLY)
        try:
            return {
                name: write_slabs(array, _stored_dtype(facts, name), handle, offsets[name])
                for name, array in arrays.items()
            }
        finally:
            os.close(handle)

    def _unwritten(self, arrays: Mapping[str, Array], facts: CaseFacts) -> dict[str, str]:
        return {name: write_slabs(array, _stored_dtype(facts, name)) for name, array in arrays.items()}

    def _apart(self, number: int, arrays: Mapping[str, Array]) -> dict[str, str]:
        """Write compressed arrays to a file of the case, that has its name when it is complete."""
        if not arrays:
            return {}
        import h5py

        path = self.folder / f"{number}.h5"
        with h5py.File(path.with_suffix(".new"), "w") as file:
            stored = {name: write_array(file, name, array, self.settings.form) for name, array in arrays.items()}
        path.with_suffix(".new").replace(path)
        return {name: hashlib.sha256(np.ascontiguousarray(array).data).hexdigest() for name, array in stored.items()}

    def _read(self, number: int) -> CaseFacts:
        with random.sample(0, 0, number):
            point = self.dataset[number]
        entries = self._entries(number, point)
        if self.settings.check_shapes:
            demand_one_grid(entries)
        facts = {name: self._facts(number, name, entry) for name, entry in entries.items()}
        return {"number": number, "listed": self._listed(number), "fields": facts}

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

    def _facts(self, number: int, name: str, entry: EntryValue) -> CaseFacts:
        if entry.kind != "array":
            return {"kind": entry.kind, "value": entry.value}
        files = self._source_files().of(number, name, entry.geometry)
        facts = {
            "kind": "array",
            "shape": [int(n) for n in entry.value.shape],
            "geometry": geometry_to_json(entry.geometry),
            "files": [os.path.abspath(path) for path in files],  # noqa: PTH100 - links stay as they are
            "source_digest": digest_of_files(files),
        }
        return facts | self._keep(number, name, entry.value)

    def _keep(self, number: int, name: str, array: Array) -> CaseFacts:
        """Keep an array as it goes into the file, and return type, shape and scale."""
        form = self.settings.form
        encoded = encode(array if form == "int16" else np.empty(0, array.dtype), form)
        stored = encoded.stored if form == "int16" else array
        stored = pymia_order(stored) if self.settings.layout == "pymia" else stored
        self._held.setdefault(number, {})[name] = stored
        scale = encoded.scale
        return {
            "dtype": encoded.dtype.name,
            "stored_dtype": encoded.stored.dtype.str,
            "stored_shape": [int(n) for n in stored.shape],
            "scale": None if scale is None else [np.asarray(part).tolist() for part in (scale.slope, scale.inter)],
        }

    def _is_current(self, number: int, before: CaseFacts) -> bool:
        """Tell whether the sources of a case are what they were, and the bytes that were written still there."""
        if before.get("listed") != self._listed(number):
            return False
        arrays = {name: facts for name, facts in before["fields"].items() if facts["kind"] == "array"}
        if any(not f["source_digest"] or f["source_digest"] != _digest(f["files"]) for f in arrays.values()):
            return False
        if not self.settings.pixels:
            return True
        if self.settings.form == "blosc2":
            return (self.folder / f"{number}.h5").exists()
        held = {name: self._written(before, name) for name in arrays}
        if any(array is None for array in held.values()):
            return False
        self._held[number] = {name: array for name, array in held.items() if array is not None}
        return True

    def _written(self, before: CaseFacts, name: str) -> Array | None:
        """Return what an earlier run wrote, if it is still that."""
        facts, dtype = before["fields"][name], _stored_dtype(before, name)
        count = int(np.prod(facts["stored_shape"]))
        try:
            found = np.fromfile(self.folder / before["file"], dtype, count, offset=before["offsets"][name])
        except (OSError, KeyError):
            return None
        complete = found.size == count and hashlib.sha256(found.data).hexdigest() == facts["digest"]
        return found.reshape(facts["stored_shape"]) if complete else None

    def _listed(self, number: int) -> str:
        """Return a digest of what the data set lists about a case."""
        peek = getattr(self.dataset, "peek", None)
        text = json.dumps(peek(number) if callable(peek) else None, sort_keys=True, default=_shown)
        return hashlib.sha256(text.encode()).hexdigest()

    def _source_files(self) -> SourceFiles:
        if self._files is None:
            self._files = SourceFiles(self.dataset)
        return self._files


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


def _digest(files: Sequence[str]) -> str:
    try:
        return digest_of_files(Path(file) for file in files)
    except OSError:
        return ""


def _stored_dtype(facts: CaseFacts, name: str) -> np.dtype[Any]:
    return np.dtype(str(facts["fields"][name]["stored_dtype"]))


def _shown(value: Any) -> str:
    if isinstance(value, np.ndarray | np.generic):
        return f"{value.shape} {value.dtype} {hashlib.sha256(value.tobytes()).hexdigest()}"
    return os.fspath(value) if isinstance(value, os.PathLike) else type(value).__name__
