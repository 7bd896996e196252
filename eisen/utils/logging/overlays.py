"""Outlines of segmentations drawn over the images they belong to."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array
from eisen.utils.logging.pictures import pictures

__all__ = ["label_map_of", "overlay"]

_COLOURS = np.array(
    [
        [0.90, 0.62, 0.00],
        [0.34, 0.71, 0.91],
        [0.00, 0.62, 0.45],
        [0.94, 0.89, 0.26],
        [0.84, 0.37, 0.00],
        [0.80, 0.47, 0.65],
        [0.00, 0.45, 0.70],
    ],
    dtype=np.float32,
)
"""Seven colours that people with colour-blindness can tell apart (Okabe and Ito 2008)."""


def label_map_of(values: Array) -> npt.NDArray[np.int64]:
    """Return the class of every voxel, (cases, ...), from a label map, one-hot channels, scores or logits.

    Args:
        values: (cases, channels, ...). With one channel: classes if they are whole numbers, otherwise 1 from one half
            on, or from 0 on where values lie outside 0 to 1 (logits).

    Example:
        >>> label_map_of(np.array([[[0.2, 0.7]]])), label_map_of(np.array([[[-3.0, 0.1]]]))
        (array([[0, 1]]), array([[0, 1]]))
    """
    if values.shape[1] > 1:
        return np.asarray(values.argmax(axis=1), dtype=np.int64)
    single = np.nan_to_num(values[:, 0])
    if np.equal(np.mod(single, 1), 0).all() and single.min(initial=0) >= 0:
        return single.astype(np.int64)
    border = 0.5 if single.min() >= 0 and single.max() <= 1 else 0.0
    return (single >= border).astype(np.int64)


def overlay(images: Array, labels: Array, axis: int = 1) -> Array:
    """Return images with the outlines of their labels in colour; of volumes the slice that shows most of the label.

    Args:
        images: (cases, channels, height, width) or (cases, channels, i, j, k).
        labels: On the same grid; any form that `label_map_of` understands.
        axis: The axis across which volumes are cut: 1, 2 or 3.

    Returns:
        (cases, 3, height, width), 0 to 1.
    """
    classes = label_map_of(labels)
    if images.ndim == 5:
        images, classes = _fullest_slices(images, classes, axis)
    shown = pictures(images)
    shown = np.repeat(shown, 3, axis=1) if shown.shape[1] == 1 else shown.copy()
    edge = _outline(classes)
    colours = _COLOURS[(classes - 1) % len(_COLOURS)]
    return np.asarray(np.where(edge[:, None], np.moveaxis(colours, -1, 1), shown))


def _fullest_slices(images: Array, classes: Array, axis: int) -> tuple[Array, Array]:
    """Cut each case where its label is largest; in the middle where it is empty."""
    planes = tuple(a for a in (1, 2, 3) if a != axis)
    areas = (classes > 0).sum(axis=planes)
    cut = np.where(areas.any(axis=1), areas.argmax(axis=1), areas.shape[1] // 2)
    pairs = [
        (np.take(i, c, axis=axis), np.take(m, c, axis=axis - 1)) for i, m, c in zip(images, classes, cut, strict=True)
    ]
    return np.stack([image for image, _ in pairs]), np.stack([mask for _, mask in pairs])


def _outline(classes: Array) -> npt.NDArray[np.bool_]:
    """Return the pixels of each label that have a neighbour of another class."""
    padded = np.pad(classes, ((0, 0), (1, 1), (1, 1)), mode="edge")
    centre = padded[:, 1:-1, 1:-1]
    neighbours = (padded[:, :-2, 1:-1], padded[:, 2:, 1:-1], padded[:, 1:-1, :-2], padded[:, 1:-1, 2:])
    differs = np.logical_or.reduce([centre != other for other in neighbours])
    return np.asarray(differs & (centre > 0))
