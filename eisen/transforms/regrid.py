"""Transforms that bring arrays to another voxel size, another shape, or the grid of another image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from eisen._core.errors import ArgumentError
from eisen._core.field_roles import Role
from eisen._core.types import DataPoint, meta_field
from eisen.transforms.arguments import (
    checked_dims,
    checked_fill,
    checked_interpolation,
    checked_size,
    checked_spacing,
    fill_for,
    interpolation_for,
)
from eisen.transforms.base import SpatialStep, followed, needed_geometry, spatial_shape
from eisen.transforms.functional import resample
from eisen.transforms.functional.antialiasing import antialias, shrinkage
from eisen.transforms.functional.crop import target_size
from eisen.transforms.functional.regridding import index_map, regrid

__all__ = ["Resample", "ResampleToReference", "Resize"]

Interpolation = str | Mapping[str, str] | None


class Resample(SpatialStep):
    """Give arrays another voxel size along their own axes; labels stay labels.

    Works on arrays with geometry (``<field>_meta``). The outer edge of the first voxel stays where it is.

    Args:
        fields: Names of the fields; the last three axes are space.
        spacing_mm: New voxel size in mm, one number, or one per axis of the array.
        interpolation: "linear", "nearest" or "cubic"; or one per field; None: nearest for fields whose name says
            label, mask or seg, linear for the others.
        anti_aliasing: Smooth images along axes that shrink (`functional.antialias`); wanted from a factor of two on.

    Example:
        >>> import numpy as np
        >>> from eisen._core.types import Geometry
        >>> grid = Geometry.of(np.diag([1.0, 1.0, 3.0, 1.0]), (64, 64, 20))
        >>> data = {"image": np.zeros((1, 64, 64, 20), "float32"), "image_meta": grid}
        >>> Resample(["image"], 1.5)(data)["image"].shape
        (1, 43, 43, 40)
    """

    def __init__(
        self,
        fields: Sequence[str],
        spacing_mm: float | Sequence[float],
        interpolation: Interpolation = None,
        *,
        anti_aliasing: bool = False,
    ) -> None:
        super().__init__(fields)
        name = type(self).__name__
        spacing = [spacing_mm] * 3 if isinstance(spacing_mm, int | float) else spacing_mm
        self.spacing_mm = checked_spacing(spacing, "spacing_mm", name)
        if len(self.spacing_mm) != 3:
            raise ArgumentError(f"{name}: spacing_mm is {spacing_mm!r}", expected="one or three numbers in mm")
        self.interpolation = checked_interpolation(interpolation, ("linear", "nearest", "cubic"), name)
        self.anti_aliasing = bool(anti_aliasing)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Resample one array."""
        geometry = needed_geometry(field, data, type(self).__name__)
        grid, shape = resample.spaced_grid(geometry.affine, geometry.shape, self.spacing_mm)
        ratio = tuple(new / old for new, old in zip(self.spacing_mm, geometry.spacing, strict=True))
        name = interpolation_for(field, self.interpolation)
        return {
            field: _scaled(data[field], ratio, shape, name, self.anti_aliasing),
            meta_field(field): geometry.moved(grid, shape, type(self).__name__),
        }


