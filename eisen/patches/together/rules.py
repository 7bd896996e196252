"""What becomes of a voxel that several patches have a value for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from math import isfinite
from typing import Any, Protocol

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.optional import is_torch
from eisen._core.types import Array
from eisen.patches.together.room import Room
from eisen.storage.regions import Region

__all__ = ["RULES", "Blend", "Chosen", "Majority", "Rule", "make_rule"]

RULES = ("blend", "majority", "first", "last", "max")


class Rule(Protocol):
    """Values of a volume that patches are added to."""

    def add(self, values: Any, part: Region, weights: Any, known: Array | None) -> None:
        """Add a patch.

        Args:
            values: (C, ...), all inside of the volume.
            part: Where it belongs, without the channel axis.
            weights: How much each voxel counts, of the shape of `part`.
            known: Which voxels have a value from another patch already; None: none of them.
        """

    def put(self, values: Any, voxels: tuple[Array, ...], weight: float) -> None:
        """Add single voxels, of which none has a value yet.

        Args:
            values: (C, N).
            voxels: Their indices along each spatial axis.
            weight: How much each counts.
        """

    def slab(self, start: int, stop: int) -> Any:
        """Return the values (C, ...) from `start` to `stop` along the first spatial axis, if possible not a copy."""


def make_rule(name: str, room: Room, shape: tuple[int, ...], dtype: Any, kind: Any) -> Rule:
    """Return an empty volume with a rule.

    Args:
        name: One of `RULES`.
        room: Where its arrays are.
        shape: (C, ...).
        dtype: Type of the values.
        kind: Type that is computed in where values are blended or votes are counted.

    Raises:
        ArgumentError: If there is no such rule.

    Example:
        >>> rule = make_rule("max", Room(), (1, 4), "uint8", "float32")
        >>> rule.add(np.array([[5, 1]], "uint8"), (slice(0, 2),), 1, None)
        >>> rule.add(np.array([[3, 2]], "uint8"), (slice(0, 2),), 1, np.array([True, True]))
        >>> rule.slab(0, 2)
        array([[5, 2]], dtype=uint8)
    """
    if name == "blend":
        return Blend(room, shape, kind)
    if name == "majority":
        return Majority(room, shape, dtype, kind)
    if name in RULES:
        return Chosen(name, room, shape, dtype)
    raise ArgumentError(f"there is no rule {name!r} for voxels of several patches", expected=f"one of {RULES}")


class Blend:
    """The mean of all patches, each voxel with its weight; it is kept as a mean all the time.

    Where all patches agree the mean is exactly what they agree on, which sums that are divided in the end are not.

    Args:
        room: Where the arrays are.
        shape: (C, ...).
        kind: Type of the mean.

    Source: West 1979, Updating mean and variance estimates: an improved method, Communications of the ACM 22.
    """

    def __init__(self, room: Room, shape: tuple[int, ...], kind: Any) -> None:
        self._mean = room.zeros(shape, kind)
        self._tensor, self._total = _tensor(self._mean), _tensor(room.zeros(shape[1:], kind))
        self._is_finite = True

    def add(self, values: Any, part: Region, weights: Any, known: Array | None) -> None:
        """Add a patch, see `Rule`."""
        values, weights = _tensor(values), _tensor(weights)
        mean, total = self._tensor[(slice(None), *part)], self._total[part]
        on_host = values.device.type == "cpu"  # asking a device would make it wait for each patch
        self._is_finite = self._is_finite and on_host and isfinite(float(values.sum()))
        if known is None:
            mean.copy_(values)
            total.copy_(weights)
            return
        total += weights
        if self._is_finite:
            mean.lerp_(values, weights / total)
        else:
            _move(mean, values, weights / total)

    def put(self, values: Any, voxels: tuple[Array, ...], weight: float) -> None:
        """Add single voxels, see `Rule`."""
        values = _tensor(values)
        self._is_finite = self._is_finite and values.device.type == "cpu" and isfinite(float(values.sum()))
        self._tensor[(slice(None), *voxels)] = values
        self._total[voxels] = weight

    def slab(self, start: int, stop: int) -> Any:
        """Return the mean of some planes, see `Rule`."""
        return self._mean[:, start:stop]


def _tensor(array: Any) -> Any:
    """Return an array as a tensor that shares its memory, where torch can."""
    import torch

    if is_torch(array):
        return array
    is_plain = array.flags.writeable and min(array.strides, default=0) >= 0
    return torch.from_numpy(array if is_plain else array.copy())


def _move(mean: Any, values: Any, share: Any) -> None:
    """Move a mean towards values by a share of the way; infinite values count as they do in a sum."""
    change = (values - mean) * share
    mean.copy_((mean + change).where(change.isfinite(), mean * (1 - share) + values * share))


class Majority:
    """The value that most patches vote for, each voxel with its weight; of equals the smallest.

    Only as many candidates are kept as a voxel has: one where all patches agree, whatever the number of classes.

    Args:
        room: Where the arrays are.
        shape: (C, ...).
        dtype: Type of the values.
        kind: Type of the votes.
    """

    def __init__(self, room: Room, shape: tuple[int, ...], dtype: Any, kind: Any) -> None:
        self._room, self._shape, self._types = room, shape, (dtype, kind)
        self._candidates: list[tuple[Any, Any]] = []

    def add(self, values: Any, part: Region, weights: Any, known: Array | None) -> None:  # noqa: ARG002
        """Add a patch, see `Rule`."""
        names, index = _arrays(values), (slice(None), *part)
        left = names.zeros_like(values, dtype=self._types[1]) + weights
        for candidate, votes in self._each():
            name, count = candidate[index], votes[index]
            here = (left > 0) & ((count == 0) | (name == values))
            name[...] = names.where(here, values, name)
            count += left * here
            left = left * ~here
            if not bool(left.any()):
                return

    def put(self, values: Any, voxels: tuple[Array, ...], weight: float) -> None:
        """Add single voxels, see `Rule`."""
        name, votes = next(self._each())
        name[(slice(None), *voxels)] = values
        votes[(slice(None), *voxels)] = weight

    def _each(self) -> Iterator[tuple[Any, Any]]:
        """Go through the candidates, and then through new ones: of a voxel the first ones are taken first."""
        yield from self._candidates
        while True:
            name, votes = (self._room.zeros(self._shape, kind) for kind in self._types)
            self._candidates.append((name, votes))
            yield name, votes

    def slab(self, start: int, stop: int) -> Any:
        """Return the winners of some planes, see `Rule`."""
        best, most = (array[:, start:stop] for array in self._candidates[0])
        for candidate, votes in self._candidates[1:]:
            name, count = candidate[:, start:stop], votes[:, start:stop]
            better = (count > most) | ((count == most) & (name < best))
            names = _arrays(best)
            best, most = names.where(better, name, best), names.where(better, count, most)
        return best


class Chosen:
    """The value of one of the patches: the first or the last that came, or the largest.

    Args:
        which: ``"first"``, ``"last"`` or ``"max"``.
        room: Where the arrays are.
        shape: (C, ...).
        dtype: Type of the values.
    """

    def __init__(self, which: str, room: Room, shape: tuple[int, ...], dtype: Any) -> None:
        self._which = which
        self._values = room.zeros(shape, dtype)

    def add(self, values: Any, part: Region, weights: Any, known: Array | None) -> None:  # noqa: ARG002
        """Add a patch, see `Rule`."""
        old = self._values[(slice(None), *part)]
        if known is None or self._which == "last":
            old[...] = values
            return
        names = _arrays(old)
        kept = names.maximum(old, values) if self._which == "max" else old
        seen = names.as_tensor(known, device=old.device) if is_torch(old) else known
        old[...] = names.where(seen, kept, values)

    def put(self, values: Any, voxels: tuple[Array, ...], weight: float) -> None:  # noqa: ARG002
        """Add single voxels, see `Rule`."""
        self._values[(slice(None), *voxels)] = values

    def slab(self, start: int, stop: int) -> Any:
        """Return some planes, see `Rule`."""
        return self._values[:, start:stop]


def _arrays(value: Any) -> Any:
    """Return the library an array is of; the functions used here are called the same in both."""
    return sys.modules["torch"] if is_torch(value) else np
