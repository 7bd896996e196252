"""The last few cases that were read, for as many threads as there are."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, Generic, TypeVar

__all__ = ["LastFew"]

T = TypeVar("T")


class LastFew(Generic[T]):
    """Keeps what was asked for last, and makes what is not there; two threads never make the same at the same time.

    Copies in other processes begin empty.

    Args:
        n: How many to keep.

    Example:
        >>> kept = LastFew(2)
        >>> [kept.get(key, lambda key: key * 10) for key in (1, 2, 1, 3)], list(kept)
        ([10, 20, 10, 30], [1, 3])
    """

    def __init__(self, n: int) -> None:
        self.n = n
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._locks: dict[Hashable, Lock] = {}
        self._lock = Lock()
        self._process = os.getpid()

    def get(self, key: Hashable, make: Callable[[Any], T]) -> T:
        """Return what belongs to a key, made if it is not there.

        Args:
            key: The key.
            make: Makes it from the key.
        """
        if self._process != os.getpid():  # a lock that was held while the process forked is never released
            self._locks, self._lock, self._process = {}, Lock(), os.getpid()
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
            lock = self._locks.setdefault(key, Lock())
        with lock:
            with self._lock:
                if key in self._kept:
                    return self._kept[key]
            try:
                made = make(key)
            except BaseException:
                with self._lock:
                    self._locks.pop(key, None)
                raise
            with self._lock:
                self._locks.pop(key, None)
                self._kept[key] = made
                while len(self._kept) > self.n:
                    self._kept.popitem(last=False)
            return made

    def __iter__(self) -> Any:
        return iter(list(self._kept))

    def __len__(self) -> int:
        return len(self._kept)

    def __getstate__(self) -> dict[str, Any]:
        return {"n": self.n}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["n"])  # type: ignore[misc]  # begins anew
