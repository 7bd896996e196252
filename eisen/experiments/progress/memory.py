"""How much memory a run takes: its process, those that read its data, and the device."""

from __future__ import annotations

from time import perf_counter
from typing import Any

import psutil

__all__ = ["Memory", "device_bytes"]

_LOOK_S = 3.0
_SHARE = 500
"""Looking for new processes means looking at all there are: it may take this part of the time."""


class Memory:
    """The resident memory of this process and of those it has started.

    Pages that several processes share count for each of them.

    Attributes:
        peak: The most that was read since `peak` was set to 0.
    """

    def __init__(self) -> None:
        self.peak = 0
        self._process = psutil.Process()
        self._children: list[psutil.Process] = []
        self._next_look = 0.0

    def read(self) -> int | None:
        """Return the bytes now; None where the system does not tell."""
        try:
            n_bytes = int(self._process.memory_info().rss)
        except (psutil.Error, OSError):
            return None
        if perf_counter() >= self._next_look:
            self._look()
        n_bytes += sum(_resident(child) for child in self._children)
        self.peak = max(self.peak, n_bytes)
        return n_bytes

    def _look(self) -> None:
        """Look which processes there are; seldom, for it takes milliseconds."""
        started = perf_counter()
        try:
            self._children = self._process.children(recursive=True)
        except (psutil.Error, OSError):
            self._children = []
        seconds = perf_counter() - started
        self._next_look = started + max(_LOOK_S, _SHARE * seconds)


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except (psutil.Error, OSError):
        return 0


def device_bytes(device: Any) -> int | None:
    """Return the most memory that tensors have taken on a GPU; None for other devices.

    Args:
        device: A `torch.device`.
    """
    if getattr(device, "type", "") != "cuda":
        return None
    import torch

    try:
        return int(torch.cuda.max_memory_allocated(device))
    except (RuntimeError, AssertionError):
        return None
