"""How far the filling of a cache is, and how long it will take."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

__all__ = ["Progress", "spoken"]

_log = logging.getLogger("eisen.cache")
_EVERY_SECONDS = 10.0


class Progress:
    """Counts cases; tells how many are done and how long the others will take.

    Args:
        n_cases: How many there are to do.
        listener: Told after each case: done, all, seconds left.

    Example:
        >>> progress = Progress(2, lambda done, n_cases, seconds: print(done, n_cases))
        >>> progress.one_more()
        1 2
    """

    def __init__(self, n_cases: int, listener: Callable[[int, int, float], None] | None = None) -> None:
        self._n_cases, self._listener = n_cases, listener
        self._done = 0
        self._start = self._told = time.monotonic()

    def one_more(self) -> None:
        """Count one case."""
        self._done += 1
        now = time.monotonic()
        left = (now - self._start) / self._done * (self._n_cases - self._done)
        if self._listener is not None:
            self._listener(self._done, self._n_cases, left)
        if now - self._told >= _EVERY_SECONDS and self._done < self._n_cases:
            self._told = now
            _log.info("%d of %d cases are read, about %s left", self._done, self._n_cases, spoken(left))


def spoken(seconds: float) -> str:
    """Return a duration as people say it.

    Example:
        >>> spoken(3.2), spoken(95), spoken(7300)
        ('3 s', '2 min', '2.0 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 3600 else f"{seconds / 3600:.1f} h"
