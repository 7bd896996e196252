"""Putting a batch together case by case: each is copied to its place in the batch as soon as it is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from eisen._core.collate import collate, plain_dtype
from eisen.datasets.reading import demand_dicts

__all__ = ["Gathering", "Rooms"]


class Rooms(Protocol):
    """Where the memory of a batch comes from."""

    def room(self, shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
        """Return a tensor with anything in it."""

    def expect(self, n_rooms: int) -> None:
        """Hear how many of its rooms a batch has."""


@dataclass
class _Slot:
    """The room for one field of a batch, and what its values were before they came here."""

    tensor: torch.Tensor
    kinds: list[tuple[type, Any]] = field(default_factory=list)

    def takes(self, place: int, value: Any, dtype: torch.dtype) -> bool:
        """Tell whether a value fits, after one from each case before."""
        tensor = self.tensor
        return len(self.kinds) == place and tensor.dtype == dtype and tensor.shape[1:] == tuple(value.shape)

    def put(self, place: int, value: Any) -> None:
        """Copy a value to where it stays."""
        self.kinds.append((type(value), value.dtype))
        if isinstance(value, np.ndarray):
            array = self.tensor[place].numpy()
            if not _is_same(array, value):
                np.copyto(array, value, casting="unsafe")
        else:
            self.tensor[place].copy_(value)

    def value(self, place: int) -> Any:
        """Return a value as it came."""
        kind, dtype = self.kinds[place]
        if kind is torch.Tensor:
            return self.tensor[place]
        return self.tensor[place].numpy().astype(dtype, copy=False).view(kind)


class Gathering:
    """Collects the cases of a batch; its result is that of `eisen._core.collate.collate`.

    Arrays and tensors that have one shape and one type in all cases are copied once, into memory of the ring, so that
    those of a case can be forgotten before the next one is read. Everything else is kept, and collated at the end.

    Args:
        n: How many cases there will be.
        ring: Where the memory comes from.

    Example:
        >>> from eisen.datasets.ring import Ring
        >>> cases = Gathering(2, Ring(1))
        >>> for n in range(2):
        ...     cases.add({"image": np.full((1, 2), n), "name": f"case {n}"})
        >>> cases.batch(["#0", "#1"])
        {'image': tensor([[[0, 0]],
        <BLANKLINE>
                [[1, 1]]]), 'name': ['case 0', 'case 1']}
    """

    def __init__(self, n: int, ring: Rooms) -> None:
        self.n = n
        self._ring = ring
        self._slots: dict[str, _Slot] = {}
        self._cases: list[Any] = []

    def room(self, name: str, shape: Sequence[int], dtype: Any) -> npt.NDArray[Any]:
        """Return the place of a field of the case that is read now, for a data set that can write into it.

        Args:
            name: The field.
            shape: Shape of its value.
            dtype: Its type.
        """
        kind, place = plain_dtype(np.empty(0, dtype)), len(self._cases)
        if kind is None:
            return np.empty(tuple(shape), dtype)
        if place == 0:
            self._slots[name] = self._new_slot(tuple(shape), kind)
        slot = self._slots.get(name)
        if slot is None or slot.tensor.dtype != kind or slot.tensor.shape[1:] != tuple(shape):
            return np.empty(tuple(shape), dtype)
        array: npt.NDArray[Any] = slot.tensor[place].numpy()
        return array

    def add(self, case: Any) -> None:
        """Take one case more.

        Args:
            case: Its fields; nothing of it is needed any more afterwards.
        """
        if isinstance(case, Mapping):
            case = {name: _HERE if self._placed(name, value) else value for name, value in case.items()}
        self._cases.append(case)

    def batch(self, names: Sequence[str]) -> dict[str, Any]:
        """Return all cases together.

        Args:
            names: What they are called, for errors.
        """
        whole = {name: slot.tensor for name, slot in self._slots.items() if len(slot.kinds) == self.n}
        self._ring.expect(len(whole))
        cases = [self._without(whole, place) for place in range(self.n)]
        demand_dicts(cases, names)
        fields = list(self._cases[0])
        others = collate(cases, names)
        return {name: whole[name] if name in whole else others[name] for name in fields}

    def _placed(self, name: str, value: Any) -> bool:
        kind = plain_dtype(value) if type(value) in (np.ndarray, np.memmap, torch.Tensor) else None
        if kind is None:
            return False
        place = len(self._cases)
        if place == 0 and (name not in self._slots or not self._slots[name].takes(0, value, kind)):
            self._slots[name] = self._new_slot(tuple(value.shape), kind)
        slot = self._slots.get(name)
        if slot is None or not slot.takes(place, value, kind):
            return False
        slot.put(place, value)
        return True

    def _new_slot(self, shape: tuple[int, ...], dtype: torch.dtype) -> _Slot:
        return _Slot(self._ring.room((self.n, *shape), dtype))

    def _without(self, whole: Mapping[str, Any], place: int) -> Any:
        """Return a case as it came, without the fields that are done."""
        case = self._cases[place]
        if not isinstance(case, dict):
            return case
        left = {name: value for name, value in case.items() if name not in whole}
        return {name: self._slots[name].value(place) if value is _HERE else value for name, value in left.items()}


_HERE = object()
"""Stands for a value that was copied to its slot."""


def _is_same(one: npt.NDArray[Any], other: npt.NDArray[Any]) -> bool:
    """Tell whether two arrays of one shape are the same memory."""
    same_kind = one.dtype == other.dtype and one.strides == other.strides
    return same_kind and one.ctypes.data == other.ctypes.data
