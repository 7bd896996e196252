"""Random loss of detail: smoothing, and low resolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen.transforms.arguments import checked_axes, checked_choice, checked_range
from eisen.transforms.augment.channels import RandomIntensityStep, Spot, spatial_axes
from eisen.transforms.functional.blur import gaussian_blur, low_resolution

__all__ = ["RandomBlur", "RandomLowResolution"]


class RandomBlur(RandomIntensityStep):
    """Smooth images with a Gaussian bell of random width, along each axis another one.

    Args:
        fields: Names of the image fields.
        sigma: Standard deviation of the bell, between two numbers from 0.
        unit: "mm" for fields with geometry (voxels where there is none), or "voxel".
        p: Probability that a case is changed.
        same_for_axes: Draw one width for all axes.
        channelwise: Draw for each channel (slice along the first axis) by itself.
        p_channel: Probability that a channel of a changed case is changed; needs `channelwise`.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.

    Example:
        >>> image = np.zeros((9, 9), "float32")
        >>> image[4, 4] = 1
        >>> blurred = RandomBlur(["image"], sigma=(1, 1))({"image": image})["image"]
        >>> round(float(blurred[4, 4]), 2), round(float(blurred.sum()), 2)
        (0.16, 1.0)
    """

    def __init__(
        self,
        fields: Sequence[str],
        sigma: Sequence[float] = (0.5, 1.5),
        unit: str = "mm",
        p: float = 1.0,
        *,
        same_for_axes: bool = False,
        channelwise: bool = False,
        p_channel: float = 1.0,
        spatial_dims: int | None = None,
    ) -> None:
        super().__init__(fields, p, channelwise=channelwise, p_channel=p_channel)
        owner = type(self).__name__
        self.sigma = checked_range(sigma, "sigma", owner)
        self.unit = checked_choice(unit, ("mm", "voxel"), "unit", owner)
        self.same_for_axes = same_for_axes
        self.spatial_dims = checked_spatial_dims(spatial_dims, owner)
        if self.sigma[0] < 0:
            raise ArgumentError(f"{owner}: sigma is {sigma!r}", expected="two numbers from 0")

    def draw_change(self, rng: np.random.Generator) -> tuple[float, ...]:
        """Draw the width along each of three axes."""
        widths = rng.uniform(*self.sigma, size=1 if self.same_for_axes else 3)
        return tuple(float(width) for width in np.broadcast_to(widths, 3))

    def change(self, value: Any, drawn: tuple[float, ...], spot: Spot) -> Any:
        """Smooth one image."""
        d = spatial_axes(value.shape, self.spatial_dims, spot.spacing is not None, type(self).__name__)
        spacing = spot.spacing if spot.spacing is not None and self.unit == "mm" else (1.0, 1.0, 1.0)
        return gaussian_blur(value, [width / mm for width, mm in zip(drawn[-d:], spacing[-d:], strict=True)])


class RandomLowResolution(RandomIntensityStep):
    """Make images look as if they had been scanned with larger voxels; the grid stays.

    Args:
        fields: Names of the image fields.
        zoom: Fraction of the voxels along an axis that is kept, between two numbers above 0 to 1.
        axes: Spatial axes that lose detail, counted from 0; None: all.
        p: Probability that a case is changed.
        same_for_axes: Draw one fraction for all axes; False draws one for each.
        channelwise: Draw for each channel (slice along the first axis) by itself.
        p_channel: Probability that a channel of a changed case is changed; needs `channelwise`.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.

    Source: F. Isensee et al., nnU-Net, Nature Methods 18, 2021, supplementary note 2.

    Example:
        >>> step = RandomLowResolution(["image"], zoom=(0.5, 0.5), axes=[1])
        >>> step({"image": np.float32([[0, 1, 2, 3]] * 2)})["image"]
        array([[1. , 1.5, 2.5, 3. ],
               [1. , 1.5, 2.5, 3. ]], dtype=float32)
    """

    def __init__(
        self,
        fields: Sequence[str],
        zoom: Sequence[float] = (0.5, 1.0),
        axes: Sequence[int] | None = None,
        p: float = 1.0,
        *,
        same_for_axes: bool = True,
        channelwise: bool = False,
        p_channel: float = 1.0,
        spatial_dims: int | None = None,
    ) -> None:
        super().__init__(fields, p, channelwise=channelwise, p_channel=p_channel)
        owner = type(self).__name__
        self.zoom = checked_range(zoom, "zoom", owner)
        self.axes = None if axes is None else checked_axes(axes, "axes", owner)
        self.same_for_axes = same_for_axes
        self.spatial_dims = checked_spatial_dims(spatial_dims, owner)
        if not 0 < self.zoom[0] <= self.zoom[1] <= 1:
            raise ArgumentError(f"{owner}: zoom is {zoom!r}", expected="two numbers above 0, up to 1")

    def draw_change(self, rng: np.random.Generator) -> tuple[float, ...]:
        """Draw the fraction along each of three axes."""
        zooms = rng.uniform(*self.zoom, size=1 if self.same_for_axes else 3)
        return tuple(float(zoom) for zoom in np.broadcast_to(zooms, 3))

    def change(self, value: Any, drawn: tuple[float, ...], spot: Spot) -> Any:
        """Take detail from one image."""
        d = spatial_axes(value.shape, self.spatial_dims, spot.spacing is not None, type(self).__name__)
        zoom = [drawn[axis] if self.axes is None or axis in self.axes else 1.0 for axis in range(d)]
        return low_resolution(value, zoom)


def checked_spatial_dims(value: int | None, owner: str) -> int | None:
    """Return the number of spatial axes if it is 2, 3 or None."""
    if value not in (None, 2, 3):
        raise ArgumentError(f"{owner}: spatial_dims is {value!r}", expected="2, 3 or None")
    return value
