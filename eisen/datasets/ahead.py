"""Who reads the batches of a pass: this process when one is asked for, or processes or threads ahead of time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import torch

from eisen.datasets.base import EisenDataset
from eisen.datasets.cached import CachedDataset
from eisen.datasets.choosing import choose
from eisen.datasets.reading import BatchKey, BatchReader, opened
from eisen.datasets.threads import Threads
from eisen.datasets.workers import Workers

__all__ = ["Ahead"]


class Ahead:
    """Reads the batches of a pass, one after the other. Processes stay for the next pass, and so does memory.

    Args:
        reader: Reads one batch.

    Example:
        >>> ahead = Ahead(BatchReader([{"number": n} for n in range(4)], seed=0))
        >>> [batch["number"].tolist() for batch in ahead.read([(0, (2, 0)), (0, (3, 1))], n_workers=2, kind="threads")]
        [[2, 0], [3, 1]]
    """

    def __init__(self, reader: BatchReader) -> None:
        self.reader = reader
        self._workers: Workers | None = None
        self._threads: Threads | None = None
        self._chosen: str | None = None

    def read(self, keys: Sequence[BatchKey], n_workers: int, kind: str) -> Iterator[Any]:
        """Yield the batches, or raise the error that came instead.

        Args:
            keys: Which ones.
            n_workers: Processes or threads that read ahead; 0: none. Those that there are already stay.
            kind: ``"processes"``, ``"threads"`` or ``"auto"``.
        """
        return self._read_ahead(keys, n_workers, kind) if n_workers else self._read_here(keys)

    def _read_here(self, keys: Sequence[BatchKey]) -> Iterator[Any]:
        for key in keys:
            yield opened(self._read_one(key))

    def _read_one(self, key: BatchKey) -> Any:
        with _one_thread():
            return self.reader[key]

    def _read_ahead(self, keys: Sequence[BatchKey], n: int, kind: str) -> Iterator[Any]:
        if kind == "auto":  # it is found out once, in the first pass
            kind = self._chosen = self._chosen or choose(self.reader, keys, n)
        yield from self._read_in_threads(keys, n) if kind == "threads" else self._read_in_processes(keys, n)

    def _read_in_threads(self, keys: Sequence[BatchKey], n: int) -> Iterator[Any]:
        threads = self._threads = self._threads or Threads(self.reader, n)
        with closing(threads.read(keys)) as batches:
            yield from map(opened, batches)

    def _read_in_processes(self, keys: Sequence[BatchKey], n: int) -> Iterator[Any]:
        if self._workers is None:
            with _one_thread():
                _fill(self.reader.dataset, n)
        # A pass that begins while another one is under way has workers of its own.
        workers, self._workers = self._workers or Workers(self.reader, n), None
        try:
            yield from map(opened, workers.read(keys))
        finally:
            if not workers.lost:
                self._workers = workers


def _fill(dataset: Any, n_threads: int) -> None:
    """Read what shall be kept in memory before processes start, so that they share it."""
    if isinstance(dataset, CachedDataset):
        dataset.fill(n_threads)
        return
    for inside in (getattr(dataset, "dataset", None), *getattr(dataset, "datasets", ())):
        if isinstance(inside, EisenDataset):
            _fill(inside, n_threads)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Compute with one thread, like a worker: sums in torch depend on the number of threads in their last bits."""
    n = torch.get_num_threads()
    if n == 1:
        yield
        return
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n)
