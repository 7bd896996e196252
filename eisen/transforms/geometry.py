"""Transforms that cut, fill and turn arrays: every voxel of the result is a voxel of the source, or 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.types import DataPoint, meta_field
from eisen.transforms.arguments import checked_size
from eisen.transforms.base import SpatialStep, array_shape, geometry_of, needed_geometry
from eisen.transforms.functional import crop, resample
from eisen.transforms.functional.tensors import as_array, as_tensor

__all__ = ["CropCenteredSubVolumes", "PadToMultiple", "Reorient"]


class CropCenteredSubVolumes(SpatialStep):
    """Cut out the centre of arrays, and fill with zeros where they are smaller.

    Args:
        fields: Names of the fields; the last axes are space, those before stay whole.
        size: New size in voxels; an int for the last three axes (both axes of a 2-D array), or two or three numbers.

    Adds ``<field>_src`` (what was cut off) and ``<field>_dst`` (what was filled up): one number per axis.

    Example:
        >>> crop = CropCenteredSubVolumes(["image"], [32, 32])
        >>> crop({"image": np.zeros((3, 40, 20))})["image"].shape
        (3, 32, 32)
    """

    def __init__(self, fields: Sequence[str], size: int | Sequence[int]) -> None:
        super().__init__(fields)
        self.size = checked_size(size, "size", type(self).__name__)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Crop or pad one array."""
        shape = array_shape(data[field])
        size = crop.target_size(shape, self.size)
        offset = crop.centre_offset(shape[-len(size) :], size)
        change = [0] * (len(shape) - len(size)) + [s - n for n, s in zip(shape[-len(size) :], size, strict=True)]
        return {
            field: crop.crop_or_pad(data[field], size, offset),
            f"{field}_src": [min(0, step) for step in change],
            f"{field}_dst": [max(0, step) for step in change],
            **_shifted(field, data, offset, size, type(self).__name__),
        }


class PadToMultiple(SpatialStep):
    """Fill arrays up with zeros until every spatial axis is a multiple of a number, as networks with strides need it.

    The zeros are spread over both sides; an odd one goes to the end. Nothing is ever cut off.

    Args:
        fields: Names of the fields; the last three axes (both axes of a 2-D array) are space.
        multiple: In voxels; an int, or two or three numbers for as many last axes.

    Example:
        >>> PadToMultiple(["image"], 16)({"image": np.zeros((1, 40, 56, 33))})["image"].shape
        (1, 48, 64, 48)
    """

    def __init__(self, fields: Sequence[str], multiple: int | Sequence[int]) -> None:
        super().__init__(fields)
        self.multiple = checked_size(multiple, "multiple", type(self).__name__)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Pad one array."""
        shape = array_shape(data[field])
        multiple = crop.target_size(shape, self.multiple)
        size = tuple(-(-n // m) * m for n, m in zip(shape[-len(multiple) :], multiple, strict=True))
        offset = crop.centre_offset(shape[-len(size) :], size)
        return {
            field: crop.crop_or_pad(data[field], size, offset),
            **_shifted(field, data, offset, size, type(self).__name__),
        }


class Reorient(SpatialStep):
    """Turn arrays so that their axes point in known directions, by permuting and flipping; no value changes.

    Args:
        fields: Names of the fields, with geometry; the last three axes are space.
        axes: Where the axes shall point: one of R/L, A/P and S/I each, e.g. "RAS" or "LPS".

    Example:
        >>> from eisen._core.types import Geometry
        >>> grid = Geometry.of(np.diag([-1.0, 1.0, 3.0, 1.0]), (2, 1, 1))
        >>> data = Reorient(["image"])({"image": np.array([1, 2]).reshape(2, 1, 1), "image_meta": grid})
        >>> data["image"].ravel(), data["image_meta"].affine.diagonal()
        (array([2, 1]), array([1., 1., 3., 1.]))
    """

    def __init__(self, fields: Sequence[str], axes: str = "RAS") -> None:
        super().__init__(fields)
        pairs = [pair for letter in str(axes).upper() for pair in ("RL", "AP", "SI") if letter in pair]
        if len(str(axes)) != 3 or sorted(pairs) != ["AP", "RL", "SI"]:
            raise ArgumentError(f"Reorient: axes is {axes!r}", expected="one of R/L, A/P and S/I each, e.g. 'RAS'")
        self.axes = axes.upper()

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Turn one array; it stays a view when only axes change places."""
        geometry = needed_geometry(field, data, type(self).__name__)
        value = data[field]
        turned, affine = resample.reorient(as_array(value), geometry.affine, self.axes)
        if any(stride < 0 for stride in turned.strides):
            turned = np.ascontiguousarray(turned)  # torch knows no negative strides
        return {
            field: turned if isinstance(value, np.ndarray) else as_tensor(turned).to(value.device),
            meta_field(field): geometry.moved(affine, turned.shape[-3:], type(self).__name__),
        }


def _shifted(field: str, data: DataPoint, offset: Sequence[int], size: Sequence[int], step: str) -> dict[str, Any]:
    """Return the entry with the new geometry, if there is geometry; a crop of the last two axes leaves the first."""
    geometry = geometry_of(field, data)
    if geometry is None:
        return {}
    offset = (*[0] * (3 - len(size)), *offset)
    shape = (*geometry.shape[: 3 - len(size)], *size)
    return {meta_field(field): geometry.moved(crop.shift_affine(geometry.affine, offset), shape, step)}
