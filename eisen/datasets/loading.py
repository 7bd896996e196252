"""Batches of cases: the same ones whatever the number of worker processes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from eisen._core.errors import ArgumentError
from eisen._core.types import Batch
from eisen.datasets.ahead import Ahead
from eisen.datasets.choosing import KINDS
from eisen.datasets.epoch_order import check_size, samples_of
from eisen.datasets.reading import BatchKey, BatchReader
from eisen.datasets.sampling import CaseSampler
from eisen.datasets.sharing import Division, Share

__all__ = ["Loader"]


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
        workers: What reads ahead: ``"processes"``; ``"threads"``, which start at once and share what is in memory, but
            run code of others one at a time; or ``"auto"``, which reads a few cases to find out what is faster.

    Raises:
        ArgumentError: If `batch_size`, `n_workers` or `seed` is out of range, or `workers` is something else.
        EmptyDatasetError: If there is no case, or no complete batch with `drop_last`.

    Example:
        >>> import numpy as np
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
        self._ahead = Ahead(self._reader)
        self._next_epoch = 0
        self._skipped = 0
        self._division: Division | None = None
        check_size(self._n_samples if len(dataset) else 0, batch_size, drop_last)

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
        return self._ahead.read(keys, self.n_workers, self.workers)

    def _read_here(self, keys: Sequence[BatchKey]) -> Iterator[Any]:
        """Read batches in this process, whatever reads the others: what a dry run wants."""
        return self._ahead.read(keys, 0, self.workers)

    def _read_shares(self, shares: Sequence[tuple[BatchKey, Share]]) -> Iterator[Any]:
        for batch, (_, share) in zip(self._read([key for key, _ in shares]), shares, strict=True):
            if isinstance(batch, Batch):
                batch.share = share
            yield batch

    def _keys(self, epoch: int) -> list[BatchKey]:
        """Return which cases are in which batch of an epoch."""
        order = samples_of(self.dataset, self.seed, epoch, self.sampler, self.shuffle)
        size = self.batch_size
        return [(epoch, tuple(order[n * size : (n + 1) * size].tolist())) for n in range(len(self))]

    @property
    def _n_samples(self) -> int:
        return len(self.dataset) if self.sampler is None else self.sampler.n_draws(self.dataset)
