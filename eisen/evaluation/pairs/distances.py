"""Distances between two masks: from surface to surface, from voxels to voxels, from boundary to boundary."""

from __future__ import annotations

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
    with marked(field, others.places) as marks:
        found = nearest(field, ones.places, marks)
    area, near = surface_of_patterns(field.spacing), found.shell >= 0
    n = len(area)
    keys = found.shell[near].astype(np.int32) * n + ones.patterns[near]
    numbers = np.bincount(keys, minlength=len(found.lengths) * n).reshape(-1, n)  # whole: summed up without error
    return _distribution(found, numbers @ area, area[ones.patterns[~near]])


def _of_voxels(pair: LabelPair) -> Directions:
    space, codes = space_of(pair)
    predicted_only, actual_only = space.only_in_one(codes)
    field, n_common = space.field, pair.counts.tp
    found = []
    for places, others in ((predicted_only, field.reference), (actual_only, field.prediction)):
        with marked_box(field, is_one_of(others, codes)) as marks:
            found.append(_from_places(field, places, marks, n_common))
    return Directions(*found)


def _of_boundaries(pair: LabelPair) -> Directions:
    space, codes = space_of(pair)
    field = space.field
    masks = [_boundary(field, field.padded(is_one_of(side, codes))) for side in (field.prediction, field.reference)]
    places = [np.flatnonzero(mask) for mask in masks]
    return Directions(_from_places(field, places[0], masks[1], 0), _from_places(field, places[1], masks[0], 0))


def _from_places(field: Field, places: Array, marks: Array, n_inside: int) -> Distribution:
    """Return the distances of places that are not marked, and of some more that are."""
    found = nearest(field, places, marks)
    numbers = np.bincount(found.shell[found.shell >= 0], minlength=len(found.lengths)).astype(np.float64)
    numbers[0] += n_inside
    return _distribution(found, numbers, np.ones(len(found.far_mm)))


def _distribution(found: Nearest, near: Array, far: Array) -> Distribution:
    distances, place = np.unique(found.far_mm, return_inverse=True)
    weights = np.concatenate([near, np.bincount(place, weights=far, minlength=len(distances))])
    present = weights > 0
    return Distribution(np.concatenate([found.lengths, distances])[present], weights[present])


def _boundary(field: Field, mask: Array) -> Array:
    """Return the voxels that have a face on the outside."""
    inner = mask.copy()
    for step in field.strides:
        inner[step:] &= mask[:-step]
        inner[:-step] &= mask[step:]
    return mask & ~inner
