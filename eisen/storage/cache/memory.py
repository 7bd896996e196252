"""Memory that all processes of a training look at, and none of them owns alone."""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
import threading
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

from eisen.storage.cache.file import mapped
from eisen.storage.cache.values import Packed

__all__ = ["SharedMemory"]

_STEP = 1 << 16
"""Where large values begin: pages of every system fit into it."""
_LARGE = 1 << 17
_LEAST_MAP = 1 << 24


class SharedMemory:
    """A growing piece of memory; other processes see the same bytes, whether they were forked or spawned.

    It is a file without a name that is nowhere but in memory (Linux), elsewhere a temporary file that the system keeps
    in memory as long as there is any. A process that gets it by pickle opens it for reading; once the process that
    made it has ended, or where it may not be opened, it is of no use there (`is_open` is False).

    Example:
        >>> import numpy as np
        >>> from eisen.storage.cache.values import pack, unpack
        >>> memory, packed = SharedMemory(), pack([np.ones(3)])
        >>> at = memory.add(packed)
        >>> unpack(packed.tree, packed.table, (), memory.view(at, packed.size))
        [array([1., 1., 1.])]
    """

    def __init__(self) -> None:
        self._file, self._path = _new_file()
        self._end = 0
        self._maker = os.getpid()
        self._turn = threading.Lock()
        self._maps: list[mmap.mmap] = []
        self._mapped_end = 0
        self._finish = weakref.finalize(self, _close, self._file, self._path, self._maker)

    @property
    def is_open(self) -> bool:
        """Whether it can be read here."""
        return self._file >= 0

    @property
    def is_mine(self) -> bool:
        """Whether it can be written to: this process made it."""
        return self._maker == os.getpid()

    def add(self, packed: Packed) -> int:
        """Write a value and return where it begins.

        Args:
            packed: The value.
        """
        with self._turn:
            step = _STEP if packed.size > _LARGE else 64
            start = at = -(-self._end // step) * step
            self._end = start + packed.size
        for piece in packed.pieces():
            rest = piece
            while len(rest):
                done = os.pwrite(self._file, rest[: 1 << 30], at)
                rest, at = rest[done:], at + done
        with self._turn:
            if self._end - self._mapped_end > max(_LEAST_MAP, self._mapped_end // 4):
                self._map()
        return start

    def settle(self) -> None:
        """Let the memory count as that of the process that made it, all of it; else the last part counts for nobody."""
        if self.is_mine and self._end > self._mapped_end:
            with self._turn:
                self._map()

    def _map(self) -> None:
        """Map what has been written: without this, tools that measure memory would show it in whoever looks at it."""
        start = self._mapped_end // _STEP * _STEP
        flags = mmap.MAP_SHARED | getattr(mmap, "MAP_POPULATE", 0)
        size = os.fstat(self._file).st_size - start
        with suppress(OSError, ValueError):
            self._maps.append(mmap.mmap(self._file, size, flags=flags, prot=mmap.PROT_READ, offset=start))
        self._mapped_end = start + size

    def view(self, start: int, size: int) -> Any:
        """Return memory with the bytes of a value; what is written to it stays private.

        Args:
            start: As `add` returned.
            size: Number of bytes.
        """
        return mapped(self._file, start, size)

    def __getstate__(self) -> dict[str, Any]:
        path = self._path or f"/proc/{os.getpid()}/fd/{self._file}"
        return {"path": path, "identity": _identity(self._file)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._file, self._path, self._end, self._maker = -1, "", 0, -1
        self._turn, self._maps, self._mapped_end = threading.Lock(), [], 0
        with suppress(OSError):
            file = os.open(state["path"], os.O_RDONLY | getattr(os, "O_BINARY", 0))
            if state["identity"] is not None and _identity(file) == state["identity"]:
                self._file = file
                self._finish = weakref.finalize(self, _close, file, "", 0)
            else:
                os.close(file)


def _new_file() -> tuple[int, str]:
    """Return an open file in memory, and its name where it has one."""
    if sys.platform == "linux":
        with suppress(OSError):  # not allowed in some containers
            return os.memfd_create("eisen-cache"), ""
    return tempfile.mkstemp(prefix="eisen-cache-")


def _identity(file: int) -> tuple[int, int] | None:
    """Return what no other file has at the same time."""
    if file < 0:
        return None
    stat = os.fstat(file)
    return stat.st_dev, stat.st_ino


def _close(file: int, path: str, maker: int) -> None:
    with suppress(OSError):
        os.close(file)
    if path and os.getpid() == maker:
        with suppress(OSError):
            Path(path).unlink()
