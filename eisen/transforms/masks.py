"""Masks: where to measure, and what to blank out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from eisen._core.errors import ArgumentError, ShapeError
from eisen._core.field_roles import Role
from eisen._core.fields import FieldStep, missing_field
from eisen._core.types import DataPoint
from eisen.transforms.base import array_shape
from eisen.transforms.functional.intensity import inside_of
from eisen.transforms.functional.mapping import set_outside
from eisen.transforms.functional.tensors import as_either

__all__ = ["MaskValues", "mask_for"]


class MaskValues(FieldStep):
    """Set the voxels outside of a mask to one value, e.g. everything but the brain to 0; the data type stays.

    Args:
        fields: Names of the fields.
        mask: Name of the field with the mask: 0 is outside. Without channels it is used for every channel.
        value: What the voxels outside become.
        invert: Blank out the inside instead.

    Example:
        >>> import numpy as np
        >>> data = {"mr": np.array([5, 6, 7]), "brain_mask": np.array([0, 1, 1])}
        >>> MaskValues(["mr"], mask="brain_mask")(data)["mr"]
        array([0, 6, 7])
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"mask": "reads"}

    def __init__(self, fields: Sequence[str], mask: str, value: float = 0, invert: bool = False) -> None:
        super().__init__(fields)
        if not isinstance(mask, str) or not mask:
            raise ArgumentError(f"MaskValues: mask is {mask!r}", expected="the name of a field, e.g. 'brain_mask'")
        self.mask = mask
        self.value = value
        self.invert = invert

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Blank out a part of one image."""
        image = as_either(data[field])
        inside = inside_of(mask_for(field, data, self.mask, type(self).__name__), image)
        return {field: set_outside(image, ~inside if self.invert else inside, self.value)}


def mask_for(field: str, data: DataPoint, mask: str | None, step: str) -> Any:
    """Return the mask of a field, or None if none is named.

    Raises:
        MissingFieldError: If the data point does not have it.
        ShapeError: If its shape does not fit the image.
    """
    if mask is None:
        return None
    if mask not in data:
        raise missing_field(mask, data, step)
    shapes = array_shape(data[field]), array_shape(data[mask])
    axes = list(zip(reversed(shapes[0]), reversed(shapes[1]), strict=False))
    if len(shapes[1]) > len(shapes[0]) or any(there not in (here, 1) for here, there in axes):
        raise ShapeError(
            f"'{field}' has the shape {shapes[0]} and the mask '{mask}' has {shapes[1]}",
            expected="a mask on the grid of the image, with the same channels, one channel or none",
            to_do="bring both to one grid before this step",
        )
    return data[mask]
