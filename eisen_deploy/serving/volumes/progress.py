"""How far a prediction is, in the log: a line for every tenth of the windows, and not too many of them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

__all__ = ["Progress"]

_log = logging.getLogger(__name__)
_TENTHS = 10
_SECONDS = 2.0


class Progress:
    """Writes lines about the windows that are done, when ten per cent more are and two seconds have passed.

    Args:
        name: Of the model.
        say: Takes a line; None: the log.
        clock: Tells the seconds.

    Example:
        >>> ticks = iter(range(0, 1000, 3))
        >>> progress = Progress("liver", say=print, clock=lambda: next(ticks))
        >>> for done in range(1, 4):
        ...     progress(done, 3)
        liver: 1 of 3 windows
        liver: 2 of 3 windows
        liver: 3 of 3 windows
    """

    def __init__(
        self, name: str, say: Callable[[str], None] | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._name, self._say, self._clock = name, say or _log.info, clock
        self._tenth, self._told = 0, clock()

    def __call__(self, done: int, total: int) -> None:
        """Take in that so many windows of so many are done."""
        tenth = _TENTHS * done // max(total, 1)
        if done <= 1 or tenth < self._tenth:  # the next block of a volume, or another attempt
            self._tenth = 0
        if tenth == self._tenth or (now := self._clock()) - self._told < _SECONDS:
            return
        self._tenth, self._told = tenth, now
        self._say(f"{self._name}: {done} of {total} windows")
