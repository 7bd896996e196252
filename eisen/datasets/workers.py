"""Processes that read batches ahead of time, and what to do when one of them dies."""

from __future__ import annotations

import multiprocessing.connection
import signal
import sys
import warnings
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.data import DataLoader, Sampler

from eisen._core.errors import DataError
from eisen._core.interrupts import interrupts_held
from eisen.datasets.pool import Pool
from eisen.datasets.reading import BatchKey, BatchReader
from eisen.datasets.shared_reader import Order, SharedReader

__all__ = ["Workers"]


_AHEAD = 2
"""So many batches are read ahead by each worker."""


class _Orders(Sampler[Order]):
    """The batches of the pass that begins next; persistent workers are told by it what to read, and where to.

    An order is made when a worker can take it, with the memory that is free then.
    """

    def __init__(self, pool: Pool) -> None:
        self.keys: Sequence[BatchKey] = ()
        self._pool = pool

    def __iter__(self) -> Iterator[Order]:
        self._pool.recall()
        for key in self.keys:
            yield Order(key, self._pool.offers(), self._pool.alive())


class Workers:
    """Processes that read batches ahead of time and live until the loader does.

    Args:
        reader: Reads one batch.
        n_workers: Number of processes, at least 1.
        start_method: How they start; None: ``"fork"`` on Linux, elsewhere what the system prefers.

    Attributes:
        lost: Whether a process has died; they are of no use then.
    """

    def __init__(self, reader: BatchReader, n_workers: int, start_method: str | None = None) -> None:
        self.lost = False
        self._pool = Pool(_AHEAD * n_workers + 3)  # with the one that arrives, the one in use, and the one before
        self._orders = _Orders(self._pool)
        with _any_number_allowed():
            self._loader: DataLoader[Any] = DataLoader(
                SharedReader(reader),
                batch_size=None,
                sampler=self._orders,
                num_workers=n_workers,
                prefetch_factor=_AHEAD,
                persistent_workers=True,
                collate_fn=_as_is,
                worker_init_fn=_ignore_interrupts,
                generator=torch.Generator(),  # else torch would draw from the generator of the model
                multiprocessing_context=start_method or ("fork" if sys.platform == "linux" else None),
            )
        # Keeps the loader out of the garbage when we are part of a cycle: a queue that is collected before its
        # workers have been told to end makes torch wait five seconds for each.
        weakref.finalize(self, _end, [self._loader], self._pool)

    def read(self, keys: Sequence[BatchKey]) -> Iterator[Any]:
        """Yield the batches or failures, in the order of the keys.

        Raises:
            DataError: If a process has died.
        """
        self._orders.keys = keys
        batches: Any = None
        try:
            with interrupts_held(), _any_number_allowed():
                batches = iter(self._loader)
                _watch_ourselves(batches)
            yield from map(self._pool.received, batches)
        except (RuntimeError, OSError, EOFError) as error:
            if "DataLoader worker" not in str(error) and not _is_cut_off(batches, error):
                raise
            self.lost = True
            raise _lost_worker(batches, error) from error


def _end(loaders: list[Any], pool: Pool) -> None:
    loaders.clear()
    pool.close()


def _as_is(batch: Any) -> Any:
    return batch


def _ignore_interrupts(worker: int) -> None:
    """Leave Ctrl-C to the main process, which ends the epoch in order."""
    del worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


@contextmanager
def _any_number_allowed() -> Iterator[None]:
    """Keep torch from warning about more workers than cores: the user has chosen."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "This DataLoader will create", UserWarning)
        yield


def _watch_ourselves(batches: Any) -> None:
    """Keep torch from raising in the middle of a training step when a worker dies.

    Its handler of SIGCHLD raises wherever the main process happens to be. Without it the death is noticed when the
    next batch is asked for, within five seconds, and reported by us.
    """
    if getattr(batches, "_worker_pids_set", False):
        torch._C._remove_worker_pids(id(batches))
        batches._worker_pids_set = False


def _is_cut_off(batches: Any, error: Exception) -> bool:
    """Tell whether an error came because a process died while it was handing something over."""
    if isinstance(error, RuntimeError):
        return False
    return bool(_ended(getattr(batches, "_workers", [])))


def _ended(processes: Sequence[Any]) -> list[Any]:
    """Return the processes that have come to their end, or do so within a second, with what they ended with."""
    if not processes:
        return []
    ready = multiprocessing.connection.wait([process.sentinel for process in processes], timeout=1.0)
    ended = [process for process in processes if process.sentinel in ready]
    for process in ended:
        process.join(1.0)  # its end is heard a moment before the system tells how it ended
    return ended


def _lost_worker(batches: Any, error: Exception) -> DataError:
    processes = getattr(batches, "_workers", [])
    _ended(processes)
    ends = [f"process {p.pid} ({_ending(p.exitcode)})" for p in processes if p.exitcode not in (None, 0)]
    return DataError(
        f"a data worker has died: {', '.join(ends) or error}",
        expected="workers that live until the last batch",
        to_do="most likely the memory was full: use fewer workers, a smaller batch or smaller patches; "
        "0 workers read in the main process and show more",
    )


def _ending(exitcode: int) -> str:
    if exitcode >= 0:
        return f"exit code {exitcode}"
    try:
        return f"killed by {signal.Signals(-exitcode).name}"
    except ValueError:
        return f"killed by signal {-exitcode}"
