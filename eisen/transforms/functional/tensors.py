"""Arithmetic that takes NumPy arrays and torch tensors alike, three ways of writing it.

- `accepts_tensors`: for functions that need NumPy (or a library behind it); tensors travel to the host and back.
- `on_tensors`: for functions that need torch (Fourier transforms, interpolation); arrays are shared with torch.
- `fresh`: for arithmetic that both have under the same names, done in place on a copy; tensors stay on their device.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import numpy as np

from eisen._core.errors import DataError
from eisen._core.optional import is_torch
from eisen._core.types import Array

__all__ = [
    "accepts_tensors",
    "as_array",
    "as_either",
    "as_tensor",
    "flat",
    "floating",
    "fresh",
    "on_tensors",
    "size_of",
]

P = ParamSpec("P")


def accepts_tensors(kernel: Callable[Concatenate[Array, P], Array]) -> Callable[Concatenate[Any, P], Any]:
    """Wrap a function of a NumPy array so that a torch tensor gives a torch tensor, on the same device.

    Example:
        >>> import torch
        >>> double = accepts_tensors(lambda array: array * 2)
        >>> double(torch.ones(2))
        tensor([2., 2.])
    """

    @wraps(kernel)
    def wrapper(array: Any, /, *args: P.args, **kwargs: P.kwargs) -> Any:
        result = kernel(as_array(array), *args, **kwargs)
        return as_tensor(result).to(array.device) if is_torch(array) else result

    return wrapper


def on_tensors(kernel: Callable[Concatenate[Any, P], Any]) -> Callable[Concatenate[Any, P], Any]:
    """Wrap a function of a torch tensor so that a NumPy array gives a NumPy array; tensors stay on their device.

    Example:
        >>> double = on_tensors(lambda tensor: tensor.mul(2))
        >>> double(np.ones(2, "float32"))
        array([2., 2.], dtype=float32)
    """

    @wraps(kernel)
    def wrapper(value: Any, /, *args: P.args, **kwargs: P.kwargs) -> Any:
        if is_torch(value):
            return kernel(value, *args, **kwargs)
        return kernel(as_tensor(as_array(value)), *args, **kwargs).numpy()

    return wrapper


def fresh(value: Any) -> Any:
    """Return a copy that arithmetic may be done on in place: float64 stays, everything else becomes float32.

    Example:
        >>> fresh(np.array([1, 2], "int16"))
        array([1., 2.], dtype=float32)
    """
    if is_torch(value):
        import torch

        return value.detach().to(torch.float64 if value.dtype == torch.float64 else torch.float32, copy=True)
    array = as_array(value)
    return np.array(array, dtype=floating(array), order="K")


def floating(array: Array) -> np.dtype[np.floating]:
    """Return the dtype that arithmetic on the array is done in: float64 if it is that, otherwise float32."""
    return np.dtype(np.float64 if array.dtype == np.float64 else np.float32)


def as_either(value: Any) -> Any:
    """Return a tensor as it is, and anything else as a NumPy array."""
    return value if is_torch(value) else as_array(value)


def flat(value: Any) -> Any:
    """Return all elements in one axis, in the order of memory, without copying where that is possible."""
    return value.flatten() if is_torch(value) else value.ravel(order="K")


def size_of(value: Any) -> int:
    """Return how many elements an array or tensor has."""
    return int(value.numel() if is_torch(value) else value.size)


def as_array(value: Any) -> Array:
    """Return a value as a NumPy array, without copying where that is possible.

    Raises:
        DataError: If the value is a path or an image object, which a reader or a conversion would make an array of.
    """
    array = np.asarray(value.detach().cpu().numpy() if is_torch(value) else value)
    if array.dtype.kind in "OUS":
        shown = repr(value) if isinstance(value, str) else f"an object of type {type(value).__name__}"
        raise DataError(
            f"there is {shown} where an array of numbers is needed",
            expected="a NumPy array or a torch tensor",
            to_do="put a reader of eisen.io (for paths) or NiftiToNumpy, ITKToNumpy or PilToNumpy (for images) before",
        )
    return array


def as_tensor(array: Array) -> Any:
    """Return an array as a torch tensor that shares its memory; only what torch cannot represent is copied.

    Torch has no negative strides, no foreign byte order, and warns about memory that cannot be written.
    """
    import torch

    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    elif not array.flags.writeable or any(stride < 0 for stride in array.strides):
        array = array.copy()
    return torch.from_numpy(array)
