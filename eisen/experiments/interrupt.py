"""Ctrl-C and SIGTERM: the first asks the run to stop after the batch, the second stops it at once."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from time import monotonic
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Interrupt"]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupt:
    """While it is entered, the first Ctrl-C calls a function instead of raising KeyboardInterrupt.

    SIGTERM, which batch systems send some time before they kill a job, counts as Ctrl-C.
    The second Ctrl-C raises KeyboardInterrupt as usual. On leaving, the handler that was there before is back.
    Outside the main thread, where Python allows no handlers, it does nothing.

    Args:
        on_first: Called without arguments at the first Ctrl-C, in the main thread.
        deaf_seconds: For so long after the first, further ones do not count: torchrun passes on to its processes what
            the terminal has sent them already.

    Example:
        >>> with Interrupt(lambda: print("stopping after this batch")) as interrupt:
        ...     signal.raise_signal(signal.SIGINT)
        stopping after this batch
        >>> interrupt.requested
        True
    """

    def __init__(self, on_first: Callable[[], None], deaf_seconds: float = 0.0) -> None:
        self.requested = False
        self._deaf_seconds, self._heard = deaf_seconds, 0.0
        self._on_first = on_first
        self._previous: dict[int, Any] = {}

    def request(self) -> None:
        """Ask the run to stop as the first Ctrl-C does; nothing is called for it.

        Example:
            >>> interrupt = Interrupt(lambda: None)
            >>> interrupt.request()
            >>> interrupt.requested
            True
        """
        if not self.requested:
            self.requested, self._heard = True, monotonic()

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._previous = {number: signal.signal(number, self._handle) for number in _SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)
        self._previous = {}

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.requested and monotonic() - self._heard < self._deaf_seconds:
            return
        if self.requested:
            raise KeyboardInterrupt
        self.request()
        self._on_first()
