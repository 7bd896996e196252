"""What the loader logs about its choice between threads and processes, passed on to whoever watches a run."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["hearing"]

_CHOICES = logging.getLogger("eisen.datasets.choosing")


class _Handler(logging.Handler):
    def __init__(self, tell: Callable[[str], None]) -> None:
        super().__init__(logging.INFO)
        self._tell = tell

    def emit(self, record: logging.LogRecord) -> None:
        self._tell(record.getMessage())


@contextmanager
def hearing(tell: Callable[[str], None] | None) -> Iterator[None]:
    """Pass on, meanwhile, what is logged when a loader with ``workers="auto"`` has made its choice.

    Args:
        tell: Is called with the line. None: nobody listens, and the log goes where it goes.

    Example:
        >>> with hearing(print):
        ...     _CHOICES.info("%s read the data", "threads")
        threads read the data
    """
    if tell is None:
        yield
        return
    handler, level = _Handler(tell), _CHOICES.level
    _CHOICES.addHandler(handler)
    _CHOICES.setLevel(min(_CHOICES.getEffectiveLevel(), logging.INFO))
    try:
        yield
    finally:
        _CHOICES.removeHandler(handler)
        _CHOICES.setLevel(level)
