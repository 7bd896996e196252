"""Batches of cases: the same ones whatever the number of worker processes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

from eisen._core.errors import ArgumentError, EmptyDatasetError
from eisen.datasets.reading import BatchKey, BatchReader, opened
from eisen.datasets.workers import Workers

__all__ = ["Loader"]

_log = logging.getLogger(__name__)


class Loader:
    """Reads a data set in batches, again and again, one pass per epoch.

    The order of the cases and all random numbers of their transforms depend on the seed, the epoch and the case
    alone. So 0, 1 and 4 workers give the same batches, bit for bit, and a run that was interrupted continues with
    the batches it would have had. Transforms of other libraries, which use the global generators of Python, NumPy
    or torch, are covered; the model's own random numbers are not disturbed.

    What goes wrong in a worker is raised here as the same error with the same card.

    Args:
        dataset: Any data set with a length, an index, and dicts as items.
        batch_size: Cases per batch.
        shuffle: Whether each epoch has its own order; else the order of the data set.
        n_workers: Processes that read ahead; 0 reads in this process. They start with the first pass, see the data
            set as it is then, and stay.
        seed: First part of what the order and the random numbers depend on; 0 or more.
        drop_last: Leave out the last batch if it is smaller than the others.
        collate: Turns a list of data points into a batch. None: arrays and tensors are stacked, numbers become a
            tensor, text, geometry and None stay a list.

    Raises:
        ArgumentError: If `batch_size`, `n_workers` or `seed` is out of range.
        EmptyDatasetError: If there is no case, or no complete batch with `drop_last`.

    Example:
        >>> from eisen.datasets import ListDataset
        >>> cases = ListDataset([{"image": np.full((1, 2, 2), n), "name": f"case {n}"} for n in range(5)])
        >>> [batch["image"].shape[0] for batch in Loader(cases, batch_size=2)]
        [2, 2, 1]
        >>> next(iter(Loader(cases, batch_size=2, shuffle=True))).cases
        ['#0', '#3']
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 4,
        *,
        shuffle: bool = False,
        n_workers: int = 0,
        seed: int = 0,
        drop_last: bool = False,
        collate: Callable[[list[Any]], Any] | None = None,
    ) -> None:
        for name, value, least in (("batch_size", batch_size, 1), ("n_workers", n_workers, 0), ("seed", seed, 0)):
            if not isinstance(value, int) or value < least:
                raise ArgumentError(f"Loader: {name} is {value!r}", expected=f"a whole number, {least} or more")
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.n_workers = n_workers
        self.seed = seed
        self.drop_last = drop_last
        self._reader = BatchReader(dataset, seed, collate)
        self._workers: Workers | None = None
        self._next_epoch = 0
        self._skipped = 0
        self._check_size(len(dataset))

    def __len__(self) -> int:
        """Return the number of batches in a pass."""
        n = len(self.dataset)
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def set_epoch(self, epoch: int) -> None:
        """Say which epoch the next pass is; without it, each pass is one epoch after the last.

        Args:
            epoch: 0 or more.
        """
        self._next_epoch = int(epoch)

    def start_at(self, batch: int) -> None:
        """Let the next pass begin with a later batch; the ones before are not read. Later passes are complete.

        Args:
            batch: Number of batches to leave out, from 0.
        """
        if not 0 <= batch <= len(self):
            raise ArgumentError(f"start_at: batch is {batch}", expected=f"a number from 0 to {len(self)}")
        self._skipped = batch

    def __iter__(self) -> Iterator[Any]:
        """Begin a pass."""
        keys = self._keys(self._next_epoch)[self._skipped :]
        self._next_epoch, self._skipped = self._next_epoch + 1, 0
        return self._read_ahead(keys) if self.n_workers else self._read_here(keys)

    def _keys(self, epoch: int) -> list[BatchKey]:
        """Return which cases are in which batch of an epoch."""
        order = np.arange(len(self.dataset))
        if self.shuffle:
            seeds = np.random.SeedSequence((self.seed, epoch), spawn_key=(0,))  # none that a case has
            order = np.random.default_rng(seeds).permutation(order)
        size = self.batch_size
        return [(epoch, tuple(order[n * size : (n + 1) * size].tolist())) for n in range(len(self))]

    def _read_here(self, keys: Sequence[BatchKey]) -> Iterator[Any]:
        for key in keys:
            yield opened(self._read_one(key))

    def _read_one(self, key: BatchKey) -> Any:
        with _one_thread():
            return self._reader[key]

    def _read_ahead(self, keys: Sequence[BatchKey]) -> Iterator[Any]:
        # A pass that begins while another one is under way has workers of its own.
        workers, self._workers = self._workers or Workers(self._reader, self.n_workers), None
        try:
            yield from map(opened, workers.read(keys))
        finally:
            if not workers.lost:
                self._workers = workers

    def _check_size(self, n_cases: int) -> None:
        if n_cases == 0:
            raise EmptyDatasetError(
                "the data set has no cases",
                expected="at least one case",
                to_do="check the folder, the list of cases and the phase of the data set",
            )
        if n_cases >= self.batch_size:
            return
        if self.drop_last:
            raise EmptyDatasetError(
                f"the data set has {n_cases} cases and a batch {self.batch_size}: drop_last leaves nothing",
                expected=f"at least {self.batch_size} cases",
                to_do=f"use a batch size of at most {n_cases}, or drop_last=False",
            )
        _log.warning("the data set has %d cases: the only batch is smaller than %d", n_cases, self.batch_size)


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
