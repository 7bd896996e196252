"""What reaches the model, and what comes back from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.optional import is_torch
from eisen_deploy.wire.arrays import as_array, is_array

if TYPE_CHECKING:
    import torch

__all__ = ["as_arrays", "as_tensor"]


def as_tensor(value: Any, device: torch.device | str, dtype: np.dtype[Any] | None = None) -> torch.Tensor:
    """Return a value as the tensor that a model takes.

    Arrays and lists become float32 (complex ones complex64), as in the original, unless another type is declared; a
    tensor that the pre-processing made of whole numbers stays as it is. It is always a copy, because a model may work
    in place, and the post-processing gets the inputs too.

    Args:
        value: An array, a tensor, a number, or lists of numbers.
        device: Where it shall be.
        dtype: The declared type of its elements, if there is one.

    Raises:
        ArgumentError: If it has no numbers in it.

    Example:
        >>> as_tensor(np.array([1, 2]), "cpu").dtype, as_tensor(np.array([1, 2]), "cpu", np.dtype("int64")).dtype
        (torch.float32, torch.int64)
    """
    import torch

    if isinstance(value, torch.Tensor):
        return value.to(device, _wanted(value, dtype), copy=True)
    array = np.asarray(value)
    if array.dtype.kind not in "biufc":
        raise ArgumentError(f"the model takes numbers, and this is {array.dtype}", expected="an array of numbers")
    wanted = dtype or np.dtype(np.complex64 if array.dtype.kind == "c" else np.float32)
    return torch.from_numpy(np.array(array, wanted.newbyteorder("="), order="C")).to(device)


def _wanted(tensor: torch.Tensor, dtype: np.dtype[Any] | None) -> torch.dtype:
    import torch

    if dtype is not None:
        return torch.from_numpy(np.empty(0, dtype.newbyteorder("="))).dtype
    return torch.float32 if tensor.is_floating_point() else tensor.dtype


def as_arrays(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with arrays in place of tensors.

    Args:
        values: By name.

    Example:
        >>> import torch
        >>> as_arrays({"logits": torch.zeros(2), "id": "0815"})
        {'logits': array([0., 0.], dtype=float32), 'id': '0815'}
    """
    return {name: _without_tensors(value) for name, value in values.items()}


def _without_tensors(value: Any) -> Any:
    if is_torch(value):
        return as_array(value)
    if isinstance(value, Mapping):
        return as_arrays(value)
    if isinstance(value, (list, tuple)) and any(is_array(inner) for inner in value):
        return [_without_tensors(inner) for inner in value]
    return value
