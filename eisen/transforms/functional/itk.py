"""SimpleITK images on another grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["resample_itk"]


def resample_itk(image: Any, spacing: Sequence[float], interpolation: str = "linear") -> Any:
    """Return a SimpleITK image with another voxel size; origin, direction and pixel type stay.

    Args:
        image: 2-D or 3-D.
        spacing: New spacing in mm, x first, one number per axis.
        interpolation: "nearest", "linear" or "continuous" (cubic spline).

    Returns:
        An image whose size is ``old_size * old_spacing / spacing`` per axis, rounded up so that nothing is lost.

    Example:
        >>> import SimpleITK
        >>> resample_itk(SimpleITK.Image(10, 10, 10, SimpleITK.sitkInt16), (2, 1, 3)).GetSize()
        (5, 10, 4)
    """
    import SimpleITK

    extent = np.array(image.GetSize()) * image.GetSpacing()
    size = np.maximum(np.ceil(extent / spacing - 1e-6), 1).astype(int)
    names = {"nearest": "sitkNearestNeighbor", "linear": "sitkLinear", "continuous": "sitkBSpline"}
    new = SimpleITK.ResampleImageFilter()
    new.SetInterpolator(getattr(SimpleITK, names[interpolation]))
    new.SetSize(size.tolist())
    new.SetOutputSpacing([float(mm) for mm in spacing])
    new.SetOutputOrigin(image.GetOrigin())
    new.SetOutputDirection(image.GetDirection())
    new.SetOutputPixelType(image.GetPixelID())
    return new.Execute(image)
