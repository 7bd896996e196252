"""Arrays and tensors as plain bytes, with the order in which their axes lie in memory.

The order is kept because sums are: adding up the same numbers in another order can give another last bit.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np

from eisen._core.optional import is_torch
from eisen._core.types import Array

__all__ = ["dense", "kind_of_array", "restored"]


def kind_of_array(value: Any) -> str:
    """Return ``"numpy"`` or ``"torch"`` for an array whose bytes say everything about it, else ``""``."""
    if type(value) in (np.ndarray, np.memmap):
        return "numpy" if _is_plain(value.dtype) else ""
    torch = sys.modules.get("torch")
    if torch is None or type(value) is not torch.Tensor or value.requires_grad:
        return ""
    plain = value.layout is torch.strided and value.device.type == "cpu" and not value.is_quantized
    return "torch" if plain and not value.is_conj() and not value.is_neg() else ""


def _is_plain(dtype: np.dtype[Any]) -> bool:
    """Tell whether the description of a type is all there is to it, which is not so for types of other libraries."""
    if dtype.hasobject:
        return False
    try:
        return np.lib.format.descr_to_dtype(np.lib.format.dtype_to_descr(dtype)) == dtype
    except (ValueError, TypeError):
        return False


def dense(value: Any) -> tuple[dict[str, Any], Array]:
    """Return what an array is, as JSON knows it, and its bytes one after the other.

    Args:
        value: An array or tensor of which `kind_of_array` knows the kind.

    Example:
        >>> record, raw = dense(np.zeros((2, 3), "int16", order="F"))
        >>> record, raw.size
        ({'type': '<i2', 'shape': [2, 3], 'order': [1, 0]}, 12)
    """
    if is_torch(value):
        return _dense_tensor(value)
    backwards = [axis for axis, stride in enumerate(value.strides) if stride < 0 and value.shape[axis] > 1]
    forwards = np.flip(value, tuple(backwards)) if backwards else value
    order = _order(forwards.strides)
    base = np.asarray(forwards.transpose(order), order="C")
    record = {"type": np.lib.format.dtype_to_descr(value.dtype), "shape": list(value.shape)}
    if order != sorted(order):
        record["order"] = order
    if backwards:
        record["backwards"] = backwards
    return record, base.reshape(-1).view(np.uint8) if base.size else np.empty(0, np.uint8)


def _dense_tensor(value: Any) -> tuple[dict[str, Any], Array]:
    import torch

    order = _order(value.stride())
    record = {"tensor": str(value.dtype).removeprefix("torch."), "shape": list(value.shape)}
    if order != sorted(order):
        record["order"] = order
    flat = value.detach().permute(order).contiguous().reshape(-1)
    return record, flat.view(torch.uint8).numpy() if flat.numel() else np.empty(0, np.uint8)


def _order(strides: tuple[int, ...]) -> list[int]:
    return sorted(range(len(strides)), key=lambda axis: -strides[axis])


def restored(record: dict[str, Any], buffer: Any, start: int = 0) -> Any:
    """Return the array that a record describes, as a view of a buffer.

    Args:
        record: What `dense` returned, with ``"at"``: where the bytes are.
        buffer: Memory.
        start: Where ``"at"`` counts from.
    """
    shape = record["shape"]
    order = record.get("order") or list(range(len(shape)))
    back = [order.index(axis) for axis in range(len(shape))]
    count, moved, at = math.prod(shape), [shape[axis] for axis in order], start + record["at"]
    if "tensor" in record:
        return _tensor(record["tensor"], buffer, count, at).reshape(moved).permute(back)
    dtype = np.lib.format.descr_to_dtype(_as_descr(record["type"]))
    flat = np.frombuffer(buffer, dtype, count, at) if count else np.empty(0, dtype)
    array = flat.reshape(moved).transpose(back)
    return np.flip(array, tuple(record["backwards"])) if "backwards" in record else array


def _tensor(name: str, buffer: Any, count: int, at: int) -> Any:
    import torch

    dtype = getattr(torch, name)
    return torch.frombuffer(buffer, dtype=dtype, count=count, offset=at) if count else torch.empty(0, dtype=dtype)


def _as_descr(value: Any) -> Any:
    """Return the description of a type as NumPy wrote it: JSON knows no tuples."""
    if isinstance(value, str):
        return value
    return [tuple(_as_field(part) for part in entry) for entry in value]


def _as_field(part: Any) -> Any:
    if isinstance(part, list) and part and all(isinstance(n, int) for n in part):
        return tuple(part)
    return _as_descr(part) if isinstance(part, list) else part
