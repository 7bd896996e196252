"""Where the threads that read and the one that computes meet: what to do, what is done, and whose turn it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

__all__ = ["Desk", "Stopped"]

_LOOK_UP_S = 0.5
"""So often a thread that waits looks whether anybody still wants its work."""

_globals = threading.Lock()
"""Held by the one who uses the global generators; of all loaders together."""


class Stopped(BaseException):
    """Nobody wants the batch any more. No `Exception`, so that nothing on the way takes it for an error."""


class Desk:
    """Hands out tasks in order and takes the results, never more than a few ahead of what is wanted.

    The first case that is read is read by one thread alone: libraries are loaded while it is, which is not for two at
    a time.

    Args:
        tasks: What there is to do.
        ahead: How many results may be ready or under way.
        is_warm: Whether a case has been read before.
    """

    def __init__(self, tasks: Sequence[Any], ahead: int, *, is_warm: bool = False) -> None:
        self._tasks = tasks
        self._ahead = ahead
        self._changed = threading.Condition()
        self._n_taken = self._n_wanted = 0
        self._results: dict[int, tuple[Any, bool]] = {}
        self._consumer = threading.current_thread()
        self._is_warm, self._is_begun = is_warm, False
        self._is_stopped = self._waits = self._has_turn = False
        self._asking: set[int] = set()

    # What the threads that read call.

    def task(self) -> tuple[int, Any] | None:
        """Return the next task and its number; None when there is none left."""
        with self._changed:
            self._wait(lambda: self._n_taken <= self._n_wanted + self._ahead or self._is_stopped)
            if self._is_stopped or self._n_taken == len(self._tasks):
                return None
            number, self._n_taken = self._n_taken, self._n_taken + 1
        return number, self._tasks[number]

    def put(self, number: int, result: Any, failed: bool = False) -> None:
        """Hand a result in.

        Args:
            number: Number of the task.
            result: What came out, or the error.
            failed: Whether it is an error, to be raised where the result is wanted.
        """
        with self._changed:
            self._results[number] = (result, failed)
            self._is_warm = True
            self._changed.notify_all()

    def check(self, number: int) -> None:
        """Wait until the first case of all has been read; stop if nobody wants the batch any more.

        Args:
            number: Number of the task.
        """
        if self._is_warm and not self._is_stopped:
            return
        with self._changed:
            if number == 0:
                self._is_warm, self._is_begun = self._is_begun, True
                self._changed.notify_all()
            else:
                self._wait(lambda: self._is_warm)
            if self._is_stopped:
                raise Stopped

    @contextmanager
    def turn(self, number: int) -> Iterator[None]:
        """Be the only one, while the thread that computes waits for data; the first of the batches goes first.

        Args:
            number: Number of the task.
        """
        with self._changed:
            self._asking.add(number)
            try:
                self._wait(lambda: self._waits and not self._has_turn and number == min(self._asking))
                self._has_turn = True
            finally:
                self._asking.discard(number)
                self._changed.notify_all()
        try:
            with _globals:
                yield
        finally:
            with self._changed:
                self._has_turn = False
                self._changed.notify_all()

    # What the thread that computes calls.

    def result(self, number: int) -> Any:
        """Wait for a result, and return or raise it. Meanwhile code may run that must be alone.

        Args:
            number: Number of the task; they are asked for in order.
        """
        with self._changed:
            self._consumer = threading.current_thread()
            self._n_wanted, self._waits = number, True
            self._changed.notify_all()
            try:
                self._changed.wait_for(lambda: number in self._results)
            finally:
                self._waits = False
                self._changed.wait_for(lambda: not self._has_turn)
            result, failed = self._results.pop(number)
        try:
            if failed:
                raise result
            return result
        finally:
            del result  # else the error and this frame hold each other

    def stop(self) -> None:
        """Let all threads end as soon as they can."""
        with self._changed:
            self._is_stopped = True
            self._results.clear()
            self._changed.notify_all()

    @property
    def is_warm(self) -> bool:
        """Whether a case has been read."""
        return self._is_warm

    def _wait(self, until: Callable[[], bool]) -> None:
        while not until():
            if self._is_stopped or self._is_forsaken():
                raise Stopped
            self._changed.wait(_LOOK_UP_S)

    def _is_forsaken(self) -> bool:
        """Tell whether the program is at its end, without having closed the pass."""
        consumer = self._consumer
        return not threading.main_thread().is_alive() and (consumer.daemon or not consumer.is_alive())
