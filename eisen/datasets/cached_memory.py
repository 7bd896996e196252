"""Cases in memory that all workers share, also those that are not forked."""

from __future__ import annotations

import logging
from copy import deepcopy
from typing import Any, NamedTuple

import psutil

from eisen._core.fields import shapes_of
from eisen.storage.cache.memory import SharedMemory
from eisen.storage.cache.values import Packed, pack, unpack

__all__ = ["MemoryCases"]

_log = logging.getLogger("eisen.cache")
_SHARE = 0.5
"""Of the memory that is free, how much the cases may take."""


class _Kept(NamedTuple):
    """A case: all but its arrays, and where these are."""

    tree: Any
    table: list[dict[str, Any]]
    strangers: list[Any]
    memory: SharedMemory
    start: int
    size: int


class MemoryCases:
    """Keeps cases in memory, as many as may be.

    A process that gets it by pickle (a worker that was spawned) sees the same memory.

    Args:
        n_cases: How many cases there are, for the forecast.
        memory_gb: How much memory they may take, in GB. None: half of what is free when the first comes.

    Example:
        >>> import numpy as np
        >>> cases = MemoryCases(1)
        >>> cases.keep(0, {"image": np.ones(3)})
        >>> cases.get(0)["image"]
        array([1., 1., 1.])
    """

    def __init__(self, n_cases: int, memory_gb: float | None = None) -> None:
        self._n_cases = n_cases
        self._memory_gb = memory_gb
        self._kept: dict[int, _Kept] = {}
        self._memory: SharedMemory | None = None
        self._free_bytes: int | None = None

    def __len__(self) -> int:
        return len(self._kept)

    def __contains__(self, number: int) -> bool:
        return number in self._kept

    @property
    def n_bytes(self) -> int:
        """Bytes of the arrays that are kept."""
        return sum(kept.size for kept in self._kept.values())

    def get(self, number: int) -> Any:
        """Return a case that is kept, to do with as one likes.

        Args:
            number: Its number.
        """
        kept = self._kept[number]
        buffer = kept.memory.view(kept.start, kept.size)
        strangers = deepcopy(kept.strangers) if kept.strangers else ()
        return unpack(kept.tree, kept.table, strangers, buffer)

    def keep(self, number: int, point: Any) -> None:
        """Keep a case, if there is memory for it.

        Args:
            number: Its number.
            point: The case; it is copied.
        """
        packed = pack(point)
        if self._fits(packed, point):
            memory = self._own_memory()
            strangers = [deepcopy(value) for _, value in packed.strangers]
            start = memory.add(packed)
            self._kept[number] = _Kept(packed.tree, packed.table, strangers, memory, start, packed.size)

    def settle(self) -> None:
        """Say that no more cases come for now."""
        if self._memory is not None:
            self._memory.settle()

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_kept": dict(self._kept)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._kept = {number: kept for number, kept in self._kept.items() if kept.memory.is_open}

    def _own_memory(self) -> SharedMemory:
        """Return memory that this process may write to; a worker does not write to that of the main process."""
        if self._memory is None or not self._memory.is_mine:
            self._memory = SharedMemory()
        return self._memory

    def _fits(self, packed: Packed, point: Any) -> bool:
        """Take the memory for a case, if there is enough; the first case tells how much all of them need."""
        size = packed.size + _text_size(packed)
        if self._free_bytes is None:
            limit = self._memory_gb * 1e9 if self._memory_gb is not None else _SHARE * psutil.virtual_memory().available
            self._free_bytes = int(limit)
            self._forecast(size, point)
        if size > self._free_bytes:
            return False
        self._free_bytes -= size
        return True

    def _forecast(self, size: int, point: Any) -> None:
        needed, limit = size * self._n_cases / 1e9, (self._free_bytes or 0) / 1e9
        what = shapes_of(point) if isinstance(point, dict) else ""
        _log.info(
            "CachedDataset: %d cases like this one (%s) need about %.2g GB; there are %.2g GB for them",
            self._n_cases,
            what,
            needed,
            limit,
        )
        if needed > limit:
            _log.warning(
                "%d cases need about %.2g GB of memory and may take %.2g GB: the others are read every time",
                self._n_cases,
                needed,
                limit,
            )


def _text_size(packed: Packed) -> int:
    """Return about how many bytes everything takes that is no array."""
    return 64 + sum(_sizes(value) for _, value in packed.strangers)


def _sizes(value: Any) -> int:
    return int(getattr(value, "nbytes", 64))
