"""Distances between masks the slow way: every element with every other one, for the tests of surfaces and distances."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial.distance import cdist

from eisen.evaluation.pairs.surface_area import bits_of_block, surface_of_patterns


def elements(mask: np.ndarray, spacing: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners that a surface passes through, in mm, and how much of it does."""
    padded = np.pad(mask.astype(int), 1)
    corners = tuple(n - 1 for n in padded.shape)
    patterns = np.zeros(corners, int)
    for bit, place in enumerate(bits_of_block(mask.ndim)):
        patterns += padded[tuple(slice(p, p + n) for p, n in zip(place, corners, strict=True))] << bit
    on = (patterns > 0) & (patterns < 2 ** (2**mask.ndim) - 1)
    return np.argwhere(on) * spacing, surface_of_patterns(spacing)[patterns[on]]


def from_surface(one: np.ndarray, other: np.ndarray, spacing: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return the distance of every surface element of one mask to the other's surface, ascending, and the areas."""
    (points, areas), (others, _) = elements(one, spacing), elements(other, spacing)
    distances = cdist(points, others).min(axis=1)
    order = np.argsort(distances)
    return distances[order], areas[order]


def from_voxels(one: np.ndarray, other: np.ndarray, spacing: tuple[float, ...]) -> np.ndarray:
    """Return the distance of every voxel of one mask to the other mask, over the whole image."""
    return ndimage.distance_transform_edt(~other.astype(bool), sampling=spacing)[one.astype(bool)]


def boundary(mask: np.ndarray) -> np.ndarray:
    """Return the voxels with a face on the outside."""
    mask = mask.astype(bool)
    return mask & ~ndimage.binary_erosion(mask)


def is_plain(prediction: np.ndarray, reference: np.ndarray) -> bool:
    """Whether both masks have voxels."""
    return bool(prediction.any() and reference.any())
