"""Transforms that give images of nibabel and SimpleITK another voxel size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from eisen._core.errors import ArgumentError, ShapeError
from eisen._core.types import DataPoint, Geometry, meta_field
from eisen.io.itk import itk_geometry
from eisen.transforms.arguments import checked_interpolation, checked_spacing, interpolation_for
from eisen.transforms.base import SpatialStep, geometry_of
from eisen.transforms.functional import resample
from eisen.transforms.functional.itk import resample_itk

__all__ = ["ResampleITKVolumes", "ResampleNiftiVolumes"]


class ResampleNiftiVolumes(SpatialStep):
    """Give NIfTI images another voxel size, with axes that point right, front and up (RAS+).

    The new grid covers the box around all voxel centres; oblique and flipped images come out straight. What lies
    outside the image is 0. The data type stays; whole numbers are rounded.

    Args:
        fields: Names of the fields, images of nibabel (a 4-D image is resampled volume by volume).
        resolution: New voxel size in mm along right-left, back-front and foot-head.
        interpolation: "linear", "nearest" or "continuous" (cubic spline); or one per field, e.g.
            ``{"image": "linear", "label": "nearest"}``, where fields left out are linear, and nearest if their name
            says label, mask or seg.

    Adds the fields ``<field>_original_spacing`` (mm) and ``<field>_original_shape`` (voxels).

    Example:
        >>> import nibabel
        >>> image = nibabel.Nifti1Image(np.zeros((10, 10, 10), "int16"), np.diag([2.0, 2, 2, 1]))
        >>> ResampleNiftiVolumes(["image"], [1, 1, 1])({"image": image})["image"].shape
        (19, 19, 19)
    """

    def __init__(
        self, fields: Sequence[str], resolution: Sequence[float], interpolation: str | Mapping[str, str] = "linear"
    ) -> None:
        super().__init__(fields)
        self.resolution = checked_spacing(resolution, "resolution", "ResampleNiftiVolumes")[:3]
        if len(self.resolution) != 3:
            raise ArgumentError(f"ResampleNiftiVolumes: resolution is {resolution!r}", expected="three numbers in mm")
        names = ("linear", "nearest", "continuous")
        self.interpolation = checked_interpolation(interpolation, names, type(self).__name__)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Resample one image."""
        import nibabel

        image = data[field]
        if len(image.shape) < 3:
            raise ShapeError(f"the image has the shape {image.shape}", expected="a volume, or several (4-D)")
        grid, shape = resample.bounding_grid(image.affine, image.shape, self.resolution)
        array = np.moveaxis(np.asanyarray(image.dataobj), (0, 1, 2), (-3, -2, -1))
        name = interpolation_for(field, self.interpolation)
        sampled = np.moveaxis(
            resample.resample_to_grid(array, image.affine, grid, shape, name), (-3, -2, -1), (0, 1, 2)
        )
        before = geometry_of(field, data) or Geometry.of(image.affine, image.shape[:3])
        return {
            field: nibabel.Nifti1Image(sampled, grid, dtype=sampled.dtype),
            f"{field}_original_spacing": tuple(image.header.get_zooms()),
            f"{field}_original_shape": tuple(image.shape),
            meta_field(field): before.moved(grid, shape, type(self).__name__),
        }


class ResampleITKVolumes(SpatialStep):
    """Give SimpleITK images another voxel size; origin, direction and pixel type stay.

    Args:
        fields: Names of the fields, images of SimpleITK, 2-D or 3-D.
        resolution: New voxel size in mm, x first, one number per axis of the image.
        interpolation: "linear", "nearest" or "continuous" (cubic spline); or one per field, as in
            `ResampleNiftiVolumes`.

    Adds the fields ``<field>_original_spacing`` (mm) and ``<field>_original_shape`` (voxels), x first.

    Example:
        >>> import SimpleITK
        >>> image = SimpleITK.Image(10, 10, 10, SimpleITK.sitkInt16)
        >>> ResampleITKVolumes(["ct"], [2, 2, 5])({"ct": image})["ct"].GetSize()
        (5, 5, 2)
    """

    def __init__(
        self, fields: Sequence[str], resolution: Sequence[float], interpolation: str | Mapping[str, str] = "linear"
    ) -> None:
        super().__init__(fields)
        self.resolution = checked_spacing(resolution, "resolution", "ResampleITKVolumes")
        names = ("linear", "nearest", "continuous")
        self.interpolation = checked_interpolation(interpolation, names, type(self).__name__)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Resample one image."""
        image = data[field]
        n = image.GetDimension()
        if len(self.resolution) < n:
            raise ShapeError(f"a {n}-D image and {len(self.resolution)} numbers in resolution", expected="one per axis")
        new = resample_itk(image, self.resolution[:n], interpolation_for(field, self.interpolation))
        result = {
            field: new,
            f"{field}_original_spacing": np.array(image.GetSpacing()),
            f"{field}_original_shape": np.array(image.GetSize()),
        }
        if n == 3:
            before, after = geometry_of(field, data) or itk_geometry(image), itk_geometry(new)
            result[meta_field(field)] = before.moved(after.affine, after.shape, type(self).__name__)
        return result
