"""Steps that show what a chain of transforms does, and change nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from eisen._core.field_roles import Role
from eisen._core.fields import FieldStep
from eisen._core.types import DataPoint

__all__ = ["GetContent", "GetShape"]


class GetShape(FieldStep):
    """Print the shape of fields, one line each.

    Args:
        fields: Names of the fields.

    Example:
        >>> import numpy as np
        >>> data = GetShape(["image"])({"image": np.zeros((1, 4, 4))})
        image: (1, 4, 4)
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"fields": "reads"}

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Print the shape of one field, or its type if it has none."""
        value = data[field]
        shape = getattr(value, "shape", None)
        _show(field, type(value).__name__ if shape is None else tuple(shape))
        return {}


class GetContent(FieldStep):
    """Print the value of fields, one line each.

    Args:
        fields: Names of the fields.

    Example:
        >>> data = GetContent(["provider"])({"provider": "radboud"})
        provider: radboud
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"fields": "reads"}

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Print the value of one field."""
        _show(field, data[field])
        return {}


def _show(field: str, value: Any) -> None:
    print(f"{field}: {' '.join(str(value).split())}")  # noqa: T201 - printing is what these steps are for
