"""Gaussian smoothing and simulated low resolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.errors import ShapeError
from eisen.transforms.functional.tensors import fresh, on_tensors

__all__ = ["gaussian_blur", "low_resolution"]

_TRUNCATE = 4.0
"""The bell is cut off at so many standard deviations, as in scipy."""


@on_tensors
def gaussian_blur(array: Any, sigma: Sequence[float]) -> Any:
    """Smooth with a Gaussian bell; at the rim the image is mirrored.

    Args:
        array: Any leading axes, then as many spatial axes as `sigma` has numbers.
        sigma: Standard deviation along each spatial axis, in voxels; 0 leaves an axis as it is.

    Example:
        >>> gaussian_blur(np.float32([0, 0, 1, 0, 0]), [0.5]).round(3)
        array([0.   , 0.106, 0.787, 0.106, 0.   ], dtype=float32)
    """
    result = fresh(array)
    if array.ndim < len(sigma):
        raise ShapeError(f"an array of shape {tuple(array.shape)} has no {len(sigma)} spatial axes")
    for axis, width in enumerate(sigma, start=array.ndim - len(sigma)):
        if width > 0 and array.shape[axis] > 1 and result.numel():
            result = _blur_along(result, axis, float(width))
    return result


def _blur_along(tensor: Any, axis: int, sigma: float) -> Any:
    """Add up shifted copies: for narrow bells several times faster than any convolution of torch or scipy."""
    n, radius = tensor.shape[axis], max(int(_TRUNCATE * sigma + 0.5), 1)
    at = np.arange(radius + 1)
    bell = np.exp(-0.5 * (at / sigma) ** 2)
    bell /= bell[0] + 2 * bell[1:].sum()
    padded = _mirrored(tensor, axis, radius)
    result = padded.narrow(axis, radius, n) * float(bell[0])
    for k in range(1, radius + 1):
        for start in (radius - k, radius + k):
            result.add_(padded.narrow(axis, start, n), alpha=float(bell[k]))
    return result


def _mirrored(tensor: Any, axis: int, width: int) -> Any:
    """Return the tensor with a mirrored rim of a width along one axis."""
    import torch

    n = tensor.shape[axis]
    if width <= n:  # three blocks are copied much faster than single indices
        first, last = tensor.narrow(axis, 0, width).flip(axis), tensor.narrow(axis, n - width, width).flip(axis)
        return torch.cat([first, tensor, last], axis)
    index = np.arange(-width, n + width) % (2 * n)
    index = np.minimum(index, 2 * n - 1 - index)
    return tensor.index_select(axis, torch.from_numpy(index).to(tensor.device))


@on_tensors
def low_resolution(array: Any, zoom: Sequence[float]) -> Any:
    """Lose detail as a scan with larger voxels does: take fewer voxels, and interpolate back to the same grid.

    Args:
        array: Any leading axes, then as many spatial axes as `zoom` has numbers.
        zoom: Fraction of the voxels that is kept along each axis, above 0 to 1.

    Returns:
        An array of the same shape: nearest voxels on the way down, linear on the way back.

    Source: F. Isensee et al., nnU-Net, Nature Methods 18, 2021, supplementary note 2.

    Example:
        >>> low_resolution(np.float32([[0, 1, 2, 3]]), [1, 0.5])
        array([[1. , 1.5, 2.5, 3. ]], dtype=float32)
    """
    from torch.nn.functional import interpolate

    d = len(zoom)
    shape = tuple(array.shape[-d:])
    small = [max(round(n * z), 1) for n, z in zip(shape, zoom, strict=True)]
    image = fresh(array)
    if tuple(small) == shape or not image.numel():
        return image
    batch = image.reshape(1, -1, *shape)
    reduced = interpolate(batch, size=small, mode="nearest-exact")
    back = interpolate(reduced, size=shape, mode=("linear", "bilinear", "trilinear")[d - 1], align_corners=False)
    return back.reshape(array.shape)
