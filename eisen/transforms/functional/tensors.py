"""Let the NumPy arithmetic of this package take torch tensors as well."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, ParamSpec

import numpy as np

from eisen._core.errors import DataError
from eisen._core.optional import is_torch
from eisen._core.types import Array

__all__ = ["accepts_tensors", "as_array", "as_tensor"]

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
