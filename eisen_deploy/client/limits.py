"""How long a call may take."""

from __future__ import annotations

import time
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import isfinite

from eisen._core.errors import ArgumentError

__all__ = ["CLOCK", "Clock", "Limits"]


@dataclass(frozen=True)
class Limits:
    """How long a call may take, in seconds. There is always a limit: some servers never answer.

    Args:
        total: For everything: connecting, sending, the prediction, the answer, attempts and the pauses between them.
        connect: Until a connection is made.
        silence: Between two pieces while a body or an answer is on its way; the prediction itself is silent.

    Raises:
        ArgumentError: If one is not a positive number.

    Example:
        >>> Limits(total=5).connect
        5
    """

    total: float = 600.0
    connect: float = 10.0
    silence: float = 60.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not isfinite(value) or value <= 0:
                raise ArgumentError(
                    f"the limit {name!r} is {value!r}", expected="seconds, more than 0; there is always a limit"
                )
        for name in ("connect", "silence"):
            object.__setattr__(self, name, min(getattr(self, name), self.total))


@dataclass
class Clock:
    """The clock of one call.

    Args:
        limits: How long it may take.

    Example:
        >>> Clock(Limits(total=60)).left() > 59
        True
    """

    limits: Limits
    started: float = field(default_factory=time.monotonic)

    def left(self) -> float:
        """How many seconds are left; never 0, which would mean 'without a limit' to sockets."""
        return max(self.limits.total - self.taken(), 0.001)

    def taken(self) -> float:
        """How many seconds went by."""
        return time.monotonic() - self.started

    def is_over(self) -> bool:
        """Whether the time is up."""
        return self.taken() >= self.limits.total

    def connecting(self) -> float:
        """The limit for making a connection."""
        return min(self.limits.connect, self.left())

    def moving(self) -> float:
        """The limit until the next piece moves."""
        return min(self.limits.silence, self.left())


CLOCK: ContextVar[Clock | None] = ContextVar("CLOCK", default=None)
"""The clock of the call that is going on in this thread."""