class Resize(SpatialStep):
    """Shrink or stretch arrays to a shape; labels stay labels, and geometry follows where there is one.

    The outer edges of the image stay where they are. Voxels change their proportions unless the shape does not.

    Args:
        fields: Names of the fields; the last axes are space.
        size: New shape in voxels; an int for the last three axes (both axes of a 2-D array), or two or three numbers
            for as many last axes.
        interpolation: "linear", "nearest" or "cubic"; or one per field; None: nearest for fields whose name says
            label, mask or seg, linear for the others.
        anti_aliasing: Smooth images along axes that shrink (`functional.antialias`); wanted from a factor of two on.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: as many as `size` has numbers, otherwise 3, or
            2 for arrays of two axes.

    Example:
        >>> import numpy as np
        >>> Resize(["photo"], [32, 48])({"photo": np.zeros((3, 640, 960), "uint8")})["photo"].shape
        (3, 32, 48)
    """

    def __init__(
        self,
        fields: Sequence[str],
        size: int | Sequence[int],
        interpolation: Interpolation = None,
        *,
        anti_aliasing: bool = False,
        spatial_dims: int | None = None,
    ) -> None:
        super().__init__(fields)
        name = type(self).__name__
        self.size = checked_size(size, "size", name)
        self.interpolation = checked_interpolation(interpolation, ("linear", "nearest", "cubic"), name)
        self.anti_aliasing = bool(anti_aliasing)
        count = len(self.size) if isinstance(self.size, tuple) else None
        self.spatial_dims = checked_dims(spatial_dims, name) or count
        if count not in (None, self.spatial_dims):
            raise ArgumentError(f"{name}: size is {size!r} and spatial_dims {spatial_dims}", expected="one per axis")

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Resize one array."""
        owner = type(self).__name__
        old = spatial_shape(field, data, self.spatial_dims, owner)
        size = target_size(old, self.size)
        ratio = [max(n, 1) / s for n, s in zip(old, size, strict=True)]
        matrix = [[*(r * (a == b) for b in range(len(old))), (r - 1) / 2] for a, r in enumerate(ratio)]
        value = data[field]
        flat = value[..., None, :, :] if len(size) == 2 else value
        name = interpolation_for(field, self.interpolation)
        new = (*[1] * (3 - len(size)), *size)
        scaled = _scaled(flat, (*[1.0] * (3 - len(size)), *ratio), new, name, self.anti_aliasing)
        return {
            field: scaled.reshape(*value.shape[: -len(size)], *size),
            **followed(field, data, matrix, size, owner),
        }


class ResampleToReference(SpatialStep):
    """Bring arrays to the grid of another image of the same body, e.g. a PET onto its CT; labels stay labels.

    Positions are compared in millimetres, so the two may differ in orientation, voxel size and field of view. Where
    their voxels coincide they are copied, otherwise interpolated once.

    Args:
        fields: Names of the fields, with geometry; the last three axes are space.
        reference: The field whose grid they get, with geometry.
        interpolation: "linear" or "nearest"; or one per field; None: nearest for fields whose name says label, mask or
            seg, linear for the others.
        value: What is outside the field of view: a number, or "min" for the smallest value of the array; labels get 0.
            Or one per field.
        anti_aliasing: Smooth images along axes that shrink (`functional.antialias`); wanted from a factor of two on.

    Example:
        >>> import numpy as np
        >>> from eisen._core.types import Geometry
        >>> ct, pet = Geometry.of(np.eye(4), (64, 64, 30)), Geometry.of(np.diag([4.0, 4, 4, 1]), (16, 16, 8))
        >>> data = {"ct": np.zeros(ct.shape), "ct_meta": ct, "pet": np.ones(pet.shape), "pet_meta": pet}
        >>> ResampleToReference(["pet"], reference="ct")(data)["pet"].shape
        (64, 64, 30)
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"reference": "locates"}

    def __init__(
        self,
        fields: Sequence[str],
        reference: str,
        interpolation: Interpolation = None,
        value: float | str | Mapping[str, float | str] = 0,
        *,
        anti_aliasing: bool = False,
    ) -> None:
        super().__init__(fields)
        name = type(self).__name__
        self.reference = str(reference)
        self.interpolation = checked_interpolation(interpolation, ("linear", "nearest"), name)
        self.value = checked_fill(value, "value", name)
        self.anti_aliasing = bool(anti_aliasing)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Bring one array to the grid of the reference."""
        owner = type(self).__name__
        source, target = needed_geometry(field, data, owner), needed_geometry(self.reference, data, owner)
        value, name = data[field], interpolation_for(field, self.interpolation)
        fill = fill_for(field, self.value)
        fill = float(value.min()) if fill == "min" else fill
        if self.anti_aliasing and name != "nearest":
            value = antialias(value, shrinkage(index_map(source, target)))
        moved = source.moved(target.affine, target.shape, owner)
        return {
            field: regrid(value, source, target, name, fill),
            meta_field(field): replace(moved, warps=target.warps),
        }


def _scaled(value: Any, ratio: Sequence[float], shape: Sequence[int], interpolation: str, anti_aliasing: bool) -> Any:
    if anti_aliasing and interpolation != "nearest":
        value = antialias(value, ratio)
    return resample.resample_to_spacing(value, ratio, shape, interpolation)
