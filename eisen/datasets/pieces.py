"""Memory that the main process and its workers share, and that is used again and again.

Each piece is a file in memory without a name (Linux): it is gone when the last process that has it is gone, however
that ended. Workers open it through the open files of the main process, so it may be made after they have started.
"""

from __future__ import annotations

import os
import sys
import weakref
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

__all__ = ["SMALL", "Bytes", "Offer", "Piece", "has_pieces", "mapped", "n_forks"]

SMALL = 1 << 16
"""Bytes below which a tensor goes through a pipe with everything else."""

Bytes = npt.NDArray[np.uint8]

_NAME = "eisen batch"


@dataclass(frozen=True, slots=True)
class Offer:
    """Says where a worker finds a piece that it may write to.

    Args:
        number: Which one it is.
        path: The open file of the process that made it.
        inode: Tells that file from others.
        size: Its bytes.
    """

    number: int
    path: str
    inode: int
    size: int


class Piece:
    """Some memory that other processes can see as well.

    Args:
        number: Tells it from the other ones of its pool.
        size: Its bytes; a multiple of the page is taken.

    Raises:
        OSError: If the system has no memory or no open files left.

    Example:
        >>> if has_pieces():
        ...     piece = Piece(0, 5000)
        ...     mapped(piece.offer)[7] = 1  # as a worker does it
        ...     assert piece.bytes[7] == 1
    """

    def __init__(self, number: int, size: int) -> None:
        size = -(-size // 4096) * 4096
        file = os.memfd_create(_NAME)
        weakref.finalize(self, os.close, file).atexit = False
        os.posix_fallocate(file, 0, size)  # else a lack of memory would kill whoever writes to it
        self._file, self._owner = file, os.getpid()
        self.offer = Offer(number, f"/proc/{os.getpid()}/fd/{file}", os.fstat(file).st_ino, size)
        self.bytes = mapped(self.offer)

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.offer.size

    def empty(self) -> None:
        """Give the memory back at once, even if another process has it too; nobody may look at it any more."""
        if os.getpid() == self._owner:
            os.ftruncate(self._file, 0)


def mapped(offer: Offer) -> Bytes:
    """Return a piece as an array; the memory stays as long as the array does.

    Args:
        offer: Where it is.

    Raises:
        OSError: If it cannot be opened, or is something else.
    """
    path = Path(offer.path)
    found = path.stat()
    if (found.st_ino, found.st_size) != (offer.inode, offer.size) or _NAME not in str(path.readlink()):
        raise FileNotFoundError(offer.path)
    try:
        whole = torch.from_file(offer.path, shared=True, size=offer.size, dtype=torch.uint8)
    except RuntimeError as error:
        raise OSError(f"{offer.path} cannot be mapped") from error
    array: Bytes = whole.numpy()
    return array


def has_pieces() -> bool:
    """Tell whether there are such pieces here."""
    return sys.platform == "linux" and hasattr(os, "memfd_create") and Path("/proc/self/fd").is_dir()


_forks = [0]


def n_forks() -> int:
    """Return a number that is another one after each fork of this process."""
    return _forks[0]


def _count() -> None:
    _forks[0] += 1


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_count, after_in_parent=_count)
