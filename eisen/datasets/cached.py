"""Reading every case once: its data point is kept in memory in front of the first random step."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from typing import Any, SupportsIndex

import psutil
from torch.utils.data import Dataset

from eisen._core.errors import ArgumentError, EisenError
from eisen._core.types import DataPoint, Step
from eisen.datasets.around import DatasetAround
from eisen.datasets.steady import n_steady_steps
from eisen.transforms import Compose

__all__ = ["CachedDataset"]

_log = logging.getLogger(__name__)
_SHARE = 0.5
"""Of the memory that is free, how much the cases may take."""


class CachedDataset(DatasetAround):
    """Keep what has been read in memory, so that every epoch but the first costs only the random part of the chain.

    The steps in front of the first random one run once per case. They are those of eisen that are certain to give the
    same every time; a step of your own, or of another library, ends what is kept, unless `n_steps` says that it may
    be kept too. Results are the same as without: every access gets a copy, so nothing downstream can change what is
    kept, and random steps have the same random numbers.

    With workers all cases are read before these start, and workers share the memory instead of each having its own
    copy (where processes are forked: Linux). What does not fit is read every time; the log says so, and how much memory
    all cases need.

    Args:
        dataset: Any data set with a length and an index; in a configuration an entry of its own.
        n_steps: How many steps of the transform to run before keeping a case. None: all in front of the first that may
            be random.
        memory_gb: How much memory the cases may take, in GB. None: half of what is free when the first is read.
        transform: What to do with a case when it is read; None: nothing.

    Raises:
        ArgumentError: If `n_steps` is more than the transform has, or `memory_gb` is not above 0.

    Example:
        >>> from eisen.datasets import ListDataset
        >>> cases = CachedDataset(ListDataset([{"age": 61}, {"age": 47}]))
        >>> cases[1]["age"], len(cases), cases.n_kept
        (47, 2, 1)
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        n_steps: int | None = None,
        memory_gb: float | None = None,
        transform: Step | None = None,
    ) -> None:
        super().__init__(dataset, transform)
        n_possible = len(transform.transforms) if isinstance(transform, Compose) else 0
        if n_steps is not None and not 0 <= n_steps <= n_possible:
            raise ArgumentError(
                f"CachedDataset: n_steps is {n_steps}", expected=f"0 to {n_possible}, the steps of the transform"
            )
        if memory_gb is not None and memory_gb <= 0:
            raise ArgumentError(f"CachedDataset: memory_gb is {memory_gb}", expected="a number above 0")
        self.n_steps = n_steady_steps(transform) if n_steps is None else n_steps
        self.memory_gb = memory_gb
        self._kept: dict[int, Any] = {}
        self._free_bytes: int | None = None

    @property
    def n_kept(self) -> int:
        """How many cases are in memory."""
        return len(self._kept)

    def __getitem__(self, index: SupportsIndex) -> DataPoint:
        number = self._number(index)
        try:
            return self._rest(deepcopy(self._first_part(number)))
        except EisenError as error:
            error.note(case=self.case_name(number), file=self._file_of(number, error.card.field))
            raise

    def fill(self, n_threads: int = 1) -> None:
        """Read all cases that fit into memory. The `Loader` does so before it starts workers.

        Args:
            n_threads: How many cases to read at the same time.
        """
        missing = [number for number in range(len(self)) if number not in self._kept]
        if not missing:
            return
        _log.info("reading %d cases into memory", len(missing))
        with ThreadPoolExecutor(max(1, n_threads)) as pool:
            for _ in pool.map(self._try, missing):
                pass

    def _try(self, number: int) -> None:
        """Keep a case if it can be read; if not, it shall be told when it is asked for."""
        try:
            self._first_part(number)
        except Exception:
            _log.debug("case %d cannot be read", number, exc_info=True)

    def _first_part(self, number: int) -> Any:
        """Return what is kept of a case, reading it if need be; not to be changed."""
        if number in self._kept:
            return self._kept[number]
        point = self.read(number)
        if self.n_steps and isinstance(self.transform, Compose):
            point = self.transform.part(point, stop=self.n_steps)
        if self._fits(point):
            self._kept[number] = point
        return point

    def _rest(self, point: Any) -> DataPoint:
        if self.n_steps and isinstance(self.transform, Compose):
            return self.transform.part(point, start=self.n_steps)
        return self._transformed(point)

    def _fits(self, point: Any) -> bool:
        """Take the memory for a case, if there is enough; the first case tells how much all of them need."""
        size = sum(_sizes(point))
        if self._free_bytes is None:
            limit = self.memory_gb * 1e9 if self.memory_gb is not None else _SHARE * psutil.virtual_memory().available
            self._free_bytes = int(limit)
            self._forecast(size)
        if size > self._free_bytes:
            return False
        self._free_bytes -= size
        return True

    def _forecast(self, size: int) -> None:
        needed, limit = size * len(self) / 1e9, (self._free_bytes or 0) / 1e9
        _log.info("CachedDataset: %d cases need about %.2g GB; there are %.2g GB for them", len(self), needed, limit)
        if needed > limit:
            _log.warning(
                "%d cases need about %.2g GB of memory and may take %.2g GB: the others are read every time",
                len(self),
                needed,
                limit,
            )


def _sizes(value: Any) -> Iterator[int]:
    """Yield the bytes of all arrays, tensors and images inside of a value."""
    if isinstance(value, dict):
        for item in value.values():
            yield from _sizes(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _sizes(item)
    elif hasattr(value, "dataobj"):
        yield int(value.get_data_dtype().itemsize) * _product(value.shape)
    elif hasattr(value, "GetSize"):
        yield int(value.GetSizeOfPixelComponent()) * value.GetNumberOfComponentsPerPixel() * _product(value.GetSize())
    else:
        yield int(getattr(value, "nbytes", 64))


def _product(shape: Any) -> int:
    result = 1
    for n in shape:
        result *= int(n)
    return result
