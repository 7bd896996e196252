"""Threads that read batches ahead of time into memory that is used again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch

from eisen._core.turns import strangers
from eisen.datasets.desk import Desk, Stopped
from eisen.datasets.reading import BatchKey, BatchReader
from eisen.datasets.ring import Ring
from eisen.datasets.slot_reader import TurnReader

__all__ = ["Threads", "started"]

_log = logging.getLogger(__name__)
_AHEAD = 2
"""So many batches may be ready while as many as there are threads are being read."""


class Threads:
    """Threads that read batches ahead of time. Each pass has its own ones; the memory of the batches stays.

    Args:
        reader: Reads one batch.
        n_threads: Number of threads, at least 1.
    """

    def __init__(self, reader: BatchReader, n_threads: int) -> None:
        self._reader = reader
        self._n = n_threads
        self._ring = Ring(n_threads + _AHEAD + 2)  # with the one in use, and the one before that is about to go
        self._strangers: list[str] = []
        self._is_warm = False

    def read(self, keys: Sequence[BatchKey]) -> Generator[Any, None, None]:
        """Yield the batches or failures, in the order of the keys.

        Args:
            keys: What to read.
        """
        self._tell_of_strangers()
        desk = Desk(keys, self._n + _AHEAD, is_warm=self._is_warm)
        known: dict[int, tuple[Any, bool]] = {}
        with started(partial(_work, desk, partial(self._batch, desk, known)), min(self._n, len(keys)), desk.stop):
            for number in range(len(keys)):
                yield desk.result(number)
                self._is_warm = True

    def _batch(self, desk: Desk, known: dict[int, tuple[Any, bool]], number: int, key: BatchKey) -> Any:
        turn = partial(desk.turn, number)
        return TurnReader(self._reader, self._ring, turn, partial(desk.check, number), known)[key]

    def _tell_of_strangers(self) -> None:
        found = strangers(self._reader.dataset, inside_chains=True)
        if found and found != self._strangers:
            _log.warning(
                "%s may use the global random numbers, or remember something: it runs in one thread at a time, while "
                "the training waits for data. Use processes, or say that it does not: thread_safe = True",
                ", ".join(found),
            )
        self._strangers = found


@contextmanager
def started(work: Callable[[], None], n: int, stop: Callable[[], None]) -> Iterator[None]:
    """Run a function in some threads during a block; each computes with one thread, like a process that reads.

    Args:
        work: What each thread does.
        n: How many.
        stop: Called at the end, to make them end.
    """
    before, ready = torch.get_num_threads(), threading.Barrier(n + 1)
    threads = [_Reader(target=_alone, args=(ready, work), name=f"eisen data {number}") for number in range(n)]
    try:
        _start(threads, ready)
        torch.set_num_threads(before)  # else the threads that others start later would have one, too
        yield
    finally:
        stop()
        for thread in threads:
            # The garbage collector may end a pass in one of its own threads, or in one that another one waits for.
            if thread.ident is not None and not isinstance(threading.current_thread(), _Reader):
                thread.join()


class _Reader(threading.Thread):
    """A thread that reads. No daemon: Python would stop it in the middle of a library's code at the end."""


def _start(threads: Sequence[threading.Thread], ready: threading.Barrier) -> None:
    """Return when all threads are about to work; if one cannot be started, the others end."""
    try:
        for thread in threads:
            thread.start()
        ready.wait()
    except BaseException:
        ready.abort()
        raise


def _alone(ready: threading.Barrier, work: Callable[[], None]) -> None:
    torch.get_num_threads()  # else torch would set the number again, at its first use in this thread
    torch.set_num_threads(1)
    try:
        ready.wait()
    except threading.BrokenBarrierError:
        return
    work()


def _work(desk: Desk, read: Callable[[int, BatchKey], Any]) -> None:
    """Read batches until there is nothing left to do."""
    try:
        while (task := desk.task()) is not None:
            _do(desk, read, *task)
    except Stopped:
        return


def _do(desk: Desk, read: Callable[[int, BatchKey], Any], number: int, key: BatchKey) -> None:
    try:
        desk.put(number, read(number, key))
    except Stopped:
        raise
    except BaseException as error:
        desk.put(number, error, failed=True)
