"""How much memory a step takes, and how much there is."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep

import psutil

__all__ = ["Peak", "available_bytes", "resident_bytes", "resident_peak"]

_EVERY_S = 0.001
_CGROUP = Path("/sys/fs/cgroup")


@dataclass
class Peak:
    """The highest memory while something ran.

    Args:
        n_bytes: Bytes.
    """

    n_bytes: int = 0


def resident_bytes() -> int:
    """Return how much memory this process has now.

    Example:
        >>> resident_bytes() > 1_000_000
        True
    """
    return int(psutil.Process().memory_info().rss)


def available_bytes() -> int:
    """Return how much more memory this process can take: what the machine has left, or the limit of a container.

    Example:
        >>> available_bytes() > 0
        True
    """
    free = int(psutil.virtual_memory().available)
    limit, used = _number(_CGROUP / "memory.max"), _number(_CGROUP / "memory.current")
    if limit is not None and used is not None:
        free = min(free, max(limit - used + (_reclaimable() or 0), 0))
    return free


@contextmanager
def resident_peak() -> Iterator[Peak]:
    """Watch the memory of this process while the code inside runs.

    Example:
        >>> with resident_peak() as peak:
        ...     block = bytearray(1_000_000)
        >>> peak.n_bytes > 1_000_000
        True
    """
    peak, done = Peak(resident_bytes()), threading.Event()

    def watch() -> None:
        process = psutil.Process()
        while not done.is_set():
            peak.n_bytes = max(peak.n_bytes, int(process.memory_info().rss))
            sleep(_EVERY_S)

    thread = threading.Thread(target=watch, name="eisen memory", daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()
        peak.n_bytes = max(peak.n_bytes, resident_bytes())


def _number(path: Path) -> int | None:
    """Return the number in a file of the kernel; None without the file, or when it says ``max``."""
    try:
        return int(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _reclaimable() -> int | None:
    """Return how much of what a container uses are files that the kernel can drop."""
    try:
        lines = (_CGROUP / "memory.stat").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("inactive_file ")), None)
