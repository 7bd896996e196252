"""SimpleITK images on another grid, and where their voxels are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.types import Geometry

__all__ = ["itk_geometry", "resample_itk"]


def itk_geometry(image: Any) -> Geometry:
    """Return the geometry of a volume of SimpleITK, for indices in ITK's order (x, y, z).

    ITK counts millimetres to the left and to the back (LPS), eisen to the right and to the front (RAS).

    Example:
        >>> import SimpleITK
        >>> itk_geometry(SimpleITK.Image(5, 6, 7, SimpleITK.sitkUInt8)).affine.diagonal()
        array([-1., -1.,  1.,  1.])
    """
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
    affine[:3, 3] = image.GetOrigin()
    return Geometry.of(np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine, image.GetSize())


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
