"""From a number to a case that patches can be cut from: parts of it where its data set can give parts, else all."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from eisen._core import random
from eisen._core.errors import ArgumentError, EisenError, StepError
from eisen._core.types import DataPoint, Step
from eisen.patches.cutting.cases import CaseParts, opened
from eisen.patches.cutting.keeping import LastFew
from eisen.storage.regions import RegionSource
from eisen.transforms import Compose
from eisen.transforms.steady import n_steady_steps

__all__ = ["CaseReader"]

_OPEN = 64
"""Cases of a store that are open at the same time; they hold no voxels."""
_CASES_APART = 2**40
"""Random numbers of whole cases are those of samples from here on, so no patch has the same."""


class CaseReader:
    """Reads cases of a data set, and keeps the last few.

    Args:
        dataset: The data set.
        transform: The steps of a case and of its patches, in this order.
        n_steps: How many of them a case goes through before patches are cut; None: none where parts of a case can be
            read, else all in front of the first that may be random.
        keep_cases: How many cases that were read whole to keep.
        reread: Whether a case is read again in each epoch, with random numbers of its own.
        whole: Whether to read all of a case even where parts could be read.
    """

    def __init__(
        self, dataset: Any, transform: Step | None, n_steps: int | None, keep_cases: int, reread: bool, whole: bool
    ) -> None:
        self.dataset, self.transform, self.reread = dataset, transform, reread
        by_region = not n_steps and not whole and _regional(dataset, 0) is not None
        n_possible = len(transform.transforms) if isinstance(transform, Compose) else 0
        if n_steps is not None and not 0 <= n_steps <= n_possible:
            raise ArgumentError(
                f"n_steps is {n_steps}", expected=f"0 to {n_possible}, the steps of the transform (a Compose)"
            )
        can_tell = whole and _regional(dataset, 0) is not None  # arrays are there already
        self.n_steps = (0 if by_region or can_tell else n_steady_steps(transform)) if n_steps is None else n_steps
        self.by_region = by_region
        self._front = self._kept_front()
        self.keep_cases = max(keep_cases, _OPEN) if by_region else keep_cases
        self._kept: LastFew[CaseParts] = LastFew(self.keep_cases)

    def _kept_front(self) -> int:
        """Let a cache that has no steps of its own keep cases after those for whole cases; return how many it runs."""
        behind = getattr(self.dataset, "behind", None)
        if not self.n_steps or not isinstance(self.transform, Compose) or not callable(behind):
            return 0
        steps = Compose(self.transform.transforms[: self.n_steps], self.transform.places[: self.n_steps])
        if (kept := behind(steps)) is None:
            return 0
        self.dataset = kept
        return self.n_steps

    def name(self, number: int) -> str:
        """Return what people call a case."""
        name = getattr(self.dataset, "case_name", None)
        return str(name(number)) if callable(name) else f"#{number}"

    def listed(self, number: int) -> Mapping[str, Any]:
        """Return what the data set lists about a case, without reading it."""
        peek = getattr(self.dataset, "peek", None)
        case = peek(number) if callable(peek) else self.dataset[number] if isinstance(self.dataset, list) else None
        return case if isinstance(case, Mapping) else {}

    def open(self, number: int) -> CaseParts:
        """Return a case, from those that were read last if it is among them."""
        now = random.position() if self.reread else None
        return self._kept.get((number, now[:2] if now else None), self._make)

    def rest_of_steps(self, point: DataPoint) -> DataPoint:
        """Return a patch after the steps that are left for patches."""
        if self.transform is None:
            return point
        if isinstance(self.transform, Compose):
            return self.transform.part(point, start=self.n_steps)
        return _called(self.transform, point)

    def _make(self, key: tuple[int, tuple[int, int] | None]) -> CaseParts:
        number, now = key
        try:
            parts = _regional(self.dataset, number) if self.by_region else None
            if parts is not None:
                return CaseParts(number, self.name(number), *parts)
            return opened(number, self.name(number), self._whole(number, now or (0, 0)))
        except EisenError as error:
            error.card.case = self.name(number)
            raise

    def _whole(self, number: int, now: tuple[int, int]) -> Any:
        """Read a case; its random numbers do not depend on which of its patches was wanted first."""
        others = threading.current_thread() is threading.main_thread()  # the global generators belong to all threads
        with random.sample(*now, _CASES_APART + number, others=others):
            point = self.dataset[number]
            if self.n_steps and isinstance(self.transform, Compose):
                point = self.transform.part(point, start=self._front, stop=self.n_steps)
        return point


def _regional(dataset: Any, number: int) -> tuple[dict[str, RegionSource], DataPoint] | None:
    """Return the arrays of a case as sources of regions and all the rest; None where it has to be read whole.

    Data sets that show cases of another one (`SubsetDataset`) are looked through.
    """
    if getattr(dataset, "transform", None) is not None:
        return None
    sources, rest = (getattr(dataset, name, None) for name in ("case_sources", "case_rest"))
    if callable(sources) and callable(rest):
        return (dict(sources(number)), dict(rest(number))) if len(dataset) else ({}, {})
    inside, numbers = getattr(dataset, "dataset", None), getattr(dataset, "numbers", None)
    if inside is None or not isinstance(numbers, list) or not numbers:
        return None
    return _regional(inside, numbers[number])


def _called(transform: Step, point: DataPoint) -> DataPoint:
    try:
        return transform(point)
    except EisenError:
        raise
    except Exception as error:
        name = getattr(transform, "__name__", type(transform).__name__)
        raise StepError(f"{name} failed: {type(error).__name__}: {error}", step=name) from error
