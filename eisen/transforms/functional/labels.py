"""Arithmetic on label maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.errors import VoxelValueError
from eisen._core.optional import is_torch
from eisen._core.types import Array
from eisen.transforms.functional.tensors import as_array, as_either

__all__ = ["label_counts", "label_map", "one_hot"]


def one_hot(label: Any, classes: Sequence[float]) -> Any:
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
    squeezed = label.squeeze() if is_torch(label) else as_array(label).squeeze()
    shape = (len(classes), *squeezed.shape)
    if is_torch(squeezed):
        import torch

        result: Any = torch.empty(shape, dtype=torch.float32, device=squeezed.device)
    else:
        result = np.empty(shape, dtype=np.float32)
    for channel, value in enumerate(classes):
        result[channel] = squeezed == value
    return result


def label_map(
    channels: Any, classes: Sequence[int] | None = None, threshold: float | None = 0.0, background: int = 0
) -> Any:
    """Turn one channel per class (zeros and ones, probabilities or logits) into a label map.

    Args:
        channels: Shape (classes, ...).
        classes: Label value of each channel; None: 0, 1, 2, ...
        threshold: A voxel whose largest channel is not above this is background; None: the largest channel always wins.
        background: The value of such voxels.

    Returns:
        The class whose channel is largest, of shape (...), as uint8 if all values fit, otherwise as int32.

    Example:
        >>> label_map(np.array([[0.9, 0.0, 0.2], [0.1, 0.0, 0.8]]), classes=[3, 7])
        array([3, 0, 7], dtype=uint8)
    """
    source = as_either(channels)
    values = list(range(source.shape[0])) if classes is None else list(classes)
    if source.shape[0] != len(values):
        raise VoxelValueError(
            f"there are {source.shape[0]} channels and {len(values)} classes",
            expected="one class per channel; the first axis holds the channels",
            to_do="give the list of classes that LabelMapToOneHot has",
        )
    kind = "uint8" if all(0 <= value < 256 for value in [*values, background]) else "int32"
    if is_torch(source):
        import torch

        best, winner = source.max(dim=0)
        result: Any = torch.tensor(values, dtype=getattr(torch, kind), device=source.device)[winner]
    else:
        best, winner = source.max(axis=0), source.argmax(axis=0)
        result = np.asarray(values, dtype=kind)[winner]
    if threshold is not None:
        result[~(best > threshold)] = background
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
