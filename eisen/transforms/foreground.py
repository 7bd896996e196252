"""Cutting away what surrounds the patient."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from operator import index
from typing import ClassVar

import numpy as np

from eisen._core.errors import ArgumentError, ShapeError
from eisen._core.field_roles import Role
from eisen._core.fields import missing_field
from eisen._core.types import DataPoint, meta_field
from eisen.transforms.arguments import checked_dims
from eisen.transforms.base import SpatialStep, geometry_of, needed_geometry, spatial_shape
from eisen.transforms.crop import cut_out
from eisen.transforms.functional.crop import foreground_box
from eisen.transforms.functional.tensors import as_array

__all__ = ["CropForeground", "warn_once_per_case"]


class CropForeground(SpatialStep):
    """Cut all fields to the box around the foreground of one of them.

    A case without foreground stays as it is, with a warning that names its file.

    Args:
        fields: Names of the fields; all are cut at the same box.
        source: The field the box is found in, an image or a label map; foreground is where any channel is above
            `threshold`.
        threshold: In the unit of the source, e.g. 0 for skull-stripped MR and labels, -500 for CT.
        margin: Voxels to leave around the foreground, one number or one per axis; the box never leaves the image.
        margin_mm: The same in millimetres (rounded up to voxels); the source needs geometry. Added to `margin`.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.

    Example:
        >>> import numpy as np
        >>> image = np.zeros((1, 20, 20, 20))
        >>> image[:, 5:10, 8:9, 3:20] = 1
        >>> CropForeground(["image"], margin=[1, 1, 0])({"image": image})["image"].shape
        (1, 7, 3, 17)
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"source": "reads"}

    def __init__(
        self,
        fields: Sequence[str],
        source: str = "image",
        threshold: float = 0,
        margin: int | Sequence[int] = 0,
        margin_mm: float = 0,
        *,
        spatial_dims: int | None = None,
    ) -> None:
        super().__init__(fields)
        name = type(self).__name__
        self.source, self.threshold = str(source), _finite(threshold, "threshold", name)
        self.margin = _checked_margin(margin, name)
        self.margin_mm = _finite(margin_mm, "margin_mm", name)
        if self.margin_mm < 0:
            raise ArgumentError(f"{name}: margin_mm is {margin_mm!r}", expected="millimetres from 0")
        self.spatial_dims = checked_dims(spatial_dims, name)

    def transform(self, data: DataPoint) -> DataPoint:
        """Find the box once, then cut every field."""
        name = type(self).__name__
        if not self.fields:
            return data
        for field in (*self.fields, self.source):
            if field not in data:
                raise missing_field(field, data, name)
        shape = spatial_shape(self.source, data, self.spatial_dims, name)
        mask = as_array(data[self.source]) > self.threshold
        is_inside = np.asarray(mask.any(axis=tuple(range(mask.ndim - len(shape)))))
        box = foreground_box(is_inside, self._margins(data, len(shape)))
        if box is None:
            warn_once_per_case(f"{name}: '{self.source}' has no voxel above {self.threshold:g}", self.source, data)
            return data
        offset, size = box
        return self.each_field(data, lambda field, values: self._cut(field, values, shape, offset, size))

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Cut one field at the box of the source."""
        alone = type(self)([field], self.source, self.threshold, self.margin, self.margin_mm)
        return alone(data)

    def _cut(
        self, field: str, data: DataPoint, shape: Sequence[int], offset: Sequence[int], size: Sequence[int]
    ) -> DataPoint:
        found = spatial_shape(field, data, len(shape), type(self).__name__)
        if found != tuple(shape):
            raise ShapeError(
                f"'{self.source}' has the spatial shape {tuple(shape)} and '{field}' has {found}",
                expected="fields that are cut together have the same spatial shape",
                to_do="bring them to one grid before this step, e.g. with ResampleToReference",
                field=field,
            )
        return cut_out(self, field, data, size, offset)

    def _margins(self, data: DataPoint, d: int) -> list[int]:
        margins = list(self.margin) if isinstance(self.margin, tuple) else [self.margin] * d
        if len(margins) != d:
            raise ShapeError(f"margin has {len(margins)} numbers for {d} spatial axes", expected="one number per axis")
        if not self.margin_mm:
            return margins
        spacing = needed_geometry(self.source, data, type(self).__name__).spacing[-d:]
        return [m + math.ceil(self.margin_mm / mm - 1e-6) for m, mm in zip(margins, spacing, strict=True)]


def warn_once_per_case(what: str, field: str, data: DataPoint) -> None:
    """Warn about a case, naming its file where it is known; Python shows the same text only once.

    Args:
        what: What is unusual.
        field: The field whose geometry knows the file.
        data: The data point.
    """
    geometry = geometry_of(field, data) or data.get(meta_field(field))
    file = getattr(geometry, "source", "")
    warnings.warn(f"{what}{f' ({file})' if file else ''}", UserWarning, stacklevel=2)


def _finite(value: float, name: str, owner: str) -> float:
    if not isinstance(value, int | float) or not math.isfinite(value):
        raise ArgumentError(f"{owner}: {name} is {value!r}", expected="a number")
    return float(value)


def _checked_margin(margin: int | Sequence[int], owner: str) -> int | tuple[int, ...]:
    try:
        numbers = tuple(index(n) for n in (margin if isinstance(margin, Sequence) else [margin]))
    except TypeError:
        numbers = ()
    if not numbers or min(numbers) < 0:
        raise ArgumentError(f"{owner}: margin is {margin!r}", expected="voxels from 0, one number or one per axis")
    return numbers if isinstance(margin, Sequence) else numbers[0]
