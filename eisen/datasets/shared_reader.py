"""What a worker does: it reads a batch into pieces of shared memory that it was offered, and says what is in them."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from eisen.datasets.packing import Place, packed, unpacked
from eisen.datasets.pieces import SMALL, Bytes, Offer, mapped
from eisen.datasets.reading import BatchKey, BatchReader
from eisen.datasets.slot_reader import SlotReader

__all__ = ["Offered", "Order", "Reply", "SharedReader"]


@dataclass(frozen=True, slots=True)
class Order:
    """What a worker shall read, and where to.

    Args:
        key: Which batch.
        offers: Pieces of memory for it.
        alive: Numbers of all pieces; a worker lets go of the others.
    """

    key: BatchKey
    offers: tuple[Offer, ...] = ()
    alive: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a worker has read.

    Args:
        result: The batch, packed, or the failure.
        offered: Numbers of the pieces that it was offered.
        lost: Those of them that it could not open, or that something in the worker still holds.
        sizes: The bytes of everything that would have had its place in a piece.
    """

    result: Any
    offered: tuple[int, ...]
    lost: tuple[int, ...]
    sizes: tuple[int, ...]


class Offered:
    """Pieces for one batch. What finds none that fits comes to new shared memory, in torch's way.

    Args:
        pieces: The memory of each, by number.
    """

    def __init__(self, pieces: dict[int, Bytes]) -> None:
        self.sizes: list[int] = []
        self._left = dict(pieces)
        self._given: dict[int, weakref.ref[Bytes]] = {}
        self._at: dict[int, int] = {}

    def room(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Return a tensor with anything in it.

        Args:
            shape: Its shape.
            dtype: Its type.
        """
        size = torch.Size(shape).numel() * dtype.itemsize
        if size < SMALL:
            return torch.empty(shape, dtype=dtype)
        return _shared(shape, dtype, size) if (room := self._room(shape, dtype, size)) is None else room

    def expect(self, n_rooms: int) -> None:
        """Hear how many rooms the batch has; the sizes tell that as well."""

    def place(self, tensor: torch.Tensor) -> Place | None:
        """Return where a tensor of the batch is; one that is elsewhere is copied, if there is room.

        Args:
            tensor: It is all that its memory is for.
        """
        shape = tuple(tensor.shape)
        if tensor.data_ptr() not in self._at:
            if tensor.is_shared():  # type: ignore[no-untyped-call]
                return None
            room = self._room(shape, tensor.dtype, tensor.nbytes)
            if room is None:
                return None
            tensor = room.copy_(tensor)
        return Place(self._at[tensor.data_ptr()], shape, tensor.dtype)

    def held(self) -> list[int]:
        """Return the pieces that somebody still refers to, after the batch is gone."""
        return [number for number, array in self._given.items() if array() is not None]

    def _room(self, shape: tuple[int, ...], dtype: torch.dtype, size: int) -> torch.Tensor | None:
        self.sizes.append(size)
        fitting = [(len(array), number) for number, array in self._left.items() if len(array) >= size]
        if not fitting:
            return None
        number = min(fitting)[1]
        array = self._left.pop(number)[:size]
        self._given[number] = weakref.ref(array)
        self._at[array.ctypes.data] = number
        return torch.from_numpy(array).view(dtype).reshape(shape)


def _shared(shape: tuple[int, ...], dtype: torch.dtype, size: int) -> torch.Tensor:
    """Return new memory that need not be copied to be handed over."""
    new_shared: Callable[[int], Any] = torch.UntypedStorage._new_shared
    return torch.empty(0, dtype=dtype).set_(new_shared(size)).reshape(shape)


class SharedReader(BatchReader):
    """Reads batches in a worker, on order.

    Args:
        reader: What it reads, and how.
    """

    def __init__(self, reader: BatchReader) -> None:
        super().__init__(reader.dataset, reader.seed, reader.join)
        self._known: dict[int, Bytes] = {}

    def __getitem__(self, order: Order) -> Reply:  # type: ignore[override]
        """Return what the order asks for, or the failure to read it."""
        pieces = self._pieces(order)
        rooms = Offered(pieces)
        result = packed(SlotReader(self, rooms)[order.key], rooms.place)
        offered = tuple(offer.number for offer in order.offers)
        lost = {number for number in offered if number not in pieces}.union(rooms.held())
        return Reply(self._without(lost, result), offered, tuple(lost), tuple(rooms.sizes))

    def _pieces(self, order: Order) -> dict[int, Bytes]:
        """Return the pieces of an order that can be opened."""
        self._known = {number: array for number, array in self._known.items() if number in order.alive}
        for offer in order.offers:
            if offer.number not in self._known:
                try:
                    self._known[offer.number] = mapped(offer)
                except OSError:
                    continue
        return {offer.number: self._known[offer.number] for offer in order.offers if offer.number in self._known}

    def _without(self, lost: set[int], result: Any) -> Any:
        """Return a packed batch that uses none of some pieces: what is in them is copied."""

        def opened(place: Place) -> Any:
            return place.tensor(self._known[place.number][: place.nbytes]).clone() if place.number in lost else place

        return unpacked(result, opened) if lost else result
