"""Whether a process that wrote its number somewhere is still there, and still the same one."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["ProcessMark", "mark_of"]

_SLACK_SECONDS = 2.0
"""By so much may two processes disagree about when a third has started: the clock is read in ticks."""


@dataclass(frozen=True)
class ProcessMark:
    """What tells a process apart from all others, also after its number was given to another one.

    Args:
        pid: Its number.
        host: Name of its machine.
        started: When it started, in seconds since 1970.
    """

    pid: int
    host: str
    started: float

    @classmethod
    def read(cls, facts: Mapping[str, Any]) -> ProcessMark | None:
        """Return the mark in ``progress.json`` or ``process.json``; None when there is none."""
        pid, host, started = facts.get("pid"), facts.get("host"), facts.get("process_started")
        if not isinstance(pid, int) or pid <= 0 or not isinstance(host, str) or not isinstance(started, (int, float)):
            return None
        return cls(pid, host, float(started))

    def is_same(self, other: ProcessMark) -> bool:
        """Whether it is the same process as another."""
        return (self.pid, self.host) == (other.pid, other.host) and abs(self.started - other.started) < _SLACK_SECONDS

    @property
    def is_here(self) -> bool:
        """Whether it runs, or ran, on this machine."""
        return self.host == platform.node()

    @property
    def is_alive(self) -> bool | None:
        """Whether it still runs; None when that cannot be known, as on another machine."""
        if not self.is_here:
            return None
        import psutil

        try:
            process = psutil.Process(self.pid)
            is_same = abs(process.create_time() - self.started) < _SLACK_SECONDS
            return bool(is_same and process.status() != psutil.STATUS_ZOMBIE)
        except psutil.NoSuchProcess:
            return False
        except psutil.Error:
            return None

    def facts(self) -> dict[str, Any]:
        """Return it as it is written down."""
        return {"pid": self.pid, "host": self.host, "process_started": self.started}


def mark_of(pid: int) -> ProcessMark | None:
    """Return the mark of a process of this machine; None when it is gone already.

    Example:
        >>> import os
        >>> mark_of(os.getpid()).is_alive
        True
    """
    import psutil

    try:
        return ProcessMark(pid, platform.node(), psutil.Process(pid).create_time())
    except psutil.Error:
        return None
