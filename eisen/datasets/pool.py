"""Which pieces of shared memory there are, who has them, and when they may be used again."""

from __future__ import annotations

import itertools
import weakref
from collections import deque
from collections.abc import Sequence
from typing import Any

import torch

from eisen.datasets.packing import Place, empty, is_pinning, unpacked
from eisen.datasets.pieces import Offer, Piece, has_pieces, n_forks
from eisen.datasets.reading import Failure
from eisen.datasets.shared_reader import Reply

__all__ = ["Pool"]

_REMEMBERED = 8
"""The sizes of so many batches say what the next one may need."""
_PATIENCE = 8
"""After so many pieces that workers could not give back, none are offered any more."""


class Pool:
    """The pieces of one set of workers: each is free, out with a worker, or lent to whoever has the batch.

    A tensor from here keeps what is in it as long as there is the tensor, a view of it, an array or a graph that shares
    its memory. That holds in a forked process as well: what was lent when it was forked is never used again. Where a
    GPU is in use, batches are copied to pinned memory, of which torch keeps a store, and pieces are free at once.

    Args:
        n_batches: Memory for so many batches is made; if all of it is held, batches come in torch's way.
    """

    def __init__(self, n_batches: int) -> None:
        self._n_batches = n_batches
        self._numbers = itertools.count()
        self._free: list[Piece] = []
        self._out: dict[int, Piece] = {}
        self._lent: dict[int, int] = {}  # how many forks there had been
        self._back: deque[Piece] = deque()
        self._sizes: deque[Sequence[int]] = deque(maxlen=_REMEMBERED)
        self._patience = _PATIENCE if has_pieces() else 0

    def __len__(self) -> int:
        """Return how many pieces there are."""
        return len(self._free) + len(self._out) + len(self._lent)

    def offers(self) -> tuple[Offer, ...]:
        """Return pieces for the next batch of a worker, each as large as it may need; none if that is not known."""
        self._collect()
        wanted = self._wanted()
        offers = []
        for size in wanted:
            if (piece := self._piece(size, self._n_batches * len(wanted))) is not None:
                self._out[piece.offer.number] = piece
                offers.append(piece.offer)
        return tuple(offers)

    def alive(self) -> tuple[int, ...]:
        """Return the numbers of all pieces; workers forget the others."""
        return *(piece.offer.number for piece in self._free), *self._out, *self._lent

    def received(self, reply: Reply) -> Any:
        """Return the batch of a reply, or the failure; pieces that it does not use are free again.

        Args:
            reply: What a worker sent.
        """
        out = {number: self._out.pop(number) for number in reply.offered}
        result = unpacked(reply.result, lambda place: self._tensor(out.pop(place.number), place))
        kept = [out.pop(number) for number in reply.lost]
        self._free.extend(out.values())
        if not isinstance(result, Failure):
            self._sizes.append(sorted(reply.sizes, reverse=True))
            self._patience -= len(kept)
        return result

    def recall(self) -> None:
        """Forget the pieces that workers have: a pass was given up, and nobody says what has become of them."""
        self._out.clear()

    def close(self) -> None:
        """Give back what is free; what is lent stays until nobody holds it."""
        self._collect()
        self._patience = 0
        while self._free:
            self._free.pop().empty()

    def _wanted(self) -> list[int]:
        """Return how large the pieces for a batch should be."""
        if self._patience <= 0:
            return []
        return [max(sizes) for sizes in itertools.zip_longest(*self._sizes, fillvalue=0)]

    def _piece(self, size: int, limit: int) -> Piece | None:
        """Return a free piece, the last used of those that fit best, or a new one."""
        fitting = [piece for piece in self._free[::-1] if size <= piece.size <= 2 * size]
        if fitting:
            best = min(fitting, key=lambda piece: piece.size)
            self._free.remove(best)
            return best
        if len(self) >= limit:
            if not self._free:
                return None
            self._free.pop(0).empty()
        try:
            return Piece(next(self._numbers), size)
        except OSError:
            self._patience = 0
            return None

    def _tensor(self, piece: Piece, place: Place) -> torch.Tensor:
        """Return what lies in a piece; the end of the tensor, and of all that shares its memory, brings it back."""
        array = piece.bytes[: place.nbytes]
        tensor = place.tensor(array)
        if is_pinning():
            tensor = empty(place.shape, place.dtype).copy_(tensor)
            self._free.append(piece)
        else:
            self._lent[piece.offer.number] = n_forks()
            weakref.finalize(array, self._back.append, piece).atexit = False
        return tensor

    def _collect(self) -> None:
        """Take back what nobody holds any more, but not what a process that was forked may still see."""
        while self._back:
            piece = self._back.popleft()
            if self._lent.pop(piece.offer.number, None) == n_forks():
                self._free.append(piece)
