"""Whether threads or processes shall read ahead, found out by reading a few cases."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from time import perf_counter
from typing import Any, cast

import torch

from eisen._core.turns import strangers
from eisen.datasets.pieces import has_pieces
from eisen.datasets.reading import BatchKey, BatchReader, Failure
from eisen.datasets.ring import Ring
from eisen.datasets.slot_reader import TurnReader
from eisen.datasets.threads import started

__all__ = ["KINDS", "Costs", "choose"]

_log = logging.getLogger(__name__)

KINDS = ("processes", "threads", "auto")

_CASES = 4
"""So many cases are read by each thread, if that takes not too long."""
_ENOUGH_S = 1.0
"""A case that takes longer is not read more often than needed."""
_TRIES = 3
"""So often it is measured, because other programs may be busy."""
_START_S = {"fork": 0.06, "spawn": 3.0}
"""What starting a process costs: a copy of this one, or a new one that has to load the libraries."""
_MESSAGE_S = 0.0002
"""What handing over costs where memory is used again: its part of a message that tells where the batch is."""
_LARGEST = 1 << 26
"""Bytes of shared memory at most to measure with."""


@dataclass(frozen=True)
class Costs:
    """What reading costs, in seconds per case.

    Args:
        alone: Reading with one thread.
        together: Reading with two threads at a time, per case.
        hand_over: Handing a case over to another process, on both sides.
        start: Starting all processes, per case of a pass.

    Example:
        >>> Costs(alone=0.010, together=0.005, hand_over=0.020, start=0.001).best(n_workers=2, n_cores=2)
        'threads'
        >>> Costs(alone=0.010, together=0.010, hand_over=0.0001, start=0.001).best(n_workers=4, n_cores=4)
        'processes'
    """

    alone: float
    together: float
    hand_over: float
    start: float

    @property
    def gain(self) -> float:
        """How many times as fast two threads read as one, 1 to 2."""
        return min(max(self.alone / self.together, 1.0), 2.0)

    def in_threads(self, n: int) -> float:
        """Return the time per case with some threads: a part of the work is done by one at a time (Amdahl's law).

        Args:
            n: How many can run at the same time.
        """
        serial = 2 / self.gain - 1
        return self.alone * (serial + (1 - serial) / n)

    def in_processes(self, n: int) -> float:
        """Return the time per case with some processes.

        Args:
            n: How many can run at the same time.
        """
        return (self.alone + self.hand_over) / n + self.start

    def best(self, n_workers: int, n_cores: int) -> str:
        """Return what is faster.

        Args:
            n_workers: How many threads or processes there shall be.
            n_cores: How many can run at the same time.
        """
        n = min(n_workers, n_cores)
        return "threads" if self.in_threads(n) <= self.in_processes(n) else "processes"


def choose(reader: BatchReader, keys: Sequence[BatchKey], n_workers: int) -> str:
    """Return ``"threads"`` or ``"processes"``, and say why in the log.

    Args:
        reader: Reads a batch.
        keys: What the first pass reads.
        n_workers: How many there shall be.
    """
    kind, why = _judged(reader, keys, n_workers)
    _log.info("%s read the data (%d): %s", kind, n_workers, why)
    return kind


def _judged(reader: BatchReader, keys: Sequence[BatchKey], n_workers: int) -> tuple[str, str]:
    strange = strangers(reader.dataset, inside_chains=True)
    if strange:
        return "processes", f"among threads, {', '.join(strange)} would run one at a time"
    samples = [(key[0], (index,)) for key in keys[: 2 * _CASES] for index in key[1]][: 2 * _CASES]
    costs = _measured(reader, samples, sum(len(key[1]) for key in keys), n_workers)
    if costs is None:
        return "processes", "the first cases cannot be read to find out what is faster"
    why = (
        f"a case takes {costs.alone * 1000:.2g} ms, two threads read {costs.gain:.1f} times as fast as one, "
        f"handing a case over to another process costs {costs.hand_over * 1000:.2g} ms"
    )
    return costs.best(n_workers, _n_cores()), why


def _n_cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _measured(reader: BatchReader, samples: Sequence[BatchKey], n_cases: int, n_workers: int) -> Costs | None:
    """Read some cases: once to load libraries and to fill caches, then with one and with two threads."""
    time = _Clock(reader)
    chosen = list(samples[:2]) if time(samples[:1], 1) > _ENOUGH_S else list(samples)
    time(chosen[1:], 1)
    if time.failed:
        return None
    chosen *= 2 if len(chosen) == 1 else 1
    alone, together = time.least(chosen)
    start = _START_S["fork" if sys.platform == "linux" else "spawn"] * n_workers / n_cases
    return Costs(alone, together, _hand_over(time.size), start)


class _Clock:
    """Measures how long reading takes; the batches are forgotten."""

    def __init__(self, reader: BatchReader) -> None:
        self.size = 0
        self.failed = False
        self._reader, self._ring = reader, Ring(4)
        self._known: dict[int, tuple[Any, bool]] = {}

    def __call__(self, keys: Sequence[BatchKey], n_threads: int) -> float:
        """Return the seconds per batch that some threads take."""
        shares = [keys[number::n_threads] for number in range(n_threads)]
        with started(lambda: self._read(shares.pop()), n_threads, lambda: None):
            begin = perf_counter()
        return (perf_counter() - begin) / max(1, len(keys))

    def least(self, keys: Sequence[BatchKey]) -> tuple[float, float]:
        """Return the least time of one and of two threads, of several tries if there is time for them."""
        begin, tries = perf_counter(), list[tuple[float, float]]()
        while not tries or (len(tries) < _TRIES and perf_counter() - begin < _ENOUGH_S / 2):
            tries.append((self(keys, 1), self(keys, 2)))
        return min(one for one, _ in tries), min(two for _, two in tries)

    def _read(self, keys: Sequence[BatchKey]) -> None:
        for key in keys:
            batch = TurnReader(self._reader, self._ring, nullcontext, lambda: None, self._known)[key]
            self.failed |= isinstance(batch, Failure)
            self.size = max(self.size, sum(_sizes(batch)))


def _sizes(value: Any) -> Iterator[int]:
    """Yield the bytes of all tensors in a batch."""
    if isinstance(value, torch.Tensor):
        yield value.nbytes
    elif isinstance(value, dict):
        for item in value.values():
            yield from _sizes(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _sizes(item)


def _hand_over(size: int) -> float:
    """Return what it costs to put some bytes where another process sees them, and to see them there."""
    if has_pieces():
        return _MESSAGE_S
    part, new_shared = min(max(size, 1), _LARGEST), cast(Callable[[int], Any], torch.UntypedStorage._new_shared)
    begin = perf_counter()
    torch.empty(0, dtype=torch.uint8).set_(new_shared(part)).fill_(1)
    return (perf_counter() - begin) * size / part
