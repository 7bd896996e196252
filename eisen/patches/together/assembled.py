"""What everything that is put together has: it knows what is missing, and gives values or labels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.errors import DataError
from eisen._core.optional import is_torch
from eisen._core.types import Array
from eisen.patches.together.placing import checked_sizes
from eisen.patches.together.slabs import label_map

__all__ = ["Assembled"]


class Assembled(ABC):
    """A volume that patches are added to. A child implements `add`, `slab`, `covered` and `n_missing`.

    Args:
        shape: Of the volume, without channels.
        n_channels: Its channels.

    Raises:
        ArgumentError: If a size is not positive.
    """

    def __init__(self, shape: Sequence[int], n_channels: int) -> None:
        self.shape = checked_sizes(shape)
        self.n_channels = checked_sizes((n_channels,))[0]

    @property
    @abstractmethod
    def n_missing(self) -> int:
        """How many voxels have no value so far."""

    @property
    @abstractmethod
    def covered(self) -> Array:
        """Which voxels have a value, of the shape of the volume. Not to be changed."""

    @property
    @abstractmethod
    def has_values(self) -> bool:
        """Whether `slab` has something to return."""

    @abstractmethod
    def add(self, values: Any, region: Any) -> None:
        """Add a patch: its values (C, ...) and where they belong."""

    @abstractmethod
    def slab(self, start: int, stop: int) -> Any:
        """Return the values (C, ...) between two planes of the first spatial axis; 0 where no patch is."""

    @property
    def is_complete(self) -> bool:
        """Whether every voxel has a value."""
        return self.n_missing == 0

    def result(self, allow_missing: float | None = None) -> Any:
        """Return the volume (C, ...), a tensor if it is on a device.

        It is the memory of the assembler where that is possible: copy it before more patches are added.

        Args:
            allow_missing: What voxels have that are in no patch; None: there must be none.

        Raises:
            DataError: If voxels are missing.
        """
        self._demand_complete(allow_missing)
        if not self.has_values:
            return np.full((self.n_channels, *self.shape), allow_missing, np.float32)
        whole = self._all()
        return whole if self.is_complete else self._filled(whole, allow_missing)

    def labels(self, classes: Sequence[int] | None = None, allow_missing: int | None = None) -> Array:
        """Return the label map (...): of every voxel the channel with the largest value, of equals the first.

        It is made a few planes at a time, so it needs no memory of the size of the volume times its channels.

        Args:
            classes: The label of each channel; None: 0, 1, 2, ...
            allow_missing: The label of voxels that are in no patch; None: there must be none.

        Raises:
            DataError: If voxels are missing.
            ArgumentError: If there is one channel only, or another number of labels.
        """
        self._demand_complete(allow_missing)
        if not self.has_values:
            return np.full(self.shape, allow_missing, np.min_scalar_type(allow_missing or 0))
        labels = label_map(self.slab, self.shape, self.n_channels, classes)
        return labels if self.is_complete else np.asarray(self._filled(labels, allow_missing))

    def _all(self) -> Any:
        """Return all values; there are some."""
        return self.slab(0, self.shape[0])

    def _demand_complete(self, allow_missing: float | None) -> None:
        if allow_missing is None and not self.is_complete:
            raise self._incomplete()

    def _incomplete(self) -> DataError:
        """Return the error for voxels without a value: how many they are, and where."""
        missing = ~self.covered
        n, total, axes = int(missing.sum()), missing.size, range(missing.ndim)
        places = [np.flatnonzero(missing.any(tuple(k for k in axes if k != axis))) for axis in axes]
        box = ", ".join(f"{where[0]}:{where[-1] + 1}" for where in places)
        return DataError(
            f"{n} of {total} voxels ({100 * n / total:.3g} %) are in no patch; they lie within [{box}]",
            expected="patches that cover every voxel",
            to_do="add the patches that are missing, or say with allow_missing=0 what such voxels shall have",
            shapes=f"volume {self.shape}",
        )

    def _filled(self, values: Any, fill: Any) -> Any:
        """Return a copy with a value for the voxels that are in no patch."""
        if is_torch(values):
            import torch

            return torch.where(torch.as_tensor(self.covered, device=values.device), values, fill)
        return np.where(self.covered, values, np.asarray(fill).astype(values.dtype))
