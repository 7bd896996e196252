"""Processes that read batches ahead of time, and what to do when one of them dies."""

from __future__ import annotations

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
from eisen.datasets.reading import BatchKey, BatchReader

__all__ = ["Workers"]


class _Keys(Sampler[BatchKey]):
    """The batches of the pass that begins next; persistent workers are told by it what to read."""

    def __init__(self) -> None:
        self.keys: Sequence[BatchKey] = ()

    def __iter__(self) -> Iterator[BatchKey]:
        return iter(self.keys)


class Workers:
    """Processes that read batches ahead of time and live until the loader does.

    Args:
        reader: Reads one batch.
        n_workers: Number of processes, at least 1.

    Attributes:
        lost: Whether a process has died; they are of no use then.
    """

    def __init__(self, reader: BatchReader, n_workers: int) -> None:
        self.lost = False
        self._keys = _Keys()
        with _any_number_allowed():
            self._loader: DataLoader[Any] = DataLoader(
                reader,
                batch_size=None,
                sampler=self._keys,
                num_workers=n_workers,
                persistent_workers=True,
                collate_fn=_as_is,
                worker_init_fn=_ignore_interrupts,
                generator=torch.Generator(),  # else torch would draw from the generator of the model
                multiprocessing_context="fork" if sys.platform == "linux" else None,
            )
        # Keeps the loader out of the garbage when we are part of a cycle: a queue that is collected before its
        # workers have been told to end makes torch wait five seconds for each.
        weakref.finalize(self, [self._loader].clear)

    def read(self, keys: Sequence[BatchKey]) -> Iterator[Any]:
        """Yield the batches or failures, in the order of the keys.

        Raises:
            DataError: If a process has died.
        """
        self._keys.keys = keys
        batches: Any = None
        try:
            with interrupts_held(), _any_number_allowed():
                batches = iter(self._loader)
                _watch_ourselves(batches)
            yield from batches
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            self.lost = True
            raise _lost_worker(batches, error) from error


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


def _lost_worker(batches: Any, error: RuntimeError) -> DataError:
    processes = getattr(batches, "_workers", [])
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
