"""How many patches each case has, counted once."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from eisen._core.errors import EmptyDatasetError
from eisen.patches.which.bitmask import Bitmask
from eisen.patches.which.selecting import Selection

if TYPE_CHECKING:
    from eisen.patches.cutting.patches_of_cases import PatchesOfCases

__all__ = ["Counts", "count_patches"]

_log = logging.getLogger(__name__)

Integers = npt.NDArray[np.int64]


@dataclass(eq=False)
class Counts:
    """The patches of all cases, numbered through.

    Args:
        cases: Numbers of the cases that have patches, in increasing order.
        per_case: How many each of them has.
        masks: Which places of a case were chosen, for those of which it is not all.

    Example:
        >>> counts = Counts(np.array([0, 3]), np.array([2, 4]))
        >>> counts.place_of(2), counts.patches_of(3), counts.patches_of(1)
        ((3, 0), range(2, 6), range(0, 0))
    """

    cases: Integers
    per_case: Integers
    masks: dict[int, Bitmask] = field(default_factory=dict)

    @cached_property
    def ends(self) -> Integers:
        """The number behind the last patch of each case."""
        return np.cumsum(self.per_case)

    def place_of(self, number: int) -> tuple[int, int]:
        """Return the case of a patch, and which of the patches of that case it is."""
        position = int(np.searchsorted(self.ends, number, side="right"))
        return int(self.cases[position]), number - int(self.ends[position] - self.per_case[position])

    def patches_of(self, case: int) -> range:
        """Return the numbers of the patches of a case."""
        position = int(np.searchsorted(self.cases, case))
        if position == len(self.cases) or self.cases[position] != case:
            return range(0)
        return range(int(self.ends[position] - self.per_case[position]), int(self.ends[position]))


def count_patches(dataset: PatchesOfCases, selection: Selection) -> Counts:
    """Return how many patches each case has; cases are only read where that is needed.

    Args:
        dataset: The patches.
        selection: Which of the places.

    Raises:
        EmptyDatasetError: If there is none.
    """
    numbers = selection.cases(dataset.case_names()) if selection.choices else range(dataset.n_cases)
    if selection.draw is not None and not selection.looks:
        return _filled(np.asarray(numbers), np.full(len(numbers), selection.n_per_case), {}, selection)
    if not dataset.reads_regions or selection.looks:
        _log.info("counting patches: reading %d cases once", len(numbers))
    counts, masks = [], {}
    for number in numbers:
        case = dataset.open(number)
        mask = selection.mask(case)
        if mask is not None:
            masks[number] = mask
        n = len(case.places) if mask is None else len(mask)
        counts.append(n if selection.draw is None else selection.n_per_case * (n > 0))
    return _filled(np.asarray(numbers), np.asarray(counts, dtype=np.int64), masks, selection)


def _filled(cases: Integers, counts: Integers, masks: dict[int, Bitmask], selection: Selection) -> Counts:
    """Leave out the cases without a patch, and say how many these are."""
    has_some = counts > 0
    if not has_some.any():
        raise EmptyDatasetError(
            f"no patch of {len(cases)} cases is left",
            expected="at least one patch",
            to_do=f"check what is asked for: {', '.join(map(repr, selection.choices))}",
        )
    if not has_some.all():
        _log.info("%d of %d cases have no patch: %s", int((~has_some).sum()), len(cases), selection.choices)
    kept = cases[has_some]
    return Counts(kept, counts[has_some], {number: masks[number] for number in kept.tolist() if number in masks})
