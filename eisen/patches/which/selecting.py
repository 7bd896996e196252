"""What a user says about which places are taken, brought into one form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen.patches.cutting.cases import CaseParts
from eisen.patches.where.grids import Anywhere, Padded
from eisen.patches.where.indexing import Where
from eisen.patches.which.bitmask import Bitmask
from eisen.patches.which.drawing import Uniform
from eisen.patches.which.sampling import Choice, Draw, Matching, Which

__all__ = ["Selection"]


class Selection:
    """At most one draw, and choices that all have to agree.

    Args:
        which: As of `PatchDataset`.
        where: The places.
        n_per_case: As of `PatchDataset`.
        owner: Who asks, for errors.

    Raises:
        ArgumentError: If these do not go together.

    Example:
        >>> from eisen.patches import NonConstant
        >>> selection = Selection([NonConstant(), Uniform()], Anywhere(32), 4, "PatchDataset")
        >>> selection.draw, selection.n_per_case, selection.looks
        (Uniform(), 4, True)
    """

    def __init__(self, which: Any, where: Where, n_per_case: int | None, owner: str) -> None:
        given = [_checked(each, owner) for each in (which if isinstance(which, (list, tuple)) else [which]) if each]
        draws = [each for each in given if isinstance(each, Draw)]
        if not draws and _is_anywhere(where):
            draws = [Uniform()]
        if len(draws) > 1:
            raise ArgumentError(f"{owner}: which draws twice: {draws}", expected="one of Uniform, Balanced, Weighted")
        if not draws and n_per_case is not None:
            raise ArgumentError(
                f"{owner}: n_per_case is {n_per_case}, and nothing is drawn",
                expected="n_per_case beside Uniform, Balanced or Weighted",
                to_do="leave n_per_case out to take all places, or say which=Uniform()",
            )
        self.draw = draws[0] if draws else None
        self.choices = [each for each in given if isinstance(each, Choice)]
        self.n_per_case = n_per_case or 1
        self.looks = any(choice.looks for choice in self.choices)
        if self.draw is not None and self.looks and not self.draw.takes_choices:
            raise ArgumentError(
                f"{owner}: {self.draw!r} draws around voxels, not among chosen places",
                expected="Uniform beside choices that look at places; any draw beside Cases",
            )

    def cases(self, names: Sequence[Sequence[str]]) -> list[int]:
        """Return the numbers of the cases to take patches of.

        Args:
            names: Everything that each case is called.
        """
        left = set(range(len(names)))
        for choice in self.choices:
            numbers = choice.cases(names)
            left = left if numbers is None else left & numbers
        return sorted(left)

    def mask(self, case: CaseParts) -> Bitmask | None:
        """Return the places of a case that all choices agree on; None: all."""
        chosen: Any = None
        for choice in self.choices:
            says = choice.chosen(case)
            if says is not None:
                chosen = says if chosen is None else chosen & says
        return None if chosen is None else Bitmask(np.asarray(chosen, dtype=bool))


def _checked(which: Any, owner: str) -> Which:
    if isinstance(which, Which):
        return which
    if callable(which) and not isinstance(which, type):
        return Matching(which)
    raise ArgumentError(
        f"{owner}: which is {which!r}"[:200],
        expected="Uniform(), Balanced(...), Foreground(...), a function, or a list of them",
        to_do=f"make an object of the class: {which.__name__}()" if isinstance(which, type) else "",
    )


def _is_anywhere(where: Where) -> bool:
    return isinstance(where, Anywhere) or (isinstance(where, Padded) and _is_anywhere(where.where))
