"""Arithmetic on label maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eisen._core.types import Array
from eisen.transforms.functional.tensors import accepts_tensors

__all__ = ["label_counts", "one_hot"]


@accepts_tensors
def one_hot(label: Array, classes: Sequence[float]) -> Array:
    """Turn a label map into one channel of zeros and ones per class.

    Args:
        label: Label map; axes of length 1 are removed.
        classes: Values, in the order of the channels. A value that is not listed is 0 in every channel.

    Returns:
        float32, shape (classes, ...).

    Example:
        >>> one_hot(np.array([[0, 2, 3]]), [0, 2])
        array([[1., 0., 0.],
               [0., 1., 0.]], dtype=float32)
    """
    squeezed = np.squeeze(label)
    result = np.empty((len(classes), *squeezed.shape), dtype=np.float32)
    for channel, value in enumerate(classes):
        result[channel] = squeezed == value
    return result


def label_counts(label: Array) -> dict[float, int]:
    """Return how many voxels each value of a label map has, smallest value first.

    Example:
        >>> label_counts(np.array([[0, 2], [2, 5]], "uint8"))
        {0.0: 1, 2.0: 2, 5.0: 1}
    """
    if label.size and label.min() >= 0 and label.max() < 2**16:
        whole = label.astype(np.uint16)
        if label.dtype.kind in "bu" or np.array_equal(whole, label):
            counts = np.bincount(whole.ravel(order="K"))
            return {float(value): int(counts[value]) for value in np.flatnonzero(counts)}
    values, counts = np.unique(label, return_counts=True)
    return {float(value): int(count) for value, count in zip(values, counts, strict=True)}
