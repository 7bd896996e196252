"""Memory for batches that is used again and again, because memory fresh from the system costs more than the copy."""

from __future__ import annotations

import threading
import weakref

import numpy as np
import numpy.typing as npt
import torch

__all__ = ["Ring"]

_SMALL = 1 << 16
"""Bytes below which fresh memory costs nothing."""

_ALIGNED = 64
"""Bytes; as torch aligns its own, because some kernels add up in another order where memory is not."""

_Bytes = npt.NDArray[np.uint8]


class Ring:
    """Gives out memory for batches, and takes it back when nobody holds the batch any more.

    A tensor from here is like one from ``torch.empty``: it keeps what is in it as long as there is the tensor, a view
    of it, an array or a graph that shares its memory. Where there is a GPU in use, memory is pinned, and torch's own
    store of pinned memory does the same, which also waits for copies to the GPU that are under way.

    Args:
        n_batches: Memory for at most so many batches is kept while it is not used.

    Example:
        >>> ring = Ring(n_batches=2)
        >>> first = ring.room((4, 256, 256), torch.float32)
        >>> place, view = first.data_ptr(), first[1:]
        >>> del first
        >>> ring.room((4, 256, 256), torch.float32).data_ptr() == place  # there is still a view
        False
        >>> del view
        >>> ring.room((4, 256, 256), torch.float32).data_ptr() == place
        True
    """

    def __init__(self, n_batches: int) -> None:
        self.n_batches = n_batches
        self._free: list[_Piece] = []
        self._lock = threading.Lock()
        self._limit = n_batches

    @property
    def n_free(self) -> int:
        """How many pieces of memory wait to be used."""
        return len(self._free)

    def room(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Return a tensor with anything in it.

        Args:
            shape: Its shape.
            dtype: Its type.
        """
        size = int(np.prod(shape)) * dtype.itemsize
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            return torch.empty(shape, dtype=dtype, pin_memory=True)
        if size < _SMALL or torch.backends.mps.is_available():  # Apple's GPU may read on behind our back
            return torch.empty(shape, dtype=dtype)
        return self._lend(self._piece(size), size).view(dtype).reshape(shape)

    def expect(self, n_rooms: int) -> None:
        """Say how many rooms a batch has; then this many are kept for each batch.

        Args:
            n_rooms: Tensors of a batch that were made by `room`.
        """
        self._limit = max(self._limit, n_rooms * self.n_batches)

    def _piece(self, size: int) -> _Piece:
        """Return memory nobody uses: what came back last of that which fits best, or new."""
        with self._lock:
            fitting = [piece for piece in self._free[::-1] if size <= piece.size <= 2 * size]
            if not fitting:
                return _Piece(size)
            best = min(fitting, key=lambda piece: piece.size)
            self._free.remove(best)
            return best

    def _lend(self, piece: _Piece, size: int) -> torch.Tensor:
        """Return a piece as a tensor, whose end brings it back.

        The tensor's storage holds the array, and everything that shares its memory holds the storage.
        """
        array = piece.array[:size]
        weakref.finalize(array, self._take_back, piece).atexit = False
        return torch.from_numpy(array)

    def _take_back(self, piece: _Piece) -> None:
        # Without the lock: the garbage collector may call this inside of a block that holds it.
        self._free.append(piece)
        while len(self._free) > self._limit:
            try:
                del self._free[0]
            except IndexError:  # another thread was faster
                return


class _Piece:
    """Some memory, aligned; it is compared by identity."""

    def __init__(self, size: int) -> None:
        room = np.empty(size + _ALIGNED, np.uint8)  # NumPy asks for huge pages
        start = -room.ctypes.data % _ALIGNED
        self.size = size
        self.array: _Bytes = room[start : start + size]
