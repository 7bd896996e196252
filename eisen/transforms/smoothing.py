"""Smoothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.fields import FieldStep
from eisen._core.types import DataPoint
from eisen.transforms.arguments import checked_choice
from eisen.transforms.augment.blur import checked_spatial_dims
from eisen.transforms.augment.channels import spatial_axes
from eisen.transforms.base import array_shape, geometry_of
from eisen.transforms.functional.blur import gaussian_blur

__all__ = ["GaussianBlur"]


class GaussianBlur(FieldStep):
    """Smooth images with a Gaussian bell; at the rim the image is mirrored.

    Args:
        fields: Names of the fields.
        sigma: Standard deviation of the bell, one number or one per spatial axis, 0 or more.
        unit: "mm" for fields with geometry (voxels where there is none), or "voxel".
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.

    Example:
        >>> GaussianBlur(["x"], sigma=[0, 0.5])({"x": np.float32([[0, 0, 1, 0, 0]] * 2)})["x"][0].round(3)
        array([0.   , 0.106, 0.787, 0.106, 0.   ], dtype=float32)
    """

    def __init__(
        self,
        fields: Sequence[str],
        sigma: float | Sequence[float] = 1.0,
        unit: str = "mm",
        spatial_dims: int | None = None,
    ) -> None:
        super().__init__(fields)
        owner = type(self).__name__
        self.sigma = _checked_widths(sigma, owner)
        self.unit = checked_choice(unit, ("mm", "voxel"), "unit", owner)
        self.spatial_dims = checked_spatial_dims(spatial_dims, owner)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Smooth one image."""
        geometry = geometry_of(field, data)
        if isinstance(self.sigma, tuple):
            sigma = self.sigma
        else:
            d = spatial_axes(array_shape(data[field]), self.spatial_dims, geometry is not None, type(self).__name__)
            sigma = (self.sigma,) * d
        spacing = geometry.spacing if geometry is not None and self.unit == "mm" else (1.0, 1.0, 1.0)
        in_voxels = [mm / edge for mm, edge in zip(sigma, spacing[-len(sigma) :], strict=True)]
        return {field: gaussian_blur(data[field], in_voxels)}


def _checked_widths(sigma: Any, owner: str) -> float | tuple[float, ...]:
    numbers = [sigma] if isinstance(sigma, int | float) else list(sigma) if isinstance(sigma, Sequence) else []
    is_right = 1 <= len(numbers) <= 3 and all(isinstance(x, int | float) and 0 <= x < np.inf for x in numbers)
    if not is_right:
        raise ArgumentError(f"{owner}: sigma is {sigma!r}", expected="a number from 0, or one per spatial axis")
    return float(sigma) if isinstance(sigma, int | float) else tuple(float(x) for x in numbers)
