"""Reading every case once: its data point is kept, in memory or on disk, in front of the first random step."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, SupportsIndex

from torch.utils.data import Dataset

from eisen._core.errors import ArgumentError, ArtifactError, EisenError
from eisen._core.types import DataPoint, Step
from eisen.datasets.around import DatasetAround
from eisen.datasets.cached_disk import DiskCases, NotKeptError
from eisen.datasets.cached_memory import MemoryCases
from eisen.datasets.cached_progress import Progress
from eisen.datasets.steady import n_steady_steps
from eisen.storage.cache.place import cache_root
from eisen.transforms import Compose

__all__ = ["CachedDataset"]

_log = logging.getLogger("eisen.cache")


class CachedDataset(DatasetAround):
    """Keep what has been read, so that every epoch but the first costs only the random part of the chain.

    The steps in front of the first random one run once per case. They are those of eisen that are certain to give the
    same every time; a step of your own, or of another library, ends what is kept, unless `n_steps` says that it may
    be kept too. Results are the same as without: nothing downstream can change what is kept, and random steps have the
    same random numbers.

    In memory: with workers all cases are read before these start, and all share one memory, whether they are forked or
    spawned. What does not fit is read every time; the log says so, and how much memory all cases need.

    On disk (`folder`): every worker, every process and every later run finds the cases, and maps them into memory
    instead of reading them. A case is computed again when one of the steps, its files, what is listed about it, the
    version of eisen or of a library, or the code of a step has changed; the log says which. ``eisen cache ls`` shows
    what there is, ``eisen cache clean`` removes it.

    Args:
        dataset: Any data set with a length and an index; in a configuration an entry of its own.
        n_steps: How many steps of the transform to run before keeping a case. None: all in front of the first that may
            be random.
        memory_gb: How much memory the cases may take, in GB. None: half of what is free when the first is read.
        transform: What to do with a case when it is read; None: nothing.
        folder: None or False: keep the cases in memory. True: on disk, in the cache folder of the user (see
            `eisen.storage.cache_root`). A path: on disk, in that folder.
        verify: With `folder`: compare the content of all files once per run. Else only that of files whose size, time
            of change or inode is not what it was.

    Raises:
        ArgumentError: If `n_steps` is more than the transform has, `memory_gb` is not above 0 or makes no sense with
            `folder`, or if, with `folder`, nobody could tell whether a step or the data set has changed.

    Example:
        >>> import tempfile
        >>> from eisen.datasets import ListDataset
        >>> cases = CachedDataset(ListDataset([{"age": 61}, {"age": 47}]))
        >>> cases[1]["age"], len(cases), cases.n_kept
        (47, 2, 1)
        >>> folder = tempfile.mkdtemp()
        >>> CachedDataset(cases.dataset, folder=folder)[0]
        {'age': 61}
        >>> CachedDataset(cases.dataset, folder=folder).n_kept
        1
    """

    splits_inside = True
    """A split divides the cases of the data set inside; those of each part are kept after the steps of its phase."""

    def __init__(
        self,
        dataset: Dataset[Any],
        n_steps: int | None = None,
        memory_gb: float | None = None,
        transform: Step | None = None,
        folder: bool | str | os.PathLike[str] | None = None,
        verify: bool = False,
    ) -> None:
        super().__init__(dataset, transform)
        _demand_the_same(dataset)
        n_possible = len(transform.transforms) if isinstance(transform, Compose) else 0
        if n_steps is not None and not 0 <= n_steps <= n_possible:
            raise ArgumentError(
                f"CachedDataset: n_steps is {n_steps}", expected=f"0 to {n_possible}, the steps of the transform"
            )
        if memory_gb is not None and memory_gb <= 0:
            raise ArgumentError(f"CachedDataset: memory_gb is {memory_gb}", expected="a number above 0")
        self.n_steps = n_steady_steps(transform) if n_steps is None else n_steps
        self.memory_gb = memory_gb
        self.folder = folder
        self.verify = verify
        self._cases = self._where()

    @property
    def n_kept(self) -> int:
        """How many cases are kept: in memory here, or on disk."""
        return len(self._cases)

    def __getitem__(self, index: SupportsIndex) -> DataPoint:
        number = self._number(index)
        try:
            return self._rest(self._first_part(number))
        except EisenError as error:
            error.note(case=self.case_name(number), file=self._file_of(number, error.card.field))
            raise

    @property
    def n_bytes(self) -> int:
        """What the cases that are kept take: on disk all of them, in memory those kept here."""
        return self._cases.n_bytes

    @property
    def place(self) -> Path | None:
        """The folder the cases are in; None: they are in memory."""
        return None if isinstance(self._cases, MemoryCases) else self._cases.folder.path

    def behind(self, steps: Compose) -> CachedDataset | None:
        """Return a cache of the same cases behind some steps; None if this one has steps of its own.

        Patches are cut behind the steps for whole cases: `PatchDataset` asks for the cache inside of it to keep those.

        Args:
            steps: The steps.
        """
        if self.transform is not None:
            return None
        return CachedDataset(self.dataset, None, self.memory_gb, steps, self.folder, self.verify)

    def fill(
        self,
        n_threads: int = 1,
        progress: Callable[[int, int, float], None] | None = None,
        on_error: Callable[[str, Exception], None] | None = None,
    ) -> None:
        """Read all cases that are not kept yet. The `Loader` does so before it starts workers.

        Several processes may do so at the same time, on disk they share the work. What was done before a process was
        killed stays done.

        Args:
            n_threads: How many cases to read at the same time.
            progress: Called after each case with the number of those done, of all to do, and how many seconds it will
                take from here; the log says so too, every ten seconds.
            on_error: Called with the name of a case that cannot be read, and why. None: nothing is said before the
                case is asked for.

        Raises:
            ArtifactError: If the disk has less room than the cases need.
        """
        if isinstance(self._cases, MemoryCases):
            todo = [number for number in range(len(self)) if number not in self._cases]
            n_missing = len(todo)
        else:
            todo, n_missing = list(range(len(self))), len(self._cases.missing())
        if n_missing:
            place = "memory" if isinstance(self._cases, MemoryCases) else str(self._cases.folder.path)
            _log.info("reading %d of %d cases into %s", n_missing, len(self), place)
        self._fill(todo, n_threads, Progress(len(todo), progress), on_error)
        if isinstance(self._cases, MemoryCases):
            self._cases.settle()

    def _fill(
        self,
        todo: list[int],
        n_threads: int,
        progress: Progress,
        on_error: Callable[[str, Exception], None] | None,
    ) -> None:
        """Read cases; those that another process is at come last."""
        for wait in (False, True):
            later = []
            with ThreadPoolExecutor(max(1, n_threads)) as pool:
                try:
                    for number, done in zip(
                        todo, pool.map(partial(self._try, wait=wait, on_error=on_error), todo), strict=True
                    ):
                        if done:
                            progress.one_more()
                        else:
                            later.append(number)
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    raise
            todo = later

    def _try(self, number: int, *, wait: bool, on_error: Callable[[str, Exception], None] | None) -> bool:
        """Keep a case if it can be read; if not, it is told to whoever listens, or when it is asked for."""
        try:
            return self._first_part(number, wait=wait) is not None or wait
        except (ArtifactError, NotKeptError):
            raise
        except Exception as error:
            _log.debug("case %d cannot be read", number, exc_info=True)
            if on_error is not None:
                if isinstance(error, EisenError):
                    error.note(case=self.case_name(number), file=self._file_of(number, error.card.field))
                on_error(self.case_name(number), error)
        return True

    def _where(self) -> MemoryCases | DiskCases:
        if self.folder is None or self.folder is False:
            return MemoryCases(len(self), self.memory_gb)
        if self.memory_gb is not None:
            raise ArgumentError(
                f"CachedDataset: memory_gb is {self.memory_gb} and folder is {self.folder!r}",
                expected="one of the two: cases are kept in memory or on disk",
            )
        steps = self.transform.transforms[: self.n_steps] if isinstance(self.transform, Compose) else []
        return DiskCases(cache_root(self.folder), self.dataset, steps, self.case_name, verify=self.verify)

    def _first_part(self, number: int, *, wait: bool = True) -> Any:
        """Return a case up to where it is kept, reading it if need be; the result is nobody else's."""
        if isinstance(self._cases, DiskCases):
            return self._cases.get(number, self._make, wait=wait)
        if number in self._cases:
            return self._cases.get(number)
        point = self._make(number)
        self._cases.keep(number, point)
        return point

    def _make(self, number: int) -> Any:
        point = self.read(number)
        if self.n_steps and isinstance(self.transform, Compose):
            return self.transform.part(point, stop=self.n_steps)
        return point

    def _rest(self, point: Any) -> DataPoint:
        if self.n_steps and isinstance(self.transform, Compose):
            return self.transform.part(point, start=self.n_steps)
        return self._transformed(point)


def _demand_the_same(dataset: Any) -> None:
    """Refuse a data set that gives something else in every epoch: patches that are drawn."""
    if getattr(dataset, "draws_anew", False):
        name = type(dataset).__name__
        raise ArgumentError(
            f"CachedDataset: {name} draws other places in every epoch, and what is kept would stay as it is",
            expected=f"the cache inside: {name} around CachedDataset, which keeps whole cases",
            to_do="or let the places be the same in every epoch: give it a seed",
        )
