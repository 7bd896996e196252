"""Where a prediction and its reference disagree, the largest place first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from eisen._core.types import Affine, Array

__all__ = ["Disagreement", "disagreements"]


@dataclass(frozen=True)
class Disagreement:
    """A connected region in which a prediction is not what the reference says.

    Args:
        n_voxels: Its size.
        volume_mm3: The same in cubic millimetres; of a picture with pixels of 1 x 1, the number of pixels.
        voxel: The voxel of the region that is nearest to its centre, so that it is always inside.
        mm: Where that is, RAS+.
        predicted: The label that most of the region has in the prediction.
        reference: The same in the reference.
    """

    n_voxels: int
    volume_mm3: float
    voxel: tuple[int, ...]
    mm: tuple[float, ...]
    predicted: int
    reference: int


def disagreements(prediction: Array, reference: Array, affine: Affine, most: int = 20) -> list[Disagreement]:
    """Return the regions in which two label maps differ, the largest first.

    Voxels that share a face, an edge or a corner are of one region.

    Args:
        prediction: Label map (I, J, K).
        reference: The same.
        affine: 4 x 4, voxel index to RAS+ mm.
        most: How many regions at most.

    Example:
        >>> reference = np.zeros((6, 6, 1), int)
        >>> prediction = reference.copy()
        >>> prediction[1:4, 2] = 1
        >>> found = disagreements(prediction, reference, np.diag([2.0, 1.0, 1.0, 1.0]))
        >>> found[0].n_voxels, found[0].volume_mm3, found[0].voxel, found[0].mm
        (3, 6.0, (2, 2, 0), (4.0, 2.0, 0.0))
    """
    from scipy import ndimage

    wrong = np.asarray(prediction != reference)
    if not wrong.any():
        return []
    box = _box(wrong)
    regions, n = ndimage.label(wrong[box], structure=np.ones((3,) * wrong.ndim))
    sizes = np.bincount(regions.ravel(), minlength=n + 1)[1:]
    places = ndimage.find_objects(regions)
    largest = np.argsort(-sizes, kind="stable")[:most]
    start = np.array([part.start for part in box])
    found = []
    for number in largest:
        inside = np.argwhere(regions[places[number]] == number + 1)
        inside += start + [part.start for part in places[number]]
        found.append(_described(inside, prediction, reference, affine))
    return found


def _described(inside: Array, prediction: Array, reference: Array, affine: Affine) -> Disagreement:
    """Return what is known about a region of these voxels (n, axes)."""
    centre = inside.mean(axis=0)
    voxel = inside[((inside - centre) ** 2).sum(axis=1).argmin()]
    world = affine[:3, :3] @ voxel[:3] + affine[:3, 3]
    volume = len(inside) * abs(float(np.linalg.det(affine[:3, :3])))
    where = tuple(inside.T)
    return Disagreement(
        len(inside),
        round(volume, 3),
        tuple(int(index) for index in voxel),
        tuple(round(float(x), 3) + 0.0 for x in world),
        _most_frequent(prediction[where]),
        _most_frequent(reference[where]),
    )


def _most_frequent(values: Array) -> int:
    found, counts = np.unique(values, return_counts=True)
    return int(found[counts.argmax()])


def _box(mask: Array) -> Any:
    """Return the slices around all voxels of a mask."""
    sides = []
    for axis in range(mask.ndim):
        other = tuple(other for other in range(mask.ndim) if other != axis)
        there = np.flatnonzero(mask.any(axis=other))
        sides.append(slice(int(there[0]), int(there[-1]) + 1))
    assert math.prod(part.stop - part.start for part in sides) > 0
    return tuple(sides)
