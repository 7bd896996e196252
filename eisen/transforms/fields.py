"""Transforms of the dict itself: add, rename, keep, stack and repeat fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from typing import Any, ClassVar

import numpy as np

from eisen._core.errors import ArgumentError, ShapeError
from eisen._core.field_roles import Role
from eisen._core.fields import DataStep, FieldStep, checked_fields, missing_field
from eisen._core.optional import is_torch
from eisen._core.types import DataPoint, meta_field
from eisen.transforms.base import SpatialStep, array_shape, forget_stale_geometry, geometry_of

__all__ = [
    "AddChannelDimension",
    "CreateConstantFlags",
    "FilterFields",
    "RenameFields",
    "RepeatTensor",
    "StackImagesChannelwise",
]


class CreateConstantFlags(DataStep):
    """Add fields that have the same value for every case.

    Args:
        fields: Names of the new fields.
        values: Their values, of any type; not copied.

    Raises:
        ArgumentError: If the two lists have different lengths.

    Example:
        >>> CreateConstantFlags(["modality", "is_train"], ["CT", True])({})
        {'modality': 'CT', 'is_train': True}
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"fields": "makes"}

    def __init__(self, fields: Sequence[str], values: Sequence[Any]) -> None:
        self.fields = checked_fields(fields, type(self).__name__)
        self.values = list(values)
        _same_length(self, "values", self.fields, self.values)

    def transform(self, data: DataPoint) -> DataPoint:
        """Add the fields."""
        return data | dict(zip(self.fields, self.values, strict=True))


class RenameFields(DataStep):
    """Give fields other names; two names can be swapped.

    A field's geometry (``<field>_meta``) is renamed along, unless it is named itself.

    Args:
        fields: Present names.
        new_fields: New names, in the same order.

    Raises:
        ArgumentError: If the two lists have different lengths.

    Example:
        >>> RenameFields(["a", "b"], ["b", "a"])({"a": 1, "b": 2})
        {'b': 1, 'a': 2}
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"fields": "removes", "new_fields": "makes"}

    def __init__(self, fields: Sequence[str], new_fields: Sequence[str]) -> None:
        self.fields = checked_fields(fields, type(self).__name__)
        self.new_fields = checked_fields(new_fields, type(self).__name__)
        _same_length(self, "new_fields", self.fields, self.new_fields)

    def transform(self, data: DataPoint) -> DataPoint:
        """Rename in the order of the list; a value is only lost if another one takes its name."""
        renamed: DataPoint = {}
        for old, new in zip(self.fields, self.new_fields, strict=True):
            source = data if old in data else renamed
            if old not in source:
                raise missing_field(old, data | renamed, type(self).__name__)
            renamed[new] = source.pop(old)
            if meta_field(old) not in self.fields and meta_field(old) in source:
                renamed[meta_field(new)] = source.pop(meta_field(old))
        for new in self.new_fields:
            data.pop(meta_field(new), None)
        return data | renamed


class FilterFields(DataStep):
    """Keep exactly the named fields, in this order, and drop the others.

    Geometry is a field of its own: to bring a prediction back to the grid of its image, keep ``image_meta`` too.

    Args:
        fields: Names of the fields to keep.

    Example:
        >>> FilterFields(["image"])({"image": 1, "note": "x"})
        {'image': 1}
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"fields": "keeps"}

    def __init__(self, fields: Sequence[str]) -> None:
        self.fields = checked_fields(fields, type(self).__name__)

    def transform(self, data: DataPoint) -> DataPoint:
        """Keep the fields."""
        for field in self.fields:
            if field not in data:
                raise missing_field(field, data, type(self).__name__)
        return {field: data[field] for field in self.fields}


