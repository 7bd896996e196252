"""Memory that the front and a worker both see: bodies are written once and read where they lie.

A block has no name in any file system: the other process gets it as an open file. When the last process that has it
ends, however it ends, the memory is free again.
"""

from __future__ import annotations

import fcntl
import mmap
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count

__all__ = ["INLINE", "Block", "BlockPool", "BorrowedBlocks"]

INLINE = 65536
"""Bodies up to this many bytes travel in the message itself."""

_SMALLEST = 2**20
_KEPT, _KEPT_S = 2**29, 10.0  # free blocks wait for the next body: fetching fresh pages costs ten times the copying
_SEALED = hasattr(os, "memfd_create") and hasattr(fcntl, "F_ADD_SEALS")


class Block:
    """A piece of memory that can be given to another process.

    Args:
        number: What the two processes call it.
        capacity: Bytes; they take room only when they are written.
    """

    def __init__(self, number: int, capacity: int) -> None:
        self.number, self.capacity = number, capacity
        self.touched, self.used = 0, 0.0
        self.file = _open_memory(capacity)
        self._map = mmap.mmap(self.file, capacity)
        self.view = memoryview(self._map)

    def close(self) -> None:
        """Give the memory back, as soon as nobody looks at it any more."""
        _close(self._map, self.view)
        os.close(self.file)


class BlockPool:
    """Blocks of one process, used again and again.

    Args:
        retired: Called with the number of a block that is given up.

    Example:
        >>> pool = BlockPool()
        >>> block = pool.take(100_000)
        >>> block.view[:5] = b"voxel"
        >>> pool.give(block)
        >>> pool.take(200_000) is block
        True
        >>> pool.close()
    """

    def __init__(self, retired: Callable[[int], None] | None = None) -> None:
        self._retired = retired or (lambda _: None)
        self._numbers = count(1)
        self._free: list[Block] = []
        self._used: dict[int, Block] = {}

    def take(self, size: int) -> Block:
        """Return a block with room for a body.

        Args:
            size: Bytes of the body, or the most it can have.
        """
        fitting = [block for block in self._free if block.capacity >= size]
        if fitting:
            block = min(fitting, key=lambda block: block.capacity)
            self._free.remove(block)
        else:
            block = Block(next(self._numbers), max(_SMALLEST, 1 << (size - 1).bit_length()))
        self._used[block.number] = block
        return block

    def give(self, block: Block, touched: int | None = None, *, reuse: bool = True) -> None:
        """Take a block back.

        Args:
            block: It.
            touched: Bytes that were written; None: all of it.
            reuse: Whether it may be used again; not when somebody may still look at it.
        """
        del self._used[block.number]
        block.touched = max(block.touched, block.capacity if touched is None else touched)
        block.used = time.monotonic()
        self._free.append(block)
        if not reuse or sum(free.touched for free in self._free) > _KEPT:
            self._retire(block)

    def give_number(self, number: int) -> None:
        """Take a block back that the other process has finished with."""
        if number in self._used:
            self.give(self._used[number])

    def trim(self, seconds: float = _KEPT_S) -> None:
        """Give up the blocks that nobody has needed for a while.

        Args:
            seconds: How long.
        """
        before = time.monotonic() - seconds
        for block in [block for block in self._free if block.used < before]:
            self._retire(block)

    def _retire(self, block: Block) -> None:
        self._free.remove(block)
        block.close()
        self._retired(block.number)

    def close(self) -> None:
        """Give up all blocks."""
        for block in [*self._free, *self._used.values()]:
            block.close()
        self._free.clear()
        self._used.clear()


class BorrowedBlocks:
    """Blocks of the other process, as this one sees them; they cannot be taken away or shrink under its feet."""

    def __init__(self) -> None:
        self._maps: dict[int, tuple[mmap.mmap, memoryview]] = {}

    def add(self, number: int, file: int) -> None:
        """Open a block for reading.

        Args:
            number: What the other process calls it.
            file: The open file that it sent; it is closed.

        Raises:
            ValueError: If it could change its size.
        """
        try:
            if _SEALED and not fcntl.fcntl(file, fcntl.F_GET_SEALS) & fcntl.F_SEAL_SHRINK:
                raise ValueError("a block of memory is not sealed")
            opened = mmap.mmap(file, 0, prot=mmap.PROT_READ)
        finally:
            os.close(file)
        self._maps[number] = (opened, memoryview(opened))

    def view(self, number: int, size: int) -> memoryview:
        """Return the first bytes of a block.

        Args:
            number: Of the block.
            size: How many bytes.

        Raises:
            ValueError: If there are not so many, or there is no such block.
        """
        if number not in self._maps or not 0 <= size <= len(self._maps[number][1]):
            raise ValueError(f"there is no block {number} with {size} bytes")
        return self._maps[number][1][:size]

    def forget(self, number: int) -> None:
        """Close a block that the other process has given up."""
        if number in self._maps:
            _close(*self._maps.pop(number))

    def close(self) -> None:
        """Close all blocks."""
        for number in list(self._maps):
            self.forget(number)


def _open_memory(size: int) -> int:
    """Return an open file that is in memory, has no name and keeps its size."""
    if not _SEALED:
        with tempfile.TemporaryFile() as file:
            file.truncate(size)
            return os.dup(file.fileno())
    file_number = os.memfd_create("eisen", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    os.ftruncate(file_number, size)
    fcntl.fcntl(file_number, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
    return file_number


def _close(opened: mmap.mmap, view: memoryview) -> None:
    with suppress(BufferError):  # somebody still looks at it: it goes when they do
        view.release()
        opened.close()
