"""Ctrl-C: the first asks the run to stop after the batch, the second stops it at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Interrupt"]


class Interrupt:
    """While it is entered, the first Ctrl-C calls a function instead of raising KeyboardInterrupt.

    The second Ctrl-C raises KeyboardInterrupt as usual. On leaving, the handler that was there before is back.
    Outside the main thread, where Python allows no handlers, it does nothing.

    Args:
        on_first: Called without arguments at the first Ctrl-C, in the main thread.

    Example:
        >>> with Interrupt(lambda: print("stopping after this batch")) as interrupt:
        ...     signal.raise_signal(signal.SIGINT)
        stopping after this batch
        >>> interrupt.requested
        True
    """

    def __init__(self, on_first: Callable[[], None]) -> None:
        self.requested = False
        self._on_first = on_first
        self._previous: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._previous is not None:
            signal.signal(signal.SIGINT, self._previous)
            self._previous = None

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        self._on_first()