class StackImagesChannelwise(DataStep):
    """Make one multi-channel image of several images, e.g. of the sequences of an MR examination.

    Args:
        fields: Images of the same shape, in the order of the channels.
        dst_field: Name of the field for the result; the images themselves stay.
        create_new_dim: True stacks on a new first axis, False joins along the first axis there is.

    Example:
        >>> data = {"t1": np.zeros((8, 8, 8)), "t2": np.ones((8, 8, 8))}
        >>> StackImagesChannelwise(["t1", "t2"], "image")(data)["image"].shape
        (2, 8, 8, 8)
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"fields": "reads", "dst_field": "makes"}

    def __init__(self, fields: Sequence[str], dst_field: str, create_new_dim: bool = True) -> None:
        self.fields = checked_fields(fields, type(self).__name__)
        if not self.fields:
            raise ArgumentError("StackImagesChannelwise: fields is empty", expected="at least one field")
        self.dst_field = dst_field
        self.create_new_dim = create_new_dim

    def transform(self, data: DataPoint) -> DataPoint:
        """Stack the images; the geometry of the first one is the geometry of the result."""
        for field in self.fields:
            if field not in data:
                raise missing_field(field, data, type(self).__name__)
        self._check_shapes(data)
        arrays = [data[field] for field in self.fields]
        geometry = geometry_of(self.fields[0], data)
        data[self.dst_field] = self._stacked(arrays)
        data.pop(meta_field(self.dst_field), None)
        if geometry is not None:
            data[meta_field(self.dst_field)] = geometry
            forget_stale_geometry(self.dst_field, data)
        return data

    def _check_shapes(self, data: DataPoint) -> None:
        first = self.fields[0]
        skipped = 0 if self.create_new_dim else 1
        for field in self.fields[1:]:
            shapes = array_shape(data[first]), array_shape(data[field])
            if shapes[0][skipped:] != shapes[1][skipped:]:
                raise ShapeError(
                    f"'{first}' has the shape {shapes[0]} and '{field}' has {shapes[1]}",
                    expected="images of the same shape",
                    to_do="bring them to one grid first, e.g. with Resample or CropCenteredSubVolumes",
                    field=field,
                )

    def _stacked(self, arrays: list[Any]) -> Any:
        if any(is_torch(array) for array in arrays):
            import torch

            return (torch.stack if self.create_new_dim else torch.cat)([torch.as_tensor(array) for array in arrays])
        return np.stack(arrays) if self.create_new_dim else np.concatenate(arrays)


class RepeatTensor(SpatialStep):
    """Repeat an array along its axes, e.g. one grey channel three times for a network that expects colours.

    Args:
        fields: Names of the fields.
        reps: How often along each axis; a list shorter than the number of axes counts from the last axis.

    Raises:
        ArgumentError: If a repetition is not a whole number above 0.

    Example:
        >>> RepeatTensor(["image"], [3, 1, 1])({"image": np.zeros((1, 28, 28))})["image"].shape
        (3, 28, 28)
    """

    def __init__(self, fields: Sequence[str], reps: Sequence[int]) -> None:
        super().__init__(fields)
        try:
            self.reps = tuple(index(rep) for rep in reps)
        except TypeError:
            self.reps = (0,)
        if min(self.reps, default=1) < 1:
            raise ArgumentError(f"RepeatTensor: reps is {reps!r}", expected="a list of whole numbers above 0")

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Repeat one array."""
        value = data[field]
        return {field: value.tile(self.reps) if is_torch(value) else np.tile(value, self.reps)}


class AddChannelDimension(FieldStep):
    """Add a first axis of length 1: from a volume to an image with one channel, as networks expect it.

    Args:
        fields: Names of the fields.

    Example:
        >>> AddChannelDimension(["image"])({"image": np.zeros((8, 8, 8))})["image"].shape
        (1, 8, 8, 8)
    """

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Return the array with one more axis; its values are shared."""
        return {field: data[field][None]}


def _same_length(step: DataStep, name: str, fields: list[str], values: list[Any]) -> None:
    if len(fields) != len(values):
        raise ArgumentError(
            f"{type(step).__name__}: {len(fields)} fields and {len(values)} {name}",
            expected=f"as many {name} as fields",
        )
