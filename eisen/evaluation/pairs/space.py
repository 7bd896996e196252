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
        places, *sides = self._differing
        one, other = (is_one_of(found, codes) for found in (sides if side == "prediction" else sides[::-1]))
        return self.field.places_of(places[one & ~other])

    @cached_property
    def _differing(self) -> tuple[Array, Array, Array]:
        places, predicted, actual = zip(*_differing(self.field.prediction, self.field.reference), strict=True)
        return np.concatenate(places), np.concatenate(predicted), np.concatenate(actual)


def _differing(prediction: Array, reference: Array) -> Iterator[tuple[Array, Array, Array]]:
    """Yield the voxels that are not the same in both, as flat indices, and their codes, slab by slab."""
    n_planes = max(1, _SLAB // max(1, prediction[:1].size))
    small = np.uint32 if prediction.size < 2**32 else np.int64
    for start in range(0, max(1, len(prediction)), n_planes):
        one, other = (np.ascontiguousarray(side[start : start + n_planes]) for side in (prediction, reference))
        places = np.flatnonzero(one != other)
        codes = one.reshape(-1)[places], other.reshape(-1)[places]
        yield (places + start * prediction[:1].size).astype(small), *codes


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
