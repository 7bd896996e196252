"""Back to the grid of the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from eisen._core.errors import ArgumentError, GeometryError
from eisen._core.field_roles import Role
from eisen._core.types import DataPoint, Geometry, meta_field
from eisen.transforms.arguments import checked_fill, checked_interpolation, fill_for, interpolation_for
from eisen.transforms.base import SpatialStep, array_shape, geometry_of, needed_geometry
from eisen.transforms.functional.regridding import regrid
from eisen.transforms.functional.restore import restore_label_map

__all__ = ["ToNativeGrid"]


class ToNativeGrid(SpatialStep):
    """Bring images, label maps and predictions back to the grid of the file, voxel by voxel.

    Undoes whatever spatial steps were taken, in one interpolation at most: crops, pads, flips, permutations and
    rotations by 90 degrees are undone exactly, resampling, rotation and elastic deformation by interpolation.

    A field without geometry of its own, such as the output of a model, is on the grid of the reference. With several
    channels it holds one probability per class: these are interpolated, and the likeliest class wins.

    Args:
        fields: Names of the fields.
        reference: The field whose geometry knows the grid of the file, for fields without geometry of their own.
        interpolation: "linear" or "nearest"; or one per field; None: nearest for fields whose name says label, mask or
            seg, linear for the others.
        argmax: Whether channels are classes to be reduced to one label map (a single channel: 1 where it reaches 0.5).
            None: for fields that have no geometry of their own, several channels and linear interpolation.
        value: What is outside the field of view: a number; labels get 0. Or one per field.

    Example:
        >>> import numpy as np
        >>> from eisen.transforms import CropOrPad
        >>> data = {"image": np.ones((1, 9, 9, 9)), "image_meta": Geometry.of(np.eye(4), (9, 9, 9))}
        >>> data = CropOrPad(["image"], 4)(data)
        >>> data["prediction"] = np.stack([np.zeros((4, 4, 4)), np.ones((4, 4, 4))])
        >>> label = ToNativeGrid(["prediction"], reference="image")(data)["prediction"]
        >>> label.shape, int(label.sum())
        ((9, 9, 9), 64)
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"reference": "locates"}

    def __init__(
        self,
        fields: Sequence[str],
        reference: str | None = None,
        interpolation: str | Mapping[str, str] | None = None,
        argmax: bool | None = None,
        value: float | Mapping[str, float] = 0,
    ) -> None:
        super().__init__(fields)
        name = type(self).__name__
        self.reference = reference
        self.interpolation = checked_interpolation(interpolation, ("linear", "nearest"), name)
        if argmax not in (None, True, False):
            raise ArgumentError(f"{name}: argmax is {argmax!r}", expected="True, False or None")
        self.argmax = argmax
        self.value = checked_fill(value, "value", name)
        if any(isinstance(fill, str) for fill in (value.values() if isinstance(value, Mapping) else [value])):
            raise ArgumentError(f"{name}: value is {value!r}", expected="a number, or one per field")

    def transform(self, data: DataPoint) -> DataPoint:
        """Bring every field back; the grid of the reference is the one it has before it is brought back itself."""
        before = dict(data)
        return self.each_field(data, lambda field, values: self._restored(field, values, before))

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Bring one field back."""
        return self._restored(field, data, data)

    def _restored(self, field: str, data: DataPoint, before: DataPoint) -> DataPoint:
        own = geometry_of(field, data)
        geometry = own or self._reference_geometry(field, before)
        interpolation = interpolation_for(field, self.interpolation)
        shape = array_shape(data[field])
        by_default = own is None and interpolation == "linear" and len(shape) == 4 and shape[0] > 1
        if by_default if self.argmax is None else self.argmax:
            restored = restore_label_map(data[field], geometry)
        else:
            restored = regrid(data[field], geometry, geometry.native, interpolation, fill_for(field, self.value))
        return {field: restored, meta_field(field): geometry.native}

    def _reference_geometry(self, field: str, data: DataPoint) -> Geometry:
        name = type(self).__name__
        if self.reference is None:
            return needed_geometry(field, data, name)
        geometry = data.get(meta_field(self.reference))
        if not isinstance(geometry, Geometry):
            raise GeometryError(
                f"{name} needs to know where the voxels of '{self.reference}' are, and there is no"
                f" '{meta_field(self.reference)}'",
                expected=f"a Geometry in the field '{meta_field(self.reference)}'",
                to_do="read the file with a reader of eisen.io, and keep the _meta fields",
                field=field,
            )
        return geometry
