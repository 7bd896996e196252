"""Transforms that give images another voxel size, by interpolation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from eisen._core.errors import ArgumentError, ShapeError
from eisen._core.types import DataPoint, Geometry, meta_field
from eisen.io.itk import itk_geometry
from eisen.transforms.arguments import checked_interpolation, checked_spacing, interpolation_for
from eisen.transforms.base import SpatialStep, geometry_of, needed_geometry
from eisen.transforms.functional import resample
from eisen.transforms.functional.itk import resample_itk

__all__ = ["Resample", "ResampleITKVolumes", "ResampleNiftiVolumes"]


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


class Resample(SpatialStep):
    """Give arrays another voxel size along their own axes; labels stay labels.

    Works on arrays with geometry (``<field>_meta``). The outer edge of the first voxel stays where it is. Smooth an
    image first if it shrinks by more than a factor of two.

    Args:
        fields: Names of the fields; the last three axes are space.
        spacing_mm: New voxel size in mm, one number, or one per axis of the array.
        interpolation: "linear", "nearest" or "cubic"; or one per field; None: nearest for fields whose name says
            label, mask or seg, linear for the others.

    Example:
        >>> grid = Geometry.of(np.diag([1.0, 1.0, 3.0, 1.0]), (64, 64, 20))
        >>> data = {"image": np.zeros((1, 64, 64, 20), "float32"), "image_meta": grid}
        >>> Resample(["image"], 1.5)(data)["image"].shape
        (1, 43, 43, 40)
    """

    def __init__(
        self,
        fields: Sequence[str],
        spacing_mm: float | Sequence[float],
        interpolation: str | Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(fields)
        spacing = [spacing_mm] * 3 if isinstance(spacing_mm, int | float) else spacing_mm
        self.spacing_mm = checked_spacing(spacing, "spacing_mm", type(self).__name__)
        if len(self.spacing_mm) != 3:
            raise ArgumentError(f"Resample: spacing_mm is {spacing_mm!r}", expected="one or three numbers in mm")
        names = ("linear", "nearest", "cubic")
        self.interpolation = checked_interpolation(interpolation, names, type(self).__name__)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Resample one array."""
        geometry = needed_geometry(field, data, type(self).__name__)
        grid, shape = resample.spaced_grid(geometry.affine, geometry.shape, self.spacing_mm)
        ratio = tuple(new / old for new, old in zip(self.spacing_mm, geometry.spacing, strict=True))
        name = interpolation_for(field, self.interpolation)
        return {
            field: resample.resample_to_spacing(data[field], ratio, shape, name),
            meta_field(field): geometry.moved(grid, shape, type(self).__name__),
        }
