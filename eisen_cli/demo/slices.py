"""From volumes to the slices a radiologist expects: three planes, patient right on the left, true proportions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["PLANES", "Plane", "Volume", "dice_per_class", "informative_slices", "read_canonical"]

Array = npt.NDArray[Any]
_VISIBLE = 0.3  # share of its largest section from which an organ counts as shown


@dataclass(frozen=True)
class Plane:
    """One of the three planes of an array in RAS+ order.

    Args:
        name: What radiologists call it.
        axis: The array axis that a slice cuts.
        across: The array axis drawn from left to right.
        up: The array axis drawn from bottom to top.
        mirrored: Whether the axis across runs to the left, as in radiological convention.
        letters: What lies at the left edge and at the top edge.
    """

    name: str
    axis: int
    across: int
    up: int
    mirrored: bool
    letters: tuple[str, str]

    def cut(self, array: Array, index: int) -> Array:
        """Return a slice with rows from top to bottom and columns from left to right."""
        picture: Array = array.take(index, axis=self.axis).T[::-1]
        return picture[:, ::-1] if self.mirrored else picture


PLANES = (
    Plane("axial", axis=2, across=0, up=1, mirrored=True, letters=("R", "A")),
    Plane("coronal", axis=1, across=0, up=2, mirrored=True, letters=("R", "S")),
    Plane("sagittal", axis=0, across=1, up=2, mirrored=True, letters=("A", "S")),
)


@dataclass(frozen=True)
class Volume:
    """Voxels in RAS+ order and the size of one of them.

    Args:
        values: Array (i, j, k).
        spacing_mm: Edge lengths of a voxel along i, j, k.
    """

    values: Array
    spacing_mm: tuple[float, float, float]

    def extent_mm(self, axis: int) -> float:
        """Return the length of the field of view along an axis."""
        return float(self.values.shape[axis] * self.spacing_mm[axis])


def read_canonical(path: str | Path) -> Volume:
    """Read a NIfTI file and turn its axes to the nearest RAS+ order.

    Args:
        path: The file.
    """
    import nibabel

    image: Any = nibabel.as_closest_canonical(nibabel.load(path))
    spacing = image.header.get_zooms()
    return Volume(np.asarray(image.dataobj), (float(spacing[0]), float(spacing[1]), float(spacing[2])))


def informative_slices(labels: Array) -> tuple[int, int, int]:
    """Return for every axis the slice that shows most organs, and of those the one that shows most of them.

    Args:
        labels: Label map (i, j, k); 0 is background.
    """
    classes = np.unique(labels[labels > 0])
    if not len(classes):
        return labels.shape[0] // 2, labels.shape[1] // 2, labels.shape[2] // 2
    best = []
    for axis in range(3):
        others = tuple(i for i in range(3) if i != axis)
        area = np.stack([(labels == value).sum(axis=others) for value in classes])
        share = area / area.max(axis=1, keepdims=True)
        visible = (share > _VISIBLE).sum(axis=0) + share.mean(axis=0)
        best.append(int(np.argmax(visible)))
    return best[0], best[1], best[2]


def dice_per_class(reference: Array, prediction: Array) -> dict[int, float]:
    """Return the Dice overlap of every class of the reference.

    Args:
        reference: Label map; 0 is background.
        prediction: Label map of the same shape.

    Example:
        >>> dice_per_class(np.array([0, 1, 1, 2]), np.array([0, 1, 0, 2]))
        {1: 0.666..., 2: 1.0}
    """
    scores = {}
    for value in np.unique(reference[reference > 0]).tolist():
        expected, found = reference == value, prediction == value
        scores[int(value)] = float(2 * (expected & found).sum() / (expected.sum() + found.sum()))
    return scores
