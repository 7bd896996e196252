"""Where a volume is put together: in memory, in a temporary file, or on a device."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from errno import ENOSPC
from pathlib import Path
from shutil import disk_usage
from typing import Any

import numpy as np

from eisen._core.atomic import artifact_error
from eisen._core.errors import ArgumentError, DataError
from eisen._core.optional import is_torch
from eisen._core.types import Array

__all__ = ["Room", "is_float"]


class Room:
    """Room for arrays that patches are added to, and the way of their values to it.

    Args:
        device: None for NumPy arrays in memory; else the torch device, or ``"same"`` for that of the first values.
        spill: Folder for a temporary file per array instead of memory; the files have no name there, and their space
            is free again when the arrays are gone, even after a crash.

    Raises:
        ArgumentError: If both are asked for, or the folder is none.

    Example:
        >>> room = Room(spill=tempfile.gettempdir())
        >>> room.zeros((2, 3, 3), "float32").sum()
        np.float32(0.0)
    """

    def __init__(self, device: Any = None, spill: str | os.PathLike[str] | None = None) -> None:
        if device is not None and spill is not None:
            raise ArgumentError(
                f"there is a device, {device}, and a folder to spill to",
                expected="one of them: a file is filled by the host",
                to_do="leave device out, or spill",
            )
        if spill is not None and not Path(spill).is_dir():
            raise ArgumentError(f"{os.fspath(spill)!r} is no folder", expected="a folder that exists, to spill to")
        self.device = device
        self.spill = spill

    def zeros(self, shape: Sequence[int], dtype: Any) -> Any:
        """Return an array of zeros, channels first.

        Args:
            shape: Its shape.
            dtype: Its type, of NumPy or torch.

        Raises:
            ArtifactError: If the disk has not enough space for it.
        """
        if self.device is not None:
            import torch

            return torch.zeros(tuple(shape), dtype=self.type_of(dtype), device=self.device)
        return np.zeros(shape, dtype) if self.spill is None else _in_file(self.spill, shape, np.dtype(dtype))

    def bring(self, values: Any) -> Any:
        """Return values as something that can be added to the arrays here, without a gradient.

        Raises:
            DataError: If they are no numbers.
        """
        if self.device is not None:
            return self._to_device(values)
        array = _to_host(values) if is_torch(values) else np.asarray(values)
        if array.dtype.kind not in "biuf":
            raise DataError(
                f"the values of a patch are {type(values).__name__} of {array.dtype}",
                expected="an array or tensor of real numbers",
            )
        return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))

    def type_of(self, dtype: Any) -> Any:
        """Return a type as one of the arrays here: of torch on a device, of NumPy else."""
        if self.device is None:
            return _to_host(_empty_tensor(dtype)).dtype if type(dtype).__module__ == "torch" else np.dtype(dtype)
        import torch

        return dtype if isinstance(dtype, torch.dtype) else torch.from_numpy(np.zeros(0, dtype)).dtype

    def cast(self, values: Any, dtype: Any) -> Any:
        """Return values in a type, as they are if they have it.

        Raises:
            DataError: If whole numbers do not fit.
        """
        if values.dtype == dtype:
            return values
        if not is_float(values.dtype) and 0 not in values.shape:
            _demand_fit(values, dtype)
        return values.to(dtype) if is_torch(values) else values.astype(dtype)

    def _to_device(self, values: Any) -> Any:
        import torch

        tensor = torch.as_tensor(values)
        if self.device == "same":
            self.device = tensor.device
        return tensor.detach().to(self.device)


def _to_host(tensor: Any) -> Array:
    """Return a tensor as an array; NumPy has no bfloat16, so that becomes float32."""
    import torch

    tensor = tensor.detach()
    array: Array = (tensor.float() if tensor.dtype == torch.bfloat16 else tensor).cpu().numpy()
    return array


def _empty_tensor(dtype: Any) -> Any:
    import torch

    return torch.empty(0, dtype=dtype)


def is_float(dtype: Any) -> bool:
    """Tell whether a type of NumPy or torch is one of real numbers.

    Example:
        >>> is_float(np.dtype("float16")), is_float(np.dtype("uint8"))
        (True, False)
    """
    return bool(dtype.kind == "f" if isinstance(dtype, np.dtype) else dtype.is_floating_point)


def _demand_fit(values: Any, dtype: Any) -> None:
    """Say so when whole numbers do not fit into a type."""
    low, high = int(values.min()), int(values.max())
    limits = np.iinfo(np.uint8 if str(dtype).endswith("bool") else str(dtype).removeprefix("torch."))
    if low < limits.min or high > limits.max:
        raise DataError(
            f"the labels of a patch are from {low} to {high}, which {dtype} cannot hold",
            expected=f"labels from {limits.min} to {limits.max}",
            to_do="choose a wider dtype",
        )


def _in_file(folder: str | os.PathLike[str], shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """Return an array in a file that is gone with it; what is near along the first spatial axis is near in the file."""
    n_channels, first, *rest = shape
    n_bytes = max(1, int(np.prod(shape, dtype=np.int64)) * dtype.itemsize)
    try:
        if disk_usage(folder).free < n_bytes:  # before others find the disk full while it is tried
            raise OSError(ENOSPC, "No space left on device")
        with tempfile.TemporaryFile(dir=folder, prefix="eisen-assembly-") as file:
            _reserve(file.fileno(), n_bytes)
            memory = np.memmap(file, dtype, "r+", shape=(first, n_channels, *rest))
    except OSError as error:
        raise artifact_error(error, folder) from error
    return np.moveaxis(memory, 1, 0)


def _reserve(file: int, n_bytes: int) -> None:
    """Take the space on the disk now: a full disk is an error here, and a crash (SIGBUS) later."""
    os.truncate(file, n_bytes)
    if hasattr(os, "posix_fallocate"):
        with suppress(NotImplementedError):
            os.posix_fallocate(file, 0, n_bytes)
