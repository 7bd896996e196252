"""Centre lines of masks."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array
from eisen.evaluation.pairs.components import components_of
from eisen.evaluation.pairs.label_pair import LabelPair

__all__ = ["skeleton", "skeletons_of"]


def skeletons_of(pair: LabelPair) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return the centre lines of the prediction and of the reference, in the box of the label.

    Args:
        pair: The label.
    """
    return pair.remember("skeletons", lambda: (skeleton(pair.prediction), skeleton(pair.reference)))


def skeleton(mask: Array) -> npt.NDArray[np.bool_]:
    """Return the centre line of a mask, one voxel wide; every component has at least one voxel of it.

    Args:
        mask: Booleans, two or three axes.

    Source: Zhang and Suen, A fast parallel algorithm for thinning digital patterns, Commun. ACM 27, 1984 (2-D); Lee et
        al., Building skeleton models via 3-D medial surface/axis thinning algorithms, CVGIP 56, 1994 (3-D).

    Example:
        >>> skeleton(np.ones((3, 7), bool)).astype(int)[1].tolist()
        [1, 1, 1, 1, 1, 0, 0]
    """
    from skimage.morphology import skeletonize

    if not mask.any():
        return np.zeros(mask.shape, bool)
    padded = np.pad(mask, 1)  # thinning does not see what is beyond the border
    lines: npt.NDArray[np.bool_] = skeletonize(padded) > 0  # type: ignore[no-untyped-call]
    lines = lines[(slice(1, -1),) * mask.ndim].copy()
    for place in _lost(mask, lines):
        lines[place] = True
    return lines


def _lost(mask: Array, lines: npt.NDArray[np.bool_]) -> list[tuple[int, ...]]:
    """Return the middle voxel of each component that was thinned away, as cubes of 2 and 4 voxels are in 3-D."""
    numbers, n = components_of(mask, 26)
    kept = np.zeros(n + 1, bool)
    kept[numbers[lines]] = True
    if kept[1:].all():
        return []
    places = np.argwhere(mask & ~kept[numbers])
    which = numbers[tuple(places.T)]
    order = np.argsort(which, kind="stable")
    places, which = places[order], which[order]
    edges = [0, *(np.flatnonzero(np.diff(which)) + 1), len(which)]
    return [_middle(places[start:stop]) for start, stop in pairwise(edges)]


def _middle(places: npt.NDArray[np.intp]) -> tuple[int, ...]:
    nearest = ((places - places.mean(axis=0)) ** 2).sum(axis=1).argmin()
    return tuple(int(k) for k in places[nearest])
