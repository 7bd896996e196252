"""Smoothing before an image shrinks, so that fine patterns do not turn into coarse ones that are not there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eisen._core.types import Affine, Array
from eisen.transforms.functional.tensors import accepts_tensors

__all__ = ["antialias", "shrinkage"]


@accepts_tensors
def antialias(array: Array, ratio: Sequence[float]) -> Array:
    """Smooth an image as if its voxels were as large as those of the grid it goes to.

    A voxel averages over a Gaussian whose full width at half maximum is the voxel size. What is missing from the old
    size to the new one is a Gaussian with ``sigma = sqrt((ratio^2 - 1) / (8 ln 2))`` voxels.

    Args:
        array: Leading axes, then as many spatial axes as `ratio` has numbers.
        ratio: New voxel size over old one, per spatial axis; axes that do not shrink (up to 1) are left alone.

    Returns:
        An array of the same dtype; whole numbers are rounded.

    Source: M. J. Cardoso et al., Scale factor point spread function matching: beyond aliasing in image resampling,
    MICCAI 2015.

    Example:
        >>> stripes = np.tile(np.float32([0, 1]), 8)[None, None]
        >>> antialias(stripes, (1, 1, 4)).ravel()[6:10].round(2)
        array([0.5, 0.5, 0.5, 0.5], dtype=float32)
    """
    from scipy import ndimage

    if not array.size or max(ratio) <= 1:
        return array
    smooth = array.astype(np.float64 if array.dtype == np.float64 else np.float32)
    for axis, r in enumerate(ratio, start=array.ndim - len(ratio)):
        if r > 1:
            sigma = np.sqrt((r**2 - 1) / (8 * np.log(2)))
            smooth = ndimage.gaussian_filter1d(smooth, sigma, axis=axis, mode="nearest")
    if array.dtype.kind in "iub":
        np.rint(smooth, out=smooth)
    return smooth.astype(array.dtype, copy=False)


def shrinkage(matrix: Affine) -> tuple[float, ...]:
    """Return how large a voxel of the new grid is along each axis of the old one, in voxels of the old one.

    Args:
        matrix: 4 x 4, index of the new grid to index of the old one.

    Example:
        >>> shrinkage(np.diag([2.0, 1.0, 0.5, 1.0]))
        (2.0, 1.0, 0.5)
    """
    return tuple(float(r) for r in np.linalg.norm(matrix[:3, :3], axis=1))
