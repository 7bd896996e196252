"""One label of a case."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from eisen._core.types import Array
from eisen.evaluation.measured import Presence
from eisen.evaluation.pairs.counts import Counts

if TYPE_CHECKING:
    from eisen.evaluation.pairs.case_pair import CasePair

__all__ = ["LabelPair"]

_T = TypeVar("_T")


class LabelPair:
    """Two masks of a label on one grid; what several metrics need is computed once.

    Args:
        case: The case it is of.
        values: The values that are the label; several are merged.

    Example:
        >>> import numpy as np
        >>> from eisen.evaluation import CasePair
        >>> pair = CasePair(np.array([[0, 1, 1]]), np.array([[0, 0, 1]])).label(1)
        >>> pair.counts, pair.box, pair.prediction.tolist(), pair.presence
        (Counts(tp=1, fp=1, fn=0, tn=1), (slice(0, 1, None), slice(1, 3, None)), [[True, True]], 'both')
    """

    def __init__(self, case: CasePair, values: tuple[int, ...]) -> None:
        self.case, self.values = case, values
        self.name = "+".join(str(value) for value in values)
        self._kept: dict[Hashable, Any] = {}

    @property
    def spacing(self) -> tuple[float, ...]:
        """Distance of voxels in mm, along each axis of the arrays."""
        return self.case.spacing

    @property
    def counts(self) -> Counts:
        """The four counts, over the whole image."""
        return self.remember("counts", lambda: self.case.histogram.counts(self.case.codes(self.values)))

    @property
    def presence(self) -> Presence:
        """Where the label is."""
        counts = self.counts
        if counts.predicted and counts.actual:
            return "both"
        return "missed" if counts.actual else "extra" if counts.predicted else "absent"

    @property
    def box(self) -> tuple[slice, ...]:
        """The smallest box with both masks; empty slices where there is neither."""
        return self.remember("box", lambda: self.case.box_of(self.values))

    @property
    def prediction(self) -> Array:
        """The mask of the prediction in the box, booleans; made anew each time, for masks are large."""
        return self.case.mask_of("prediction", self.values, self.box)

    @property
    def reference(self) -> Array:
        """The mask of the reference in the box, booleans; made anew each time, for masks are large."""
        return self.case.mask_of("reference", self.values, self.box)

    def padded(self, width: int = 1) -> tuple[Array, Array]:
        """Return both masks in the box, with empty voxels around.

        Args:
            width: How many, on every side.
        """
        return np.pad(self.prediction, width), np.pad(self.reference, width)

    def remember(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """Return what was made for a key before, or make it.

        Args:
            key: Of what several metrics share, e.g. "surfaces".
            make: Makes it.
        """
        if key not in self._kept:
            self._kept[key] = make()
        kept: _T = self._kept[key]
        return kept
