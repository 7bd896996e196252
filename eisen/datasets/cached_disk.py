"""Cases on the disk, where all workers, all processes and all later runs find them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eisen._core.errors import ArgumentError, ArtifactError
from eisen._core.types import Step
from eisen.datasets.cache_origin import Origin
from eisen.storage.cache.folder import CaseFolder
from eisen.storage.cache.place import gigabytes
from eisen.storage.cache.sources import file_facts
from eisen.storage.cache.values import Packed, pack, unpack

__all__ = ["DiskCases", "NotKeptError"]

_log = logging.getLogger("eisen.cache")
_SAMPLE = 8

Make = Callable[[int], Any]


class NotKeptError(ArgumentError):
    """A case holds something that cannot be kept on disk."""


class DiskCases:
    """Keeps cases in a folder of the cache.

    Args:
        root: Folder of the cache.
        dataset: The data set whose cases are kept.
        steps: The steps that run before a case is kept.
        name: How people call a case.
        verify: Whether to compare the content of all files, not only of those whose size, time or inode differ.

    Raises:
        ArgumentError: If nobody could tell whether cases have changed.
    """

    def __init__(
        self, root: Path, dataset: Any, steps: list[Step], name: Callable[[int], str], *, verify: bool = False
    ) -> None:
        self.root = root
        self.origin = Origin(dataset, steps)
        self._n_cases = len(dataset)
        self._name = name
        self._verify = verify
        self._keys: dict[int, str] = {}
        self._checked: set[int] = set()
        self._folder: CaseFolder | None = None
        self._has_space = False

    def __len__(self) -> int:
        return self._n_cases - len(self.missing())

    def missing(self) -> list[int]:
        """Return the numbers of the cases of which there is no file; others may turn out to be outdated."""
        return self.folder.missing([self._key(number) for number in range(self._n_cases)])

    @property
    def n_bytes(self) -> int:
        """Bytes of the files of all cases that are there."""
        return self.folder.n_bytes([self._key(number) for number in range(self._n_cases)])

    @property
    def folder(self) -> CaseFolder:
        """Where the cases are; made when it is first asked for."""
        if self._folder is None:
            known = (self.root / self.origin.recipe.digest).is_dir()
            self._folder = CaseFolder(self.root, self.origin.recipe)
            if not known:
                self._explain()
        return self._folder

    def get(self, number: int, make: Make, *, wait: bool = True) -> Any:
        """Return a case, made before or now.

        Args:
            number: Its number.
            make: Makes a case.
            wait: Whether to wait where another process is making it.

        Returns:
            The case; None if another process is at it and we do not wait.
        """
        key = self._key(number)
        case, packed = self._find(number, key), Packed()
        if case is None:
            with self.folder.turn(key, wait=wait) as is_ours:
                if not is_ours:
                    return None
                case = self._find(number, key, logging.DEBUG)  # by now another process may have made it
                if case is None:
                    packed = self._make(number, key, make)
        self._checked.add(number)
        if case is None:
            case = self.folder.find(key)
        if case is None:  # removed as soon as it was written
            return unpack(packed.tree, packed.table, (), bytearray(b"".join(packed.pieces())))
        return case.value

    def _find(self, number: int, key: str, level: int = logging.WARNING) -> Any:
        """Return a case; the first time in this process its files are looked at."""
        if number in self._checked:
            return self.folder.find(key, name=self._name(number), level=level)
        sources = self.origin.files(number)
        return self.folder.find(key, sources, name=self._name(number), verify=self._verify, level=level)

    def _make(self, number: int, key: str, make: Make) -> Packed:
        files = [file_facts(path) for path in self.origin.files(number)]  # before, so that a change is seen
        start = time.perf_counter()
        packed = pack(make(number))
        seconds = time.perf_counter() - start
        self._demand_plain(packed)
        self._demand_space(packed)
        facts = {"case": self._name(number), "files": files, "seconds": round(seconds, 3)}
        self.folder.keep(key, packed, facts)
        return packed

    def _demand_plain(self, packed: Packed) -> None:
        if packed.strangers:
            where, value = packed.strangers[0]
            raise NotKeptError(
                f"CachedDataset: {where.strip('[]').split(']')[0] or 'the data point'} holds "
                f"{type(value).__module__}.{type(value).__qualname__}, which cannot be kept on disk",
                expected="arrays, tensors, numbers, text, geometry, and images of NIfTI, SimpleITK or Pillow",
                to_do="turn it into an array in the steps that are kept (e.g. NiftiToNumpy; see n_steps), or keep the "
                "cases in memory: leave out folder",
            )

    def _demand_space(self, packed: Packed) -> None:
        """Say once how much space the cases need, or refuse."""
        if self._has_space:
            return
        self._has_space = True  # at once, so that of several threads one says it
        missing = max(len(self.missing()), 1)
        try:
            needed, free = self.folder.demand_space(missing, packed.size + 4096)
        except ArtifactError:
            self._has_space = False
            raise
        _log.info(
            "%d cases need about %s in %s, where %s are free",
            missing,
            gigabytes(needed),
            self.folder.path,
            gigabytes(free),
        )

    def _explain(self) -> None:
        """Say why cases that are there cannot be used, if there are any."""
        some = range(0, self._n_cases, max(1, self._n_cases // _SAMPLE))
        why = self._folder.explain([self._key(number) for number in some]) if self._folder else ""
        if why:
            _log.warning("cases that are cached cannot be used and are computed again: %s", why)

    def _key(self, number: int) -> str:
        if number not in self._keys:
            self._keys[number] = self.origin.key(number)
        return self._keys[number]
