"""Turning arrays of any range and channel count into pictures."""

from __future__ import annotations

import numpy as np

from eisen._core.types import Array

__all__ = ["middle_slices", "pictures"]


def pictures(images: Array) -> Array:
    """Return images as TensorBoard shows them: values from 0 to 1, one channel or three.

    Values outside 0 to 1 are stretched to that range, for each image separately. One and three channels stay; of
    other counts the channels are blended, channel i of C with the weight i / C, so that a one-hot label shows a
    shade per class.

    Args:
        images: Shape (cases, channels, height, width).

    Returns:
        Shape (cases, 1 or 3, height, width), 32-bit floats.

    Example:
        >>> pictures(np.array([-10.0, 0.0, 10.0]).reshape(1, 1, 1, 3)).ravel()
        array([0. , 0.5, 1. ], dtype=float32)
    """
    values = np.nan_to_num(images.astype(np.float32), posinf=0.0, neginf=0.0)
    n_channels = values.shape[1]
    if n_channels not in (1, 3):
        weights = np.arange(n_channels, dtype=np.float32) / max(n_channels, 1)
        values = np.einsum("nchw,c->nhw", values, weights)[:, None]
    return np.stack([_stretched(value) for value in values])


def middle_slices(volumes: Array, axis: int) -> Array:
    """Return the middle slice of each volume across a spatial axis.

    Args:
        volumes: Shape (cases, channels, i, j, k).
        axis: 1, 2 or 3: i, j or k.

    Returns:
        Shape (cases, channels, ...) with the other two axes.
    """
    return np.asarray(np.take(volumes, volumes.shape[axis + 1] // 2, axis=axis + 1))


def _stretched(value: Array) -> Array:
    low, high = float(value.min()), float(value.max())
    if low >= 0 and high <= 1:
        return value
    return np.asarray((value - low) / (high - low) if high > low else np.zeros_like(value))
