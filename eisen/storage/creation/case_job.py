"""What is done for one case of a store: read it, find its place, write it; in this process or in another one."""

from __future__ import annotations

import hashlib
import os
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from eisen._core.atomic import artifact_error
from eisen._core.errors import EisenError, StepError
from eisen._core.types import Array
from eisen.storage.creation.case_reader import CaseReader
from eisen.storage.creation.settings import CaseFacts
from eisen.storage.creation.slabs import write_slabs
from eisen.storage.creation.source_files import digest_of_files
from eisen.storage.encoding import write_array

__all__ = ["CaseJob"]

_Held: TypeAlias = tuple[Array, np.dtype[Any]]
"""An array and the type of its elements in the file."""


@dataclass
class CaseJob:
    """Reads cases and writes their arrays to where it is told. Goes to other processes as it is.

    Args:
        reader: Reads the cases.
        folder: Folder of what is unfinished.
        target: The store, for messages.
    """

    reader: CaseReader
    folder: Path
    target: Path
    _held: dict[int, dict[str, _Held]] = field(default_factory=dict, repr=False)

    def prepare(self, number: int, before: CaseFacts | None = None) -> CaseFacts:
        """Read a case, keep its arrays, and return what is known about it.

        Args:
            number: Number of the case.
            before: What a run that was interrupted knew about it; used if its sources are still the same.

        Raises:
            EisenError: If it cannot be read; the card names it.
        """
        name = self.reader.names[number]
        try:
            return self._prepared(number, before)
        except EisenError as error:
            error.note(case=name)
            raise
        except Exception as error:
            failure = StepError(f"reading a case failed: {type(error).__name__}: {error}", case=name)
            failure.add_note("".join(traceback.format_exception(error)))
            raise failure from error

    def _prepared(self, number: int, before: CaseFacts | None) -> CaseFacts:
        if before is not None and self._is_current(number, before):
            return {**before, "reused": True}
        facts, arrays = self.reader.read(number)
        self._held[number] = {name: (array, _stored_dtype(facts, name)) for name, array in arrays.items()}
        return facts

    def place(self, number: int, file: str, offsets: Mapping[str, int]) -> dict[str, str]:
        """Write the arrays that `prepare` kept, and return their digests.

        Args:
            number: Number of the case.
            file: Name of the unfinished file.
            offsets: Where each array begins in it; those without are written to a file of their own.

        Raises:
            ArtifactError: If they cannot be written.
        """
        held = self._held.pop(number, {})
        pixels = self.reader.settings.pixels
        try:
            apart = {name: array for name, array in held.items() if name not in offsets}
            digests = self._in_place({name: held[name] for name in offsets}, file, offsets)
            return digests | (self._apart(number, apart) if pixels else _unwritten(apart))
        except OSError as error:
            raise artifact_error(error, self.target) from error

    def _in_place(self, arrays: Mapping[str, _Held], file: str, offsets: Mapping[str, int]) -> dict[str, str]:
        if not arrays:
            return {}
        handle = os.open(self.folder / file, os.O_WRONLY)
        try:
            return {name: write_slabs(*held, handle, offsets[name]) for name, held in arrays.items()}
        finally:
            os.close(handle)

    def _apart(self, number: int, arrays: Mapping[str, _Held]) -> dict[str, str]:
        """Write compressed arrays to a file of the case, that has its name when it is complete."""
        if not arrays:
            return {}
        import h5py

        path, form = self.folder / f"{number}.h5", self.reader.settings.form
        with h5py.File(path.with_suffix(".new"), "w") as file:
            stored = {name: write_array(file, name, array, form) for name, (array, _) in arrays.items()}
        path.with_suffix(".new").replace(path)
        return {name: hashlib.sha256(np.ascontiguousarray(array).data).hexdigest() for name, array in stored.items()}

    def _is_current(self, number: int, before: CaseFacts) -> bool:
        """Tell whether the sources of a case are what they were, and the bytes that were written still there."""
        if before.get("listed") != self.reader.listed(number):
            return False
        arrays = {name: facts for name, facts in before["fields"].items() if facts["kind"] == "array"}
        if any(not f["source_digest"] or f["source_digest"] != _digest(f["files"]) for f in arrays.values()):
            return False
        if not self.reader.settings.pixels:
            return True
        if self.reader.settings.form == "blosc2":
            return (self.folder / f"{number}.h5").exists()
        written = {name: self._written(before, name) for name in arrays}
        held = {name: (array, _stored_dtype(before, name)) for name, array in written.items() if array is not None}
        if len(held) == len(arrays):
            self._held[number] = held
        return len(held) == len(arrays)

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


def _unwritten(arrays: Mapping[str, _Held]) -> dict[str, str]:
    return {name: write_slabs(*held) for name, held in arrays.items()}


def _digest(files: Sequence[str]) -> str:
    try:
        return digest_of_files(Path(file) for file in files)
    except OSError:
        return ""


def _stored_dtype(facts: CaseFacts, name: str) -> np.dtype[Any]:
    return np.dtype(str(facts["fields"][name]["stored_dtype"]))
