"""Dividing the batches of an epoch among the processes of a training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from eisen._core.errors import ArgumentError
from eisen.datasets.reading import BatchKey

__all__ = ["Division", "Share"]


@dataclass(frozen=True, slots=True)
class Share:
    """What one process has of a batch.

    Args:
        number: Number of the batch in the epoch, from 0; the same in all processes.
        places: Which cases of the batch these are, from 0.
        n_cases: How many cases the batch has in all processes together.
        weight: What a mean over these cases has to be multiplied with, so that the mean over the processes is the
            mean over the cases of the batch.
        counts: False for a batch that is only computed because every process has to compute something.

    Example:
        >>> Share(number=3, places=(1,), n_cases=4, weight=0.5).counts
        True
    """

    number: int
    places: tuple[int, ...]
    n_cases: int
    weight: float = 1.0
    counts: bool = True


@dataclass(frozen=True)
class Division:
    """Which part of an epoch is read by one of several processes.

    Args:
        rank: Number of the process, from 0.
        n_ranks: How many there are.
        by: ``"cases"``: a part of every batch. ``"batches"``: whole batches, in turns.
        even: With ``"batches"``: the same number of batches for every process; those too many do not count.

    Raises:
        ArgumentError: If a value is out of range.

    Example:
        >>> epoch = [(0, (4, 2, 0)), (0, (1, 3))]
        >>> [key for key, _ in Division(1, 2).shares(epoch)]
        [(0, (2,)), (0, (3,))]
        >>> [key for key, _ in Division(1, 2, "batches").shares(epoch)]
        [(0, (1, 3))]
    """

    rank: int
    n_ranks: int
    by: str = "cases"
    even: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.n_ranks:
            raise ArgumentError(
                f"divide: rank is {self.rank} of {self.n_ranks}", expected="a rank from 0 to n_ranks - 1"
            )
        if self.by not in ("cases", "batches"):
            raise ArgumentError(f"divide: by is {self.by!r}", expected="'cases' or 'batches'")

    def shares(self, keys: Sequence[BatchKey], first: int = 0) -> Iterator[tuple[BatchKey, Share]]:
        """Yield what this process reads.

        Args:
            keys: The batches of the epoch.
            first: How many of them are left out at the start.
        """
        return self._of_cases(keys, first) if self.by == "cases" else self._of_batches(keys, first)

    def _of_cases(self, keys: Sequence[BatchKey], first: int) -> Iterator[tuple[BatchKey, Share]]:
        for number, (epoch, cases) in enumerate(keys[first:], first):
            places = tuple(range(self.rank, len(cases), self.n_ranks))
            weight = len(places) * self.n_ranks / len(cases)
            share = Share(number, places or (0,), len(cases), weight, counts=bool(places))
            yield (epoch, tuple(cases[place] for place in share.places)), share

    def _of_batches(self, keys: Sequence[BatchKey], first: int) -> Iterator[tuple[BatchKey, Share]]:
        end = -(-len(keys) // self.n_ranks) * self.n_ranks if self.even else len(keys)
        for number in range(self.rank, end, self.n_ranks):
            if end <= first or number < first // self.n_ranks * self.n_ranks:
                continue
            counts = first <= number < len(keys)
            if not counts and not self.even:
                continue
            key = keys[min(max(number, first), len(keys) - 1)]
            yield key, Share(number, tuple(range(len(key[1]))), len(key[1]), float(counts), counts)
