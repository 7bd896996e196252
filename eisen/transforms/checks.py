"""Steps that look at the data and let it through unchanged, or stop with the facts.

They take arrays, tensors and images of nibabel and SimpleITK, so they can stand right after the readers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from eisen._core.errors import ArgumentError, GeometryError, ShapeError, VoxelValueError
from eisen._core.field_roles import Role
from eisen._core.fields import DataStep, FieldStep, checked_fields, missing_field
from eisen._core.types import Array, DataPoint, Geometry
from eisen.io.itk import itk_geometry
from eisen.transforms.base import geometry_of
from eisen.transforms.functional.labels import label_counts
from eisen.transforms.functional.tensors import as_array

__all__ = ["CheckFinite", "CheckLabels", "CheckSameGrid"]


class CheckFinite(FieldStep):
    """Stop if an image has voxels that are NaN or infinite.

    Args:
        fields: Names of the fields.

    Raises:
        VoxelValueError: With how many voxels there are and where the first one is (at call time).

    Example:
        >>> data = CheckFinite(["image"])({"image": np.zeros((4, 4))})
        >>> CheckFinite(["image"])({"image": np.array([1.0, np.nan])})
        Traceback (most recent call last):
        eisen._core.errors.VoxelValueError: 1 of 2 voxels of 'image' is NaN; the first is at index (1,)
        ...
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"fields": "reads"}

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Look at one image."""
        array = _array_of(data[field])
        # If the sum is finite all voxels are: one pass, no memory. If it overflows there is the second look.
        with np.errstate(all="ignore"):
            if array.dtype.kind not in "fc" or np.isfinite(array.sum()):
                return {}
        bad = ~np.isfinite(array)
        count = int(bad.sum())
        if not count:
            return {}
        first = tuple(int(i) for i in np.unravel_index(int(bad.argmax()), array.shape))
        kind = "NaN" if np.isnan(array).sum() == count else "NaN or infinite"
        raise VoxelValueError(
            f"{count} of {array.size} voxels of '{field}' {'is' if count == 1 else 'are'} {kind};"
            f" the first is at index {first}",
            expected="finite numbers",
            to_do="repair the file (holes of a registration or division are often NaN), or take the case out",
        )


class CheckLabels(FieldStep):
    """Stop if a label map is empty, holds fractions, or values that are not expected.

    Args:
        fields: Names of the label fields.
        values: The values there may be; 0 (background) is always allowed. None: any whole number.
        allow_empty: Whether a label map without any label is fine.

    Raises:
        VoxelValueError: With the values found and how often each is there (at call time).

    Example:
        >>> data = CheckLabels(["label"], values=[1, 2])({"label": np.array([0, 1, 2])})
        >>> CheckLabels(["label"], values=[1, 2])({"label": np.array([0, 1, 7, 7])})
        Traceback (most recent call last):
        eisen._core.errors.VoxelValueError: 'label' holds values that are not expected: 7 (2 voxels)
        ...
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"fields": "reads"}

    def __init__(self, fields: Sequence[str], values: Iterable[int] | None = None, allow_empty: bool = False) -> None:
        super().__init__(fields)
        if isinstance(values, str | int | float):
            raise ArgumentError(f"CheckLabels: values is {values!r}", expected="a list of whole numbers, or None")
        self.values = None if values is None else list(values)
        self.allow_empty = allow_empty

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Look at one label map."""
        found = label_counts(_array_of(data[field]))
        unexpected = {value: count for value, count in found.items() if not self._is_expected(value)}
        if unexpected:
            allowed = "whole numbers" if self.values is None else f"0 and {', '.join(map(str, self.values))}"
            raise VoxelValueError(
                f"'{field}' holds values that are not expected: {_counted(unexpected)}",
                expected=f"{allowed}; the map holds {_counted(found)}",
                to_do="name the values in the configuration if they are right, otherwise repair the label map"
                " (fractions come from linear interpolation)",
            )
        if not self.allow_empty and not any(found):
            raise VoxelValueError(
                f"'{field}' is empty: all {sum(found.values())} voxels are 0",
                expected="at least one labelled voxel",
                to_do="check that the label belongs to the image, or give CheckLabels allow_empty=True",
            )
        return {}

    def _is_expected(self, value: float) -> bool:
        return value == 0 or (value in self.values if self.values is not None else value.is_integer())


class CheckSameGrid(DataStep):
    """Stop if images of a case do not lie on the same grid: same shape, same place in the body.

    Two grids are compared by the distance, in millimetres, between the same corners of both.

    Args:
        fields: Names of the fields; the first one is what the others are compared with.
        tolerance_mm: How far a corner may be off. Rounding in file headers is well below 0.1 mm.

    Raises:
        ShapeError: If spatial shapes differ (at call time).
        GeometryError: If corners are further apart than the tolerance, or only some fields have geometry.

    Example:
        >>> import nibabel
        >>> image = nibabel.Nifti1Image(np.zeros((4, 4, 4), "float32"), np.eye(4))
        >>> label = nibabel.Nifti1Image(np.zeros((4, 4, 4), "uint8"), np.diag([1.0, 1.0, 2.0, 1.0]))
        >>> CheckSameGrid(["image", "label"])({"image": image, "label": label})
        Traceback (most recent call last):
        eisen._core.errors.GeometryError: 'image' and 'label' are up to 3 mm apart
        ...
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"fields": "reads"}

    def __init__(self, fields: Sequence[str], tolerance_mm: float = 0.1) -> None:
        self.fields = checked_fields(fields, type(self).__name__)
        if isinstance(tolerance_mm, bool) or not isinstance(tolerance_mm, int | float) or not tolerance_mm >= 0:
            raise ArgumentError(f"CheckSameGrid: tolerance_mm is {tolerance_mm!r}", expected="a distance in mm")
        self.tolerance_mm = tolerance_mm

    def transform(self, data: DataPoint) -> DataPoint:
        """Compare every field with the first one."""
        for field in self.fields:
            if field not in data:
                raise missing_field(field, data, type(self).__name__)
        for field in self.fields[1:]:
            self._compare(self.fields[0], field, data)
        return data

    def _compare(self, first: str, second: str, data: DataPoint) -> None:
        grids = [_grid_of(field, data) for field in (first, second)]
        shapes = [
            grid.shape if grid else _common_axes(_array_of(data[field]), _array_of(data[other]))
            for grid, field, other in zip(grids, (first, second), (second, first), strict=True)
        ]
        facts = f"'{first}' {_described(shapes[0], grids[0])}; '{second}' {_described(shapes[1], grids[1])}"
        if shapes[0] != shapes[1]:
            raise ShapeError(
                f"'{first}' has the spatial shape {shapes[0]} and '{second}' has {shapes[1]}",
                expected="images of one case on the same grid",
                to_do="check that both files belong to the same case, or resample one onto the other",
                field=second,
            ).note(shapes=facts)
        if grids[0] is None or grids[1] is None:
            if grids[0] is not grids[1]:
                raise GeometryError(
                    f"only one of '{first}' and '{second}' has geometry", expected="both or none", field=second
                )
            return
        if grids[0].warps != grids[1].warps:
            raise GeometryError(
                f"'{first}' and '{second}' are bent differently",
                expected="images of one case that were bent by the same step",
                to_do="give the step that bends (RandomAffine, RandomElastic) both fields, so that they move together",
                field=second,
            )
        distance = grids[0].displacement_mm(grids[1])
        if not distance <= self.tolerance_mm:
            raise GeometryError(
                f"'{first}' and '{second}' are up to {distance:.4g} mm apart",
                expected=f"the same corners within {self.tolerance_mm:g} mm; {facts}",
                to_do="check that both files belong to the same case; if so, copy the affine of the image to the label",
                field=second,
            )


