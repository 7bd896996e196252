"""Data types: other number types, and from tensors back to NumPy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError, nearest
from eisen._core.fields import FieldStep
from eisen._core.optional import is_torch
from eisen._core.types import DataPoint
from eisen.transforms.functional.tensors import as_array

__all__ = ["CastFields", "ToNumpy", "cast", "checked_dtype"]

_TYPES = ("bool", "uint8", "uint16", "int8", "int16", "int32", "int64", "float16", "float32", "float64")


class CastFields(FieldStep):
    """Store arrays or tensors in another data type; whole-number types round.

    Args:
        fields: Names of the fields.
        dtype: "bool", "uint8", "uint16", "int8", "int16", "int32", "int64", "float16", "float32" or "float64".

    Example:
        >>> CastFields(["label"], "uint8")({"label": np.array([0.0, 2.0])})["label"]
        array([0, 2], dtype=uint8)
    """

    def __init__(self, fields: Sequence[str], dtype: str) -> None:
        super().__init__(fields)
        self.dtype = checked_dtype(dtype, type(self).__name__)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Convert one value."""
        return {field: cast(data[field], self.dtype)}


class ToNumpy(FieldStep):
    """Turn tensors and numbers into NumPy arrays in the memory of the host; memory is shared where possible.

    Args:
        fields: Names of the fields.

    Example:
        >>> import torch
        >>> ToNumpy(["image"])({"image": torch.ones(2)})["image"]
        array([1., 1.], dtype=float32)
    """

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Convert one value."""
        return {field: as_array(data[field])}


def cast(value: Any, dtype: str) -> Any:
    """Return an array or tensor in another data type; fractions are rounded for whole-number types.

    Example:
        >>> cast(np.array([0.6, 1.2]), "int16")
        array([1, 1], dtype=int16)
    """
    is_whole = dtype.startswith(("int", "uint"))
    if is_torch(value):
        import torch

        rounded = value.round() if is_whole and value.is_floating_point() else value
        return rounded.to(getattr(torch, dtype))
    array = as_array(value)
    rounded = np.rint(array) if is_whole and array.dtype.kind == "f" else array
    return rounded.astype(dtype, copy=False)


def checked_dtype(dtype: Any, owner: str) -> str:
    """Return the name of a data type that NumPy and torch both have."""
    name = str(dtype).removeprefix("torch.") if not isinstance(dtype, type) else np.dtype(dtype).name
    if name not in _TYPES:
        raise ArgumentError(
            f"{owner}: dtype is {dtype!r}",
            expected=f"one of {', '.join(map(repr, _TYPES))}",
            to_do=nearest(name, _TYPES),
        )
    return name
