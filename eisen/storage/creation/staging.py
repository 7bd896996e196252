"""The unfinished store: a file that arrays are written straight into, and a journal of what is in it.

    out.h5.parts/
      job.json              what the work is: only a run with the same work goes on from here
      data-1a2b3c4d.h5      the store to be; its arrays are at places that HDF5 gave, its directory comes last
      journal.jsonl         one line per complete case
      7.h5                  compressed arrays of a case

Nothing is written twice: when the last case is there, the directory is added, and the file takes the name of the store.
"""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

import numpy as np

from eisen._core.atomic import artifact_error, publish
from eisen._core.errors import EisenError
from eisen.storage.creation.flushing import Flusher
from eisen.storage.creation.places import Places
from eisen.storage.creation.settings import CaseFacts, StoreSettings
from eisen.storage.encoding import FILE_OPTIONS, blosc2_plugin

if TYPE_CHECKING:
    import h5py

__all__ = ["Staging", "index_name"]


class Staging:
    """The unfinished store of a target.

    Args:
        target: The store to be.
        n_cases: How many cases it will have.
        settings: How they are written.
        job: Digest of the work.
        resume: Whether to go on from what an interrupted run left.
        place_of: Path of the dataset of an array in the file, from its field and the name of its case's index.

    Attributes:
        folder: Where everything unfinished is.
        file: Name of the file that is being written.
        known: What an interrupted run knew, by number of the case.
    """

    def __init__(
        self,
        target: Path,
        n_cases: int,
        settings: StoreSettings,
        job: str,
        resume: bool,
        place_of: Callable[[str, str], str],
    ) -> None:
        self.target, self.settings, self._place_of = target, settings, place_of
        self.n_cases = n_cases
        self.folder = target.with_name(f"{target.name}.parts")
        self.file = f"data-{token_hex(4)}.h5"
        self.known: dict[int, CaseFacts] = {}
        self.done: dict[int, CaseFacts] = {}
        self._h5: h5py.File | None = None
        self._flusher: Flusher | None = None
        self._begin(job, resume)

    def _begin(self, job: str, resume: bool) -> None:
        import h5py

        try:
            if resume and self._job() == job:
                self.known = self._journal()
            else:
                self.discard()
            self.folder.mkdir(exist_ok=True)
            (self.folder / "job.json").write_text(json.dumps({"job": job}), encoding="utf-8")
            self._log = (self.folder / "journal.jsonl").open("a", encoding="utf-8")
            self._h5 = h5py.File(self.folder / self.file, "w", **FILE_OPTIONS)
            self._places = Places(self._h5)
            self._flusher = Flusher(self.folder / self.file)
        except OSError as error:
            self.discard()
            raise artifact_error(error, self.target) from error

    def _job(self) -> str:
        with suppress(OSError, ValueError, AttributeError):
            return str(json.loads((self.folder / "job.json").read_text(encoding="utf-8")).get("job"))
        return ""

    def _journal(self) -> dict[int, CaseFacts]:
        """Return the last line of each case; one that was being written when the power went off is none."""
        found: dict[int, CaseFacts] = {}
        with suppress(OSError):
            for line in (self.folder / "journal.jsonl").read_text(encoding="utf-8", errors="replace").splitlines():
                with suppress(ValueError, KeyError, TypeError):
                    facts = json.loads(line)
                    found[int(facts["number"])] = facts
        return found

    def allocate(self, number: int, facts: CaseFacts) -> dict[str, int]:
        """Give the arrays of a case their places in the file, and return where these begin.

        Args:
            number: Number of the case.
            facts: What is known about it.

        Raises:
            ArtifactError: If there is no place.
        """
        if not self.settings.pixels or self.settings.form == "blosc2":
            return {}
        index = index_name(number, self.n_cases)
        arrays = {name: entry for name, entry in facts["fields"].items() if entry["kind"] == "array"}
        try:
            return {name: self._places.reserve(self._place_of(name, index), entry) for name, entry in arrays.items()}
        except (OSError, RuntimeError) as error:
            raise artifact_error(_as_oserror(error), self.target) from error

    def complete(self, number: int, facts: CaseFacts, offsets: Mapping[str, int], digests: Mapping[str, str]) -> None:
        """Note that the arrays of a case are in the file.

        Args:
            number: Number of the case.
            facts: What is known about it.
            offsets: Where its arrays begin.
            digests: Their SHA-256.

        Raises:
            ArtifactError: If the journal cannot be written.
        """
        facts = {**facts, "file": self.file, "offsets": dict(offsets)}
        facts.pop("reused", None)
        for name, digest in digests.items():
            facts["fields"][name]["digest"] = digest
        self.done[number] = facts
        try:
            self._log.write(json.dumps(facts) + "\n")
            self._log.flush()
            if self._flusher is not None:
                self._flusher.wrote(sum(_n_bytes(facts["fields"][name]) for name in offsets))
        except OSError as error:
            raise artifact_error(error, self.target) from error

    def finish(self, write_directory: Callable[[h5py.File, list[CaseFacts]], None]) -> None:
        """Add the directory, and give the file the name of the store.

        Args:
            write_directory: Writes what is known about the cases.

        Raises:
            ArtifactError: If it cannot be written.
        """
        assert self._h5 is not None
        try:
            self._collect()
            write_directory(self._h5, [self.done[number] for number in range(self.n_cases)])
            self._h5.close()
            self._log.close()
            if self._flusher is not None:
                self._flusher.end()
            publish(self.folder / self.file, self.target)
        except EisenError:
            raise
        except (OSError, RuntimeError) as error:
            raise artifact_error(_as_oserror(error), self.target) from error
        self.discard()

    def _collect(self) -> None:
        """Copy compressed arrays as they are, without unpacking them."""
        if not self.settings.pixels or self.settings.form != "blosc2":
            return
        import h5py

        blosc2_plugin()
        assert self._h5 is not None
        for number in range(self.n_cases):
            path = self.folder / f"{number}.h5"
            if path.exists():
                with h5py.File(path) as part:
                    for name in part:
                        part.copy(part[name], self._h5, self._place_of(name, index_name(number, self.n_cases)))

    def close(self) -> None:
        """Let go of the files and leave everything for the next run."""
        with suppress(OSError):
            if self._flusher is not None:
                self._flusher.end()
        with suppress(OSError, RuntimeError, ValueError):
            if self._h5 is not None:
                self._h5.close()
        with suppress(OSError, AttributeError):
            self._log.close()

    def discard(self) -> None:
        """Remove everything unfinished."""
        self.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _n_bytes(entry: CaseFacts) -> int:
    return math.prod(entry["stored_shape"]) * np.dtype(entry["stored_dtype"]).itemsize


def _as_oserror(error: Exception) -> OSError:
    """Return what HDF5 says about a file as the system would have said it."""
    if isinstance(error, OSError) and error.errno is not None:
        return error
    found = re.search(r"errno = (\d+)", str(error))
    return OSError(int(found[1]), str(error)) if found else OSError(str(error))


def index_name(number: int, n_cases: int) -> str:
    """Return the number of a case as the datasets are called, with as many digits as the number of cases has.

    Example:
        >>> index_name(7, 60)
        '07'
    """
    return f"{number:0{len(str(n_cases))}d}"