def _array_of(value: Any) -> Array:
    if hasattr(value, "dataobj"):
        return np.asanyarray(value.dataobj)
    if hasattr(value, "GetSize"):
        import SimpleITK

        return np.asarray(SimpleITK.GetArrayFromImage(value))
    return as_array(value)


def _grid_of(field: str, data: DataPoint) -> Geometry | None:
    value = data[field]
    if hasattr(value, "dataobj"):
        return Geometry.of(value.affine, (*value.shape, 1, 1)[:3])
    if hasattr(value, "GetSize") and value.GetDimension() == 3:
        return itk_geometry(value)
    return geometry_of(field, data)


def _common_axes(array: Array, other: Array) -> tuple[int, ...]:
    """Return the last axes, as many as both arrays have."""
    return array.shape[-min(array.ndim, other.ndim) :]


def _described(shape: tuple[int, ...], grid: Geometry | None) -> str:
    return f"shape {shape}" + (f", affine {np.round(grid.affine[:3], 4).tolist()}" if grid else "")


def _counted(counts: dict[float, int]) -> str:
    shown = [f"{value:g} ({count} voxel{'s' if count != 1 else ''})" for value, count in list(counts.items())[:8]]
    return ", ".join(shown) + (f" and {len(counts) - 8} more" if len(counts) > 8 else "")
