"""Structural similarity in a window around every voxel, slab by slab."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from eisen._core.types import Array

__all__ = ["Similarity", "Window", "halved", "similarity"]

_Floats = npt.NDArray[np.float64]
_SLAB = 2**20  # voxels
_SIGMA = 1.5
_C1, _C2 = 0.01**2, 0.03**2  # of images whose data range is 1


@dataclass(frozen=True)
class Window:
    """What is looked at around a voxel.

    Args:
        kind: "uniform": all voxels count the same; "gaussian": with a standard deviation of 1.5 voxels.
        sizes: Odd width along each axis; 1 where slices are looked at one by one.
    """

    kind: Literal["uniform", "gaussian"]
    sizes: tuple[int, ...]

    @property
    def interior(self) -> tuple[slice, ...]:
        """The voxels whose windows lie inside of the image."""
        return tuple(slice(size // 2, -(size // 2) or None) for size in self.sizes)

    @property
    def to_sample(self) -> float:
        """Factor from a variance in the window to one that is divided by n - 1; 1 for Gaussian windows."""
        n = math.prod(self.sizes)
        return n / (n - 1) if self.kind == "uniform" and n > 1 else 1.0

    def fits(self, shape: tuple[int, ...]) -> bool:
        """Tell whether a window lies in an image at all.

        Args:
            shape: Of the image.
        """
        return all(n >= size for n, size in zip(shape, self.sizes, strict=True))

    def mean(self, image: _Floats) -> _Floats:
        """Return the mean of every window that lies inside of the image.

        Args:
            image: Of as many axes as there are sizes.
        """
        for axis, (size, inner) in enumerate(zip(self.sizes, self.interior, strict=True)):
            if size > 1:
                filtered = _along(self.kind, image, size, axis)
                image = filtered[(slice(None),) * axis + (inner,)]
        return image


@dataclass(frozen=True)
class Similarity:
    """Mean similarity of two images.

    Args:
        n: Over how many voxels.
        whole: Luminance, contrast and structure; NaN where a window holds NaN.
        without_luminance: Contrast and structure.
    """

    n: int
    whole: float
    without_luminance: float


def similarity(
    prediction: Array, reference: Array, mask: Array | None, window: Window, data_range: float
) -> Similarity:
    """Return the mean structural similarity over all voxels whose window lies inside of the image.

    Args:
        prediction: Numbers of any type.
        reference: Of the same shape.
        mask: Voxels over which the mean is taken; windows reach beyond it.
        window: What is looked at around each.
        data_range: By which both are divided first.
    """
    n, whole, part = 0, 0.0, 0.0
    inside = None if mask is None else mask[window.interior]
    for block, centres in _slabs(reference.shape, window):
        chosen = None if inside is None else inside[centres]
        if chosen is None or chosen.any():
            p, r = (np.divide(image[block], data_range, dtype=np.float64) for image in (prediction, reference))
            maps = _maps(p, r, chosen, window)
            n, whole, part = n + maps[0].size, whole + float(maps[0].sum()), part + float(maps[1].sum())
    return Similarity(n, whole / n, part / n) if n else Similarity(0, math.nan, math.nan)


def halved(image: Array, axes: tuple[int, ...]) -> _Floats:
    """Return an image of half the size: the means of neighbours; an odd last voxel is left out.

    Args:
        image: Numbers of any type.
        axes: Along which it is halved.
    """
    for axis in axes:
        n = image.shape[axis] // 2 * 2
        even, odd = ((slice(None),) * axis + (slice(start, n, 2),) for start in (0, 1))
        image = np.add(image[even], image[odd], dtype=np.float64)
        image *= 0.5
    return np.asarray(image, dtype=np.float64)


def _along(kind: str, image: _Floats, size: int, axis: int) -> _Floats:
    if kind == "uniform":
        found: _Floats = ndimage.uniform_filter1d(image, size, axis)
    else:
        found = ndimage.gaussian_filter1d(image, _SIGMA, axis, radius=size // 2)
    return found


def _slabs(shape: tuple[int, ...], window: Window) -> Iterator[tuple[slice, slice]]:
    """Yield which voxels of the first axis to read, and of which in the interior these are the windows."""
    around = window.sizes[0] - 1
    step = max(window.sizes[0], _SLAB // max(1, math.prod(shape[1:])))
    for start in range(0, shape[0] - around, step):
        stop = min(start + step, shape[0] - around)
        yield slice(start, stop + around), slice(start, stop)


def _maps(p: _Floats, r: _Floats, chosen: Array | None, window: Window) -> tuple[_Floats, _Floats]:
    """Return the similarity, and that without luminance, of the windows that are chosen."""
    finite = np.isfinite(p) & np.isfinite(r)
    spoilt = None
    if not finite.all():  # a running mean would carry a NaN on to windows that do not hold it
        spoilt = ndimage.minimum_filter(finite, window.sizes)[window.interior] == 0
        p, r = np.where(finite, p, 0), np.where(finite, r, 0)
    mean_p, mean_r = window.mean(p), window.mean(r)
    product = mean_p * mean_r
    squares = mean_p**2 + mean_r**2
    covariance = window.to_sample * (window.mean(p * r) - product)
    variances = window.to_sample * (window.mean(p * p + r * r) - squares)
    part = (2 * covariance + _C2) / (variances + _C2)
    whole = part * (2 * product + _C1) / (squares + _C1)
    if spoilt is not None:
        whole[spoilt] = part[spoilt] = np.nan
    return (whole, part) if chosen is None else (whole[chosen], part[chosen])
