"""Copying and dropping fields."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from eisen._core.errors import ArgumentError
from eisen._core.field_roles import Role
from eisen._core.fields import DataStep, checked_fields, missing_field
from eisen._core.types import DataPoint, meta_field

__all__ = ["CopyFields", "DropFields"]


class CopyFields(DataStep):
    """Give fields a second name, e.g. to normalise an image in two ways; no memory is copied.

    A field's geometry (``<field>_meta``) is copied along.

    Args:
        fields: Names of the fields.
        new_fields: Names of the copies, in the same order.

    Raises:
        ArgumentError: If the two lists have different lengths.

    Example:
        >>> CopyFields(["ct"], ["ct_lung"])({"ct": 1})
        {'ct': 1, 'ct_lung': 1}
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"fields": "reads", "new_fields": "makes"}

    def __init__(self, fields: Sequence[str], new_fields: Sequence[str]) -> None:
        self.fields = checked_fields(fields, type(self).__name__)
        self.new_fields = checked_fields(new_fields, type(self).__name__)
        if len(self.fields) != len(self.new_fields):
            raise ArgumentError(
                f"CopyFields: {len(self.fields)} fields and {len(self.new_fields)} new_fields",
                expected="as many new_fields as fields",
            )

    def transform(self, data: DataPoint) -> DataPoint:
        """Copy the fields; no transform changes a value in place, so both may share it."""
        for old, new in zip(self.fields, self.new_fields, strict=True):
            if old not in data:
                raise missing_field(old, data, type(self).__name__)
            data[new] = data[old]
            data.pop(meta_field(new), None)
            if meta_field(old) in data:
                data[meta_field(new)] = data[meta_field(old)]
        return data


class DropFields(DataStep):
    """Remove fields that are not needed any more, with their geometry.

    Args:
        fields: Names of the fields.

    Example:
        >>> DropFields(["note"])({"image": 1, "note": "x"})
        {'image': 1}
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"fields": "removes"}

    def __init__(self, fields: Sequence[str]) -> None:
        self.fields = checked_fields(fields, type(self).__name__)

    def transform(self, data: DataPoint) -> DataPoint:
        """Remove the fields."""
        for field in self.fields:
            if field not in data:
                raise missing_field(field, data, type(self).__name__)
            del data[field]
            data.pop(meta_field(field), None)
        return data
