"""Distances between two masks: from surface to surface, from voxels to voxels, from boundary to boundary."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eisen._core.types import Array
from eisen.evaluation.pairs.codes import is_one_of
from eisen.evaluation.pairs.corners import SurfaceElements
from eisen.evaluation.pairs.distribution import Distribution
from eisen.evaluation.pairs.field import Field
from eisen.evaluation.pairs.nearest import Nearest, marked, marked_box, nearest
from eisen.evaluation.pairs.space import space_of
from eisen.evaluation.pairs.surface_area import surface_of_patterns

if TYPE_CHECKING:
    from eisen.evaluation.pairs.label_pair import LabelPair

__all__ = ["Directions", "boundary_distances", "surface_distances", "voxel_distances"]


_Weigh = Callable[[Nearest, slice], tuple[Array, Array]]
"""Weights of the shells, and of the places that are farther, of a part of the places."""
_PART = 1 << 18
"""For how many places distances are found at a time."""


@dataclass(frozen=True)
class Directions:
    """How far the one is from the other, both ways round; both masks have voxels.

    Args:
        from_prediction: Distances of the prediction to the reference.
        from_reference: Distances of the reference to the prediction.
    """

    from_prediction: Distribution
    from_reference: Distribution

    @property
    def both(self) -> tuple[Distribution, Distribution]:
        """The two."""
        return self.from_prediction, self.from_reference


def surface_distances(pair: LabelPair) -> Directions:
    """Return the distances between the surfaces of two masks, weighted by area; in 2-D by length of the contour.

    Args:
        pair: Both masks have voxels.
    """
    return pair.remember("surface distances", lambda: _of_surfaces(pair))


def voxel_distances(pair: LabelPair) -> Directions:
    """Return the distances from the voxels of each mask to the nearest voxel of the other; 0 inside of it.

    Args:
        pair: Both masks have voxels.
    """
    return pair.remember("voxel distances", lambda: _of_voxels(pair))


def boundary_distances(pair: LabelPair) -> Directions:
    """Return the distances between the boundary voxels of two masks: those with a face on the outside.

    Args:
        pair: Both masks have voxels.
    """
    return pair.remember("boundary distances", lambda: _of_boundaries(pair))


def _of_surfaces(pair: LabelPair) -> Directions:
    space, codes = space_of(pair)
    prediction, reference = (corners.surface_of(codes) for corners in space.corners)
    return Directions(
        _from_elements(space.field, prediction, reference), _from_elements(space.field, reference, prediction)
    )


def _from_elements(field: Field, ones: SurfaceElements, others: SurfaceElements) -> Distribution:
    area = surface_of_patterns(field.spacing)

    def weigh(found: Nearest, part: slice) -> tuple[Array, Array]:
        patterns, near = ones.patterns[part], found.shell >= 0
        keys = found.shell[near].astype(np.int32) * len(area) + patterns[near]
        numbers = np.bincount(keys, minlength=len(found.lengths) * len(area)).reshape(-1, len(area))
        return numbers @ area, area[patterns[~near]]  # whole numbers, summed up without error

    with marked(field, others.places) as marks:
        return _distribution(field, ones.places, marks, weigh)


def _of_voxels(pair: LabelPair) -> Directions:
    space, codes = space_of(pair)
    field, n_common = space.field, pair.counts.tp
    found = []
    for side, others in (("prediction", field.reference), ("reference", field.prediction)):
        with marked_box(field, is_one_of(others, codes)) as marks:
            found.append(_from_places(field, space.only_in(side, codes), marks, n_common))
    return Directions(*found)


def _of_boundaries(pair: LabelPair) -> Directions:
    space, codes = space_of(pair)
    field = space.field
    masks = [_boundary(field, field.padded(is_one_of(side, codes))) for side in (field.prediction, field.reference)]
    places = [np.flatnonzero(mask) for mask in masks]
    return Directions(_from_places(field, places[0], masks[1], 0), _from_places(field, places[1], masks[0], 0))


def _from_places(field: Field, places: Array, marks: Array, n_inside: int) -> Distribution:
    """Return the distances of places that are not marked, and of some more that are."""

    def weigh(found: Nearest, _: slice) -> tuple[Array, Array]:
        numbers = np.bincount(found.shell[found.shell >= 0], minlength=len(found.lengths))
        return numbers.astype(np.float64), np.ones(len(found.far_mm))

    return _distribution(field, places, marks, weigh, n_inside)


def _distribution(field: Field, places: Array, marks: Array, weigh: _Weigh, at_0: float = 0.0) -> Distribution:
    """Return the distances of places with their weights, a part of the places at a time."""
    lengths = field.steps.lengths
    near, far = np.zeros(len(lengths)), [(np.zeros(0), np.zeros(0))]
    near[0] = at_0
    for start in range(0, len(places), _PART):
        part = slice(start, start + _PART)
        found = nearest(field, places[part], marks)
        of_shells, of_far = weigh(found, part)
        near += of_shells
        far.append(_summed(found.far_mm, of_far))
    distances, weights = _summed(*(np.concatenate(side) for side in zip(*far, strict=True)))
    weights = np.concatenate([near, weights])
    present = weights > 0
    return Distribution(np.concatenate([lengths, distances])[present], weights[present])


def _summed(distances: Array, weights: Array) -> tuple[Array, Array]:
    """Return distances, ascending, each once, and the sums of their weights."""
    unique, place = np.unique(distances, return_inverse=True)
    return unique, np.bincount(place, weights=weights, minlength=len(unique))


def _boundary(field: Field, mask: Array) -> Array:
    """Return the voxels that have a face on the outside."""
    inner = mask.copy()
    for step in field.strides:
        inner[step:] &= mask[:-step]
        inner[:-step] &= mask[step:]
    return mask & ~inner
