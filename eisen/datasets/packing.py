"""What a batch is while it is handed over to another process: its tensors are told, not copied."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from eisen._core.types import Batch
from eisen.datasets.pieces import SMALL, Bytes

__all__ = ["Inline", "Place", "empty", "is_pinning", "packed", "unpacked"]

_LONG = 1000
"""Lists with more entries are not searched for tensors."""


@dataclass(frozen=True, eq=False, slots=True)
class Place:
    """A tensor that lies at the start of a piece of shared memory.

    Args:
        number: Of the piece.
        shape: Of the tensor.
        dtype: Its type.
    """

    number: int
    shape: tuple[int, ...]
    dtype: torch.dtype

    @property
    def nbytes(self) -> int:
        """The bytes of the tensor."""
        return torch.Size(self.shape).numel() * self.dtype.itemsize

    def tensor(self, memory: Bytes) -> torch.Tensor:
        """Return the tensor, which holds the array that it is in.

        Args:
            memory: As many bytes of the piece as the tensor has.
        """
        return torch.from_numpy(memory).view(self.dtype).reshape(self.shape)


@dataclass(frozen=True, eq=False, slots=True)
class Inline:
    """A small tensor: opening shared memory would cost more than the copy.

    Args:
        data: Its bytes.
        shape: Of the tensor.
        dtype: Its type.
    """

    data: bytes
    shape: tuple[int, ...]
    dtype: torch.dtype

    def tensor(self) -> torch.Tensor:
        """Return it as a tensor with memory of its own."""
        whole = empty(self.shape, self.dtype)
        if self.data:
            raw = torch.frombuffer(bytearray(self.data), dtype=torch.uint8)
            whole.reshape(-1).view(torch.uint8).copy_(raw)
        return whole


def is_pinning() -> bool:
    """Tell whether batches shall be in pinned memory: a GPU is in use."""
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def empty(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Return a tensor with anything in it, pinned where a GPU is in use.

    Args:
        shape: Its shape.
        dtype: Its type.
    """
    return torch.empty(shape, dtype=dtype, pin_memory=is_pinning())


def packed(value: Any, placed: Callable[[torch.Tensor], Place | None]) -> Any:
    """Return a batch with descriptions instead of its tensors; those that stay are sent in torch's way.

    Args:
        value: A batch; dicts, lists and tuples inside are searched as well.
        placed: Returns where a tensor is in shared memory; None if there is no room.

    Example:
        >>> batch = {"number": torch.arange(3), "names": ["a", "b", "c"]}
        >>> sent = packed(batch, lambda tensor: None)
        >>> type(sent["number"]).__name__, sent["names"]
        ('Inline', ['a', 'b', 'c'])
        >>> unpacked(sent, lambda place: None)
        {'number': tensor([0, 1, 2]), 'names': ['a', 'b', 'c']}
    """
    seen: dict[int, Any] = {}

    def pack(item: Any) -> Any:
        if id(item) not in seen:
            seen[id(item)] = _packed(item, placed) if _is_plain(item) else item
        return seen[id(item)]

    return _each(value, torch.Tensor, pack)


def unpacked(value: Any, opened: Callable[[Place], Any]) -> Any:
    """Return the batch of some descriptions.

    Args:
        value: What `packed` returned.
        opened: Returns the tensor at a place.
    """
    seen: dict[int, Any] = {}

    def unpack(item: Any) -> Any:
        if id(item) not in seen:
            seen[id(item)] = item.tensor() if isinstance(item, Inline) else opened(item)
        return seen[id(item)]

    return _each(value, (Inline, Place), unpack)


def _each(value: Any, kind: Any, change: Callable[[Any], Any]) -> Any:
    """Return a value with something else for everything of a kind inside."""
    if isinstance(value, kind):
        return change(value)
    if type(value) is Batch:
        items = {key: _each(item, kind, change) for key, item in value.items()}
        return Batch(items, value.cases, value.samples)
    if type(value) is dict:
        return {key: _each(item, kind, change) for key, item in value.items()}
    if type(value) in (list, tuple) and len(value) <= _LONG:
        return type(value)(_each(item, kind, change) for item in value)
    return value


def _packed(tensor: torch.Tensor, placed: Callable[[torch.Tensor], Place | None]) -> Any:
    if tensor.nbytes < SMALL:
        data = tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
        return Inline(data, tuple(tensor.shape), tensor.dtype)
    return placed(tensor) or tensor


def _is_plain(tensor: torch.Tensor) -> bool:
    """Tell whether a tensor is nothing but its values, and all that its memory is for."""
    if type(tensor) is not torch.Tensor or tensor.device.type != "cpu" or tensor.layout != torch.strided:
        return False
    if tensor.requires_grad or tensor.is_quantized or tensor.is_conj() or tensor.is_neg() or vars(tensor):
        return False
    return tensor.is_contiguous() and tensor.untyped_storage().nbytes() == tensor.nbytes
