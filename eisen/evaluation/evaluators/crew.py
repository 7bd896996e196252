"""The same work for many items, in several processes, results in the order of the items."""

from __future__ import annotations

import multiprocessing
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from eisen._core.errors import ArgumentError, EisenError
from eisen._core.interrupts import interrupts_held

__all__ = ["in_order"]

_T = TypeVar("_T")
_AHEAD = 3
"""Items per process that wait or work, so that a list of arrays is not copied as a whole."""

_work: Callable[[Any], Any] | None = None


def in_order(work: Callable[[_T], Any], items: Iterable[_T], n_workers: int) -> Iterator[tuple[_T, Any]]:
    """Yield each item with its result, or with the exception that it raised.

    Args:
        work: A function or bound method; with several processes it is copied to each of them once.
        items: Taken as they are needed.
        n_workers: Processes; 1: this one.

    Raises:
        ArgumentError: If there is not at least one.

    Example:
        >>> list(in_order(len, ["a", "bc"], 1))
        [('a', 1), ('bc', 2)]
    """
    if not isinstance(n_workers, int) or n_workers < 1:
        raise ArgumentError(f"n_workers is {n_workers!r}", expected="a whole number from 1")
    if n_workers == 1:
        for item in items:
            yield item, _tried(lambda item=item: work(item))  # type: ignore[misc]
        return
    yield from _shared(work, items, n_workers)


def _shared(work: Callable[[_T], Any], items: Iterable[_T], n_workers: int) -> Iterator[tuple[_T, Any]]:
    pool = ProcessPoolExecutor(n_workers, _context(), initializer=_begin, initargs=(work,))
    waiting: deque[tuple[_T, Future[Any]]] = deque()
    source = iter(items)
    try:
        while True:
            while len(waiting) < _AHEAD * n_workers and (item := next(source, None)) is not None:
                with interrupts_held():
                    waiting.append((item, pool.submit(_do, item.plain() if hasattr(item, "plain") else item)))
            if not waiting:
                return
            done, future = waiting.popleft()
            yield done, _tried(future.result)
    finally:
        pool.shutdown(cancel_futures=True)


def _tried(result: Callable[[], Any]) -> Any:
    try:
        return result()
    except BrokenProcessPool as error:
        told = EisenError("a process ended that measured a case", to_do="memory may be short: use fewer processes (-j)")
        told.__cause__ = error
        raise told from error
    except Exception as error:
        return error


def _context() -> Any:
    """Return how processes start: as copies of this one where that is safe, as they start in no time."""
    alone = threading.active_count() == 1 and "torch" not in sys.modules
    return multiprocessing.get_context("fork" if sys.platform == "linux" and alone else "spawn")


def _begin(work: Callable[[Any], Any]) -> None:
    global _work
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the main process ends all
    _work = work


def _do(item: Any) -> Any:
    assert _work is not None
    return _work(item)
