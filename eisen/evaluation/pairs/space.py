"""Where distances of a case are computed: its field, with what all labels share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array
from eisen.evaluation.pairs.codes import is_one_of
from eisen.evaluation.pairs.corners import Corners
from eisen.evaluation.pairs.field import Field

if TYPE_CHECKING:
    from eisen.evaluation.pairs.case_pair import CasePair
    from eisen.evaluation.pairs.label_pair import LabelPair

__all__ = ["Space", "space_of"]

_Places = npt.NDArray[np.int64]
_SLAB = 1 << 18
"""Voxels that are worked on at a time."""


class Space:
    """The field of two label maps, the corners of their labels, and where they differ.

    Args:
        prediction: Codes, contiguous.
        reference: Likewise.
        spacing: In mm, in the order of their axes.
    """

    def __init__(self, prediction: Array, reference: Array, spacing: tuple[float, ...]) -> None:
        self.field = Field(prediction, reference, spacing)

    @cached_property
    def corners(self) -> tuple[Corners, Corners]:
        """Of the prediction and of the reference."""
        return Corners(self.field, self.field.prediction), Corners(self.field, self.field.reference)

    def only_in(self, side: str, codes: Sequence[int]) -> _Places:
        """Return the voxels that are in a label on one side only.

        Args:
            side: "prediction" or "reference".
            codes: The codes that are the label.
        """
        maps = self.field.prediction, self.field.reference
        parts = list(_only_in(*(maps if side == "prediction" else maps[::-1]), codes))
        return np.concatenate([self.field.places_of(part) for part in parts])


def _only_in(one: Array, other: Array, codes: Sequence[int]) -> Iterator[Array]:
    """Yield the voxels of a label in the one map and not in the other, as flat indices, slab by slab."""
    plane = one[:1].size
    n_planes = max(1, _SLAB // max(1, plane))
    for start in range(0, max(1, len(one)), n_planes):
        mask = is_one_of(one[start : start + n_planes], codes)
        if mask.any():
            mask &= ~is_one_of(other[start : start + n_planes], codes)
        yield np.flatnonzero(mask) + start * plane


def space_of(pair: LabelPair) -> tuple[Space, list[int]]:
    """Return where distances of a label are computed, and its codes there.

    Args:
        pair: The label.
    """
    case, codes = pair.case, pair.case.codes(pair.values)
    if 0 not in codes:
        return case.remember("space", lambda: _space(case, *case.maps.in_memory_order())), codes
    masks = [is_one_of(side, codes).view(np.uint8) for side in case.maps.in_memory_order()]
    return pair.remember("space", lambda: _space(case, *masks)), [1]


def _space(case: CasePair, prediction: Array, reference: Array) -> Space:
    return Space(prediction, reference, case.spacing[::-1] if case.maps.is_reversed else case.spacing)
