"""Batches of cases: the same ones whatever the number of worker processes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from eisen._core.errors import ArgumentError, EmptyDatasetError
from eisen._core.types import Batch
from eisen.datasets.base import EisenDataset
from eisen.datasets.cached import CachedDataset
from eisen.datasets.choosing import KINDS, choose
from eisen.datasets.reading import BatchKey, BatchReader, opened
from eisen.datasets.sampling import CaseSampler
from eisen.datasets.sharing import Division, Share
from eisen.datasets.threads import Threads
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
        shuffle: Whether each epoch has its own order; else the order of the data set. A data set with a method
            ``epoch_order(seed, epoch)`` says itself what that order is.
        sampler: Chooses the cases of each epoch and their order, e.g. `BalancedSampler`; then `shuffle` does nothing.
            A case that is drawn again in an epoch has other random numbers each time.
        n_workers: Processes or threads that read ahead; 0 reads in this process. Processes start with the first
            pass, see the data set as it is then, and stay; threads start with each pass and end with it.
        seed: First part of what the order and the random numbers depend on; 0 or more.
        drop_last: Leave out the last batch if it is smaller than the others.
        collate: Turns a list of data points into a batch. None: arrays and tensors are stacked, numbers become a
            tensor, text, geometry and None stay a list.
        workers: What reads ahead: ``"processes"``; ``"threads"``, which hand over without a copy and start at once, but
            run code of others one at a time; or ``"auto"``, which reads a few cases to find out what is faster.

    Raises:
        ArgumentError: If `batch_size`, `n_workers` or `seed` is out of range, or `workers` is something else.
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
        sampler: CaseSampler | None = None,
        workers: Literal["processes", "threads", "auto"] = "processes",
    ) -> None:
        for name, value, least in (("batch_size", batch_size, 1), ("n_workers", n_workers, 0), ("seed", seed, 0)):
            if not isinstance(value, int) or value < least:
                raise ArgumentError(f"Loader: {name} is {value!r}", expected=f"a whole number, {least} or more")
        if workers not in KINDS:
            raise ArgumentError(f"Loader: workers is {workers!r}", expected=f"one of {', '.join(map(repr, KINDS))}")
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.n_workers = n_workers
        self.seed = seed
        self.drop_last = drop_last
        self.sampler = sampler
        self.workers = workers
        self._reader = BatchReader(dataset, seed, collate)
        self._workers: Workers | None = None
        self._threads: Threads | None = None
        self._chosen: str | None = None
        self._next_epoch = 0
        self._skipped = 0
        self._division: Division | None = None
        self._check_size(self._n_samples if len(dataset) else 0)

    def __len__(self) -> int:
        """Return the number of batches in a pass, those of other processes included."""
        n = self._n_samples
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

    def divide(self, rank: int, n_ranks: int, by: str = "cases", *, even: bool = False) -> None:
        """Read only the part of one of several processes that train together.

        The cases of a batch, their order and their random numbers stay what they are with one process. Each batch
        then has an attribute ``share``, see `eisen.datasets.sharing.Share`.

        Args:
            rank: Number of this process, from 0.
            n_ranks: How many there are; 1 reads everything.
            by: ``"cases"``: a part of every batch, for training. A process that gets no case of a small batch reads
                its first one, which does not count. ``"batches"``: whole batches, in turns.
            even: With ``"batches"``: as many for every process; those too many do not count.

        Raises:
            ArgumentError: If a value is out of range.

        Example:
            >>> from eisen.datasets import ListDataset
            >>> loader = Loader(ListDataset([{"number": n} for n in range(5)]), batch_size=4)
            >>> loader.divide(rank=1, n_ranks=2)
            >>> [(batch["number"].tolist(), batch.share.weight) for batch in loader]
            [([1, 3], 1.0), ([4], 0.0)]
        """
        division = Division(rank, n_ranks, by, even)
        self._division = division if n_ranks > 1 else None

    def after(self, number: int) -> int:
        """Return how many batches of a pass all processes are done with when this one is done with one.

        Args:
            number: Number of the batch in the pass.
        """
        turns = 1 if self._division is None or self._division.by == "cases" else self._division.n_ranks
        return min((number // turns + 1) * turns, len(self))

    def __iter__(self) -> Iterator[Any]:
        """Begin a pass."""
        keys, first = self._keys(self._next_epoch), self._skipped
        self._next_epoch, self._skipped = self._next_epoch + 1, 0
        if self._division is None:
            return self._read(keys[first:])
        return self._read_shares(list(self._division.shares(keys, first)))

    def _read(self, keys: Sequence[BatchKey]) -> Iterator[Any]:
        return self._read_ahead(keys) if self.n_workers else self._read_here(keys)

    def _read_shares(self, shares: Sequence[tuple[BatchKey, Share]]) -> Iterator[Any]:
        for batch, (_, share) in zip(self._read([key for key, _ in shares]), shares, strict=True):
            if isinstance(batch, Batch):
                batch.share = share
            yield batch

    def _keys(self, epoch: int) -> list[BatchKey]:
        """Return which cases are in which batch of an epoch."""
        order = self._order(epoch)
        size = self.batch_size
        return [(epoch, tuple(order[n * size : (n + 1) * size].tolist())) for n in range(len(self))]

    @property
    def _n_samples(self) -> int:
        return len(self.dataset) if self.sampler is None else self.sampler.n_draws(self.dataset)

    def _order(self, epoch: int) -> npt.NDArray[np.int64]:
        """Return the samples of an epoch: numbers of cases; for those drawn again see `numbered_draws`."""
        seeds = np.random.SeedSequence((self.seed, epoch), spawn_key=(0,))  # none that a case has
        rng = np.random.default_rng(seeds)
        if self.sampler is not None:
            drawn = np.asarray(self.sampler.draw(self.dataset, rng), dtype=np.int64)
            self._check_draw(drawn)
            return numbered_draws(drawn, len(self.dataset))
        if self.shuffle and callable(wanted := getattr(self.dataset, "epoch_order", None)):
            return self._checked_order(np.asarray(wanted(self.seed, epoch), dtype=np.int64))
        order = np.arange(len(self.dataset))
        return rng.permutation(order) if self.shuffle else order

    def _checked_order(self, order: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        n = len(self.dataset)
        if len(order) != n or not np.array_equal(np.sort(order), np.arange(n)):
            raise ArgumentError(
                f"epoch_order of {type(self.dataset).__name__} gives {len(order)} numbers",
                expected=f"every number from 0 to {n - 1} once",
            )
        return order

    def _check_draw(self, drawn: npt.NDArray[np.int64]) -> None:
        n, expected = len(self.dataset), self._n_samples
        if len(drawn) != expected or (len(drawn) and not 0 <= drawn.min() <= drawn.max() < n):
            lowest, highest = drawn.min(initial=n), drawn.max(initial=0)
            raise ArgumentError(
                f"{type(self.sampler).__name__} drew {len(drawn)} cases, {lowest} to {highest}",
                expected=f"{expected} numbers from 0 to {n - 1}",
                to_do="let draw() return as many indices as n_draws() says",
            )

    def _read_here(self, keys: Sequence[BatchKey]) -> Iterator[Any]:
        for key in keys:
            yield opened(self._read_one(key))

    def _read_one(self, key: BatchKey) -> Any:
        with _one_thread():
            return self._reader[key]

    def _read_ahead(self, keys: Sequence[BatchKey]) -> Iterator[Any]:
        if self._kind(keys) == "threads":
            yield from self._read_in_threads(keys)
        else:
            yield from self._read_in_processes(keys)

    def _kind(self, keys: Sequence[BatchKey]) -> str:
        """Return what reads ahead; it is found out once, in the first pass."""
        if self.workers != "auto":
            return self.workers
        if self._chosen is None:
            self._chosen = choose(self._reader, keys, self.n_workers)
        return self._chosen

    def _read_in_threads(self, keys: Sequence[BatchKey]) -> Iterator[Any]:
        threads = self._threads = self._threads or Threads(self._reader, self.n_workers)
        with closing(threads.read(keys)) as batches:
            yield from map(opened, batches)

    def _read_in_processes(self, keys: Sequence[BatchKey]) -> Iterator[Any]:
        if self._workers is None:
            with _one_thread():
                _fill(self.dataset, self.n_workers)
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


def _fill(dataset: Any, n_threads: int) -> None:
    """Read what shall be kept in memory before processes start, so that they share it."""
    if isinstance(dataset, CachedDataset):
        dataset.fill(n_threads)
        return
    for inside in (getattr(dataset, "dataset", None), *getattr(dataset, "datasets", ())):
        if isinstance(inside, EisenDataset):
            _fill(inside, n_threads)


def numbered_draws(drawn: npt.NDArray[np.int64], n_cases: int) -> npt.NDArray[np.int64]:
    """Tell repeated draws of a case apart: the second one of case 3 of 10 is sample 13, the third one sample 23.

    Random numbers depend on the number of the sample, so each draw has its own.

    Args:
        drawn: Numbers of cases.
        n_cases: Cases in the data set.

    Example:
        >>> numbered_draws(np.array([3, 1, 3, 3]), 10).tolist()
        [3, 1, 13, 23]
    """
    if len(np.unique(drawn)) == len(drawn):
        return drawn
    by_case = np.argsort(drawn, kind="stable")
    first = np.searchsorted(drawn[by_case], drawn[by_case])  # where the draws of the same case begin
    samples = drawn.copy()
    samples[by_case] += n_cases * (np.arange(len(drawn)) - first)
    return samples


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
