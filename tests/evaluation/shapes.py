"""Phantoms of masks that all tests of the evaluation share: analytic bodies, and named pairs of every awkward kind.

``ALL_PAIRS`` is the list to parametrise over (``ids=str``); ``ORDINARY`` and ``DEGENERATE`` are its two halves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

Shape = tuple[int, ...]


def empty(shape: Sequence[int]) -> np.ndarray:
    """No voxel at all."""
    return np.zeros(shape, np.uint8)


def full(shape: Sequence[int]) -> np.ndarray:
    """Every voxel."""
    return np.ones(shape, np.uint8)


def voxel(shape: Sequence[int], at: Sequence[int]) -> np.ndarray:
    """One voxel."""
    mask = empty(shape)
    mask[tuple(at)] = 1
    return mask


def box(shape: Sequence[int], start: Sequence[int], stop: Sequence[int]) -> np.ndarray:
    """A box from ``start`` to ``stop`` (not included)."""
    mask = empty(shape)
    mask[tuple(slice(a, b) for a, b in zip(start, stop, strict=True))] = 1
    return mask


def ball(
    shape: Sequence[int], centre: Sequence[float], radius_mm: float, spacing: Sequence[float] | None = None
) -> np.ndarray:
    """A ball (2-D: a disc); the centre in voxels, the radius in mm."""
    steps = np.ones(len(shape)) if spacing is None else np.asarray(spacing, float)
    axes = np.ogrid[tuple(slice(n) for n in shape)]
    squares = [((axis - c) * s) ** 2 for axis, c, s in zip(axes, centre, steps, strict=True)]
    return (sum(squares) <= radius_mm**2).astype(np.uint8)


def line(shape: Sequence[int], axis: int, at: Sequence[int]) -> np.ndarray:
    """A line of single voxels along an axis through a voxel, from border to border."""
    mask = empty(shape)
    mask[tuple(slice(None) if i == axis else a for i, a in enumerate(at))] = 1
    return mask


def sprinkle(shape: Sequence[int], seed: int, n_labels: int = 1, share: float = 0.3) -> np.ndarray:
    """Random voxels of ``n_labels`` labels, a ``share`` of the image together."""
    random = np.random.default_rng(seed)
    return np.where(random.random(shape) < share, random.integers(1, n_labels + 1, shape), 0).astype(np.uint8)


def blobs(shape: Sequence[int], seed: int, n_labels: int = 1, n_blobs: int = 4) -> np.ndarray:
    """Balls at random places, label after label; later ones cover earlier ones."""
    random = np.random.default_rng(seed)
    labels = empty(shape)
    for i in range(n_blobs):
        radius = random.uniform(1.5, max(2.0, min(shape) / 4))
        labels[ball(shape, [random.uniform(0, n) for n in shape], radius) > 0] = 1 + i % n_labels
    return labels


@dataclass(frozen=True)
class Pair:
    """Two label maps with a name; all labels are asked for that are in `labels`."""

    name: str
    prediction: np.ndarray
    reference: np.ndarray
    spacing: tuple[float, ...] | None = None
    labels: tuple[int | tuple[int, ...], ...] = (1,)

    def __str__(self) -> str:
        return self.name

    @property
    def swapped(self) -> Pair:
        """Prediction and reference exchanged."""
        return Pair(f"{self.name}, swapped", self.reference, self.prediction, self.spacing, self.labels)

    def masks(self, label: int | tuple[int, ...] = 1) -> tuple[np.ndarray, np.ndarray]:
        """Return the two boolean masks of a label."""
        values = np.atleast_1d(label)
        return np.isin(self.prediction, values), np.isin(self.reference, values)


S3, S2, MM = (12, 14, 11), (15, 13), (2.0, 1.0, 0.5)
"""A 3-D shape, a 2-D shape and a spacing without any symmetry."""

ORDINARY = (
    Pair("two balls", ball(S3, (6, 7, 5), 4), ball(S3, (5, 6, 5), 3.5)),
    Pair("two balls, anisotropic", ball(S3, (6, 7, 5), 3.6, MM), ball(S3, (5, 6, 5), 3, MM), MM),
    Pair("nested balls", ball(S3, (6, 7, 5), 2), ball(S3, (6, 7, 5), 4.5)),
    Pair("identical balls", ball(S3, (6, 7, 5), 4), ball(S3, (6, 7, 5), 4), MM),
    Pair("disjoint boxes", box(S3, (1, 1, 1), (4, 5, 6)), box(S3, (7, 8, 2), (11, 12, 7)), MM),
    Pair("touching boxes", box(S3, (1, 2, 2), (5, 9, 9)), box(S3, (5, 2, 2), (9, 9, 9))),
    Pair("at the border", box(S3, (0, 0, 0), (6, 9, 7)), box(S3, (0, 3, 0), (8, 14, 5)), MM),
    Pair("random voxels", sprinkle(S3, 1), sprinkle(S3, 2, share=0.5), MM),
    Pair("blobs", blobs(S3, 1), blobs(S3, 2)),
    Pair("one piece too many", ball(S3, (3, 4, 4), 2) | box(S3, (8, 9, 6), (11, 12, 9)), ball(S3, (3, 4, 5), 2), MM),
    Pair("several labels", blobs(S3, 3, 3, 7), blobs(S3, 4, 3, 7), MM, (1, 2, 3, (1, 3), (1, 2, 3))),
    Pair("two discs", ball(S2, (7, 6), 5), ball(S2, (8, 5), 3.5)),
    Pair("two discs, anisotropic", ball(S2, (7, 6), 5, (2, 0.7)), ball(S2, (8, 5), 4, (2, 0.7)), (2.0, 0.7)),
    Pair("several labels, 2-D", blobs(S2, 5, 2, 6), blobs(S2, 6, 2, 6), (1.0, 3.0), (1, 2, (1, 2))),
)
"""Pairs in which both masks have voxels of every label."""

DEGENERATE = (
    Pair("empty prediction", empty(S3), ball(S3, (6, 7, 5), 4), MM),
    Pair("empty reference", ball(S3, (6, 7, 5), 4), empty(S3), MM),
    Pair("both empty", empty(S3), empty(S3), MM),
    Pair("both full", full(S3), full(S3), MM),
    Pair("full prediction", full(S3), ball(S3, (6, 7, 5), 4)),
    Pair("full reference", ball(S3, (6, 7, 5), 4), full(S3)),
    Pair("full prediction, empty reference", full(S3), empty(S3)),
    Pair("empty prediction, full reference", empty(S3), full(S3)),
    Pair("one voxel, the same", voxel(S3, (3, 4, 5)), voxel(S3, (3, 4, 5)), MM),
    Pair("one voxel each", voxel(S3, (3, 4, 5)), voxel(S3, (8, 2, 6)), MM),
    Pair("one voxel, in a ball", voxel(S3, (6, 7, 5)), ball(S3, (6, 7, 5), 4)),
    Pair("one voxel, in a corner", voxel(S3, (0, 0, 0)), voxel(S3, (11, 13, 10)), MM),
    Pair("a line and a plane", line(S3, 0, (0, 7, 5)), box(S3, (0, 7, 0), (12, 8, 11)), MM),
    Pair("two lines", line(S3, 0, (0, 7, 5)), line(S3, 1, (3, 0, 5)), MM),
    Pair("complements", box(S3, (0, 0, 0), (6, 14, 11)), box(S3, (6, 0, 0), (12, 14, 11))),
    Pair("one slice", box((1, 9, 8), (0, 2, 2), (1, 7, 6)), box((1, 9, 8), (0, 3, 1), (1, 8, 6))),
    Pair("an image of one voxel, both", full((1, 1, 1)), full((1, 1, 1))),
    Pair("an image of one voxel, neither", empty((1, 1, 1)), empty((1, 1, 1))),
    Pair("an image of one voxel, one", full((1, 1, 1)), empty((1, 1, 1))),
    Pair("no voxels at all", empty((0, 3, 4)), empty((0, 3, 4))),
    Pair("empty prediction, 2-D", empty(S2), ball(S2, (7, 6), 5)),
    Pair("empty reference, 2-D", ball(S2, (7, 6), 5), empty(S2)),
    Pair("both empty, 2-D", empty(S2), empty(S2)),
    Pair("both full, 2-D", full(S2), full(S2), (2.0, 0.7)),
    Pair("one pixel each", voxel(S2, (2, 2)), voxel(S2, (9, 4)), (2.0, 0.7)),
    Pair("two lines, 2-D", line(S2, 0, (0, 4)), line(S2, 1, (7, 0))),
    Pair("no pixels at all", empty((0, 0)), empty((0, 0))),
)
"""Pairs in which something is empty, full, flat or a single voxel."""

ALL_PAIRS = ORDINARY + DEGENERATE


def pairs_of_masks(n_axes: int = 3, max_side: int = 5) -> st.SearchStrategy[tuple[np.ndarray, np.ndarray]]:
    """Hypothesis: two small masks of one shape, any voxels at all."""
    shapes = hnp.array_shapes(min_dims=n_axes, max_dims=n_axes, min_side=1, max_side=max_side)
    return shapes.flatmap(lambda shape: st.tuples(*(hnp.arrays(np.uint8, shape, elements=st.integers(0, 1)),) * 2))


def pairs_of_label_maps(
    n_axes: int = 3, max_side: int = 5, n_labels: int = 3
) -> st.SearchStrategy[tuple[np.ndarray, np.ndarray]]:
    """Hypothesis: two small label maps of one shape, values from 0 to ``n_labels``."""
    shapes = hnp.array_shapes(min_dims=n_axes, max_dims=n_axes, min_side=1, max_side=max_side)
    elements: Any = st.integers(0, n_labels)
    return shapes.flatmap(lambda shape: st.tuples(*(hnp.arrays(np.uint8, shape, elements=elements),) * 2))


def spacings(n_axes: int = 3) -> st.SearchStrategy[tuple[float, ...]]:
    """Hypothesis: distances of voxels between 0.25 and 4 mm."""
    return st.tuples(*(st.sampled_from((0.25, 0.5, 0.8, 1.0, 1.5, 3.0, 4.0)),) * n_axes)
