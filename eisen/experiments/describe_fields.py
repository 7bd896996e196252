"""Fields of a data point in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from eisen._core.optional import is_torch
from eisen._core.types import Geometry
from eisen.experiments.records import FieldReport

__all__ = ["describe_field", "describe_fields"]

_LONGEST = 60


def describe_fields(data: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> list[FieldReport]:
    """Return a report per field.

    Args:
        data: A data point or batch.
        before: The data point before a step: fields that are still the same object count as not changed.
    """
    return [
        describe_field(name, value, changed=before is None or name not in before or before[name] is not value)
        for name, value in data.items()
    ]


def describe_field(name: str, value: Any, *, changed: bool = True) -> FieldReport:
    """Return shape, type and range of an array, image or tensor, or the text of anything else.

    Example:
        >>> report = describe_field("image", np.arange(6.0).reshape(2, 3))
        >>> report.shape, report.dtype, report.minimum, report.maximum
        ((2, 3), 'float64', 0.0, 5.0)
    """
    kind = type(value).__name__
    array = _array_of(value)
    if array is None:
        return FieldReport(name, kind, text=_text(value), changed=changed)
    low = high = None
    if array.size and array.dtype.kind in "biuf":
        low, high = float(array.min()), float(array.max())
    return FieldReport(name, kind, tuple(array.shape), _dtype_name(value, array), low, high, changed=changed)


def _array_of(value: Any) -> Any:
    if is_torch(value):
        tensor = value.detach().cpu()
        return (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    if hasattr(value, "dataobj"):  # an image of nibabel
        return np.asanyarray(value.dataobj)
    if hasattr(value, "GetSize"):
        import SimpleITK

        return SimpleITK.GetArrayViewFromImage(value)
    return value if isinstance(value, (np.ndarray, np.generic)) else None


def _dtype_name(value: Any, array: Any) -> str:
    return str(value.dtype).removeprefix("torch.") if is_torch(value) else str(array.dtype)


def _text(value: Any) -> str:
    if isinstance(value, Geometry):
        spacing = " x ".join(f"{length:.3g}" for length in value.spacing)
        return f"grid {value.shape}, {spacing} mm"
    if isinstance(value, list) and value and isinstance(value[0], Geometry):
        return f"{len(value)} grids, the first: {_text(value[0])}"
    text = str(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."
