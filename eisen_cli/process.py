"""Settings of the process that make computing on a CPU cheaper; to be made before torch is imported."""

from __future__ import annotations

import os
import sys
from contextlib import suppress

__all__ = ["cores", "keep_memory", "wait_politely"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # parameters of mallopt(3)
_LARGEST = 2**30


def cores() -> int:
    """Return how many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def wait_politely() -> None:
    """Let idle threads of OpenMP sleep.

    By default they spin. On cores that other jobs use as well, a training step on two threads then costs up to eight
    times the processor time. What the user has set in the environment stays.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "0")


def keep_memory() -> None:
    """Let the allocator of glibc keep freed memory instead of giving it back to the system after every step.

    Every step of a 3-D network allocates and frees the same large blocks; fetching their pages anew costs a tenth of
    the processor time. Does nothing on other systems, and nothing when the user has set ``MALLOC_`` variables.
    """
    if sys.platform != "linux" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    import ctypes

    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_TRIM_THRESHOLD, _LARGEST)
        libc.mallopt(_MMAP_THRESHOLD, _LARGEST)
