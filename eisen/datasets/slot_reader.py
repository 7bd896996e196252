"""Reading one batch straight into the memory where it stays: alone in a process, or among other threads."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

from eisen._core import random
from eisen._core.turns import Turn, alone, in_turns, strangers
from eisen._core.types import Batch
from eisen.datasets.reading import BatchReader
from eisen.datasets.slots import Gathering, Rooms

__all__ = ["SlotReader", "TurnReader"]


class SlotReader(BatchReader):
    """Reads one batch, case by case, straight into memory that is given to it.

    A data set with a method ``read_into(index, room)`` may write a case to its place in the batch itself: it gives the
    item that its index gives, and asks ``room(field, shape, dtype)`` for the array of a field, to be filled.

    Args:
        reader: What it reads, and how.
        rooms: Where the memory of the batch comes from.
    """

    def __init__(self, reader: BatchReader, rooms: Rooms) -> None:
        super().__init__(reader.dataset, reader.seed, reader.join)
        self._rooms = rooms
        self._cases: Gathering | None = None

    def _joined(self, epoch: int, indices: tuple[int, ...]) -> Any:
        if self.join is not None:
            return self._joined_by_others(epoch, indices)
        cases = self._cases = Gathering(len(indices), self._rooms)
        for index in indices:
            self._sample(epoch, index)
        names = [self._name(index) for index in indices]
        return Batch(cases.batch(names), names, indices)

    def _joined_by_others(self, epoch: int, indices: tuple[int, ...]) -> Any:
        return super()._joined(epoch, indices)

    def _read(self, epoch: int, index: int) -> Any:
        with random.sample(self.seed, epoch, index):
            return self._gathered(self._case(index))

    def _gathered(self, case: int) -> Any:
        if self._cases is None:
            return self.dataset[case]
        read_into = getattr(self.dataset, "read_into", None)
        item = self.dataset[case] if read_into is None else read_into(case, self._cases.room)
        return self._cases.add(item)


class TurnReader(SlotReader):
    """Reads one batch in one of several threads.

    Args:
        reader: What it reads, and how.
        rooms: Where the memory of the batch comes from.
        turn: What code waits for that must not run in several threads at once.
        check: Called before each case; what it raises ends the reading.
        known: Remembers which code is free, from batch to batch.
    """

    def __init__(
        self,
        reader: BatchReader,
        rooms: Rooms,
        turn: Turn,
        check: Callable[[], None],
        known: dict[int, tuple[Any, bool]],
    ) -> None:
        super().__init__(reader, rooms)
        self._turn, self._check, self._known = turn, check, known

    def _joined_by_others(self, epoch: int, indices: tuple[int, ...]) -> Any:
        samples = [self._sample(epoch, index) for index in indices]
        with self._turn() if strangers(self.join) else nullcontext():
            return self._together(samples, indices)

    def _read(self, epoch: int, index: int) -> Any:
        self._check()
        sample = random.sample(self.seed, epoch, index)
        with in_turns(self._turn, self._known), sample, alone(self.dataset):
            return self._gathered(self._case(index))
