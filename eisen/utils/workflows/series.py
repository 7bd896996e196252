"""Losses and metrics of an epoch: kept as tensors where they are, read back once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from eisen._core.errors import ArgumentError

__all__ = ["Batches", "Numbers", "Series", "nan_mean", "per_class", "read_back"]

Numbers = npt.NDArray[np.floating[Any]]
Batches = Numbers | list[Numbers]
"""One entry per batch: an array with the batches first, or a list where their shapes differ."""

_MAX_AXES = 2
"""Values with more axes (a loss per voxel) are averaged at once rather than kept for a whole epoch."""


class Series:
    """The values of all losses, or all metrics, over an epoch.

    Each is kept as it comes, detached, on its device: adding never waits for the device.

    Example:
        >>> losses = Series()
        >>> for value in (1.0, 3.0):
        ...     losses.add([{"dice_loss": torch.tensor(value)}])
        >>> read_back(losses)[0, "dice_loss"]
        array([1., 3.], dtype=float32)
    """

    def __init__(self) -> None:
        self.values: dict[tuple[int, str], list[torch.Tensor]] = {}

    def add(self, rows: Sequence[dict[str, Any]]) -> None:
        """Keep what one batch gave.

        Args:
            rows: One dict (name to tensor, array or number) per loss or metric.
        """
        values = self.values
        for position, row in enumerate(rows):
            for name, value in row.items():
                try:
                    kept = value.detach()
                except AttributeError:
                    kept = _as_tensor(name, value)
                if kept.ndim > _MAX_AXES:
                    kept = kept.float().mean()
                try:
                    values[position, name].append(kept)
                except KeyError:
                    values[position, name] = [kept]

    def state(self) -> list[dict[str, Any]]:
        """Return all values, for a checkpoint."""
        return [
            {"position": position, "name": name, "values": list(column)}
            for (position, name), column in self.values.items()
        ]

    def restore(self, state: Sequence[dict[str, Any]]) -> None:
        """Take up what `state` gave."""
        self.values = {(row["position"], row["name"]): list(row["values"]) for row in state}


def _as_tensor(name: str, value: Any) -> torch.Tensor:
    if isinstance(value, dict):
        raise ArgumentError(
            f"the loss or metric '{name}' returned a dict with {', '.join(map(str, value))}",
            expected="a number, an array or a tensor under each name",
            to_do=f"take the names of the dict: output_names={[str(key) for key in value]}",
            field=name,
        )
    return torch.as_tensor(value)


def read_back(series: Series) -> dict[tuple[int, str], Batches]:
    """Return the values on the host, one entry per batch; one transfer per device, whatever their number."""
    stacks = {key: _joined(column) for key, column in series.values.items()}
    arrays: dict[tuple[int, str], Batches] = {}
    for device in {stack.device for stack in stacks.values()}:
        here = {key: stack for key, stack in stacks.items() if stack.device == device}
        flat = torch.cat([stack.reshape(-1) for stack in here.values()])
        flat = flat if flat.dtype in (torch.float32, torch.float64) else flat.to(torch.float32)
        stops = np.cumsum([stack.numel() for stack in here.values()])
        for (key, stack), part in zip(here.items(), np.split(flat.cpu().numpy(), stops[:-1]), strict=True):
            arrays[key] = _by_batch(part, stack, series.values[key])
    return arrays


def _joined(column: list[torch.Tensor]) -> torch.Tensor:
    """Return the values of all batches as one tensor; flat when the batches differ in shape."""
    if len({value.shape for value in column}) == 1:
        return torch.stack(column)
    return torch.cat([value.reshape(-1) for value in column])


def _by_batch(numbers: Numbers, stack: torch.Tensor, column: list[torch.Tensor]) -> Batches:
    if len(stack) == len(column) and stack.shape[1:] == column[0].shape:
        return numbers.reshape(tuple(stack.shape))
    parts = np.split(numbers, np.cumsum([value.numel() for value in column])[:-1])
    return [part.reshape(tuple(value.shape)) for part, value in zip(parts, column, strict=True)]


def per_class(batches: Batches, n_classes: int) -> list[Numbers] | None:
    """Return the values as (cases, classes) arrays, one per batch; None if they are not values per class."""
    if not all(values.ndim in (1, 2) and values.shape[-1] == n_classes for values in batches):
        return None
    return [values.reshape(-1, n_classes) for values in batches]


def nan_mean(values: Any, axis: int | None = None) -> Any:
    """Return the mean of what is not NaN, in double precision; NaN where there is nothing.

    Example:
        >>> nan_mean([[1.0, np.nan], [3.0, np.nan]], axis=0)
        array([ 2., nan])
    """
    array = np.asarray(values, dtype=np.float64)
    known = ~np.isnan(array)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(known, array, 0.0).sum(axis=axis) / known.sum(axis=axis)
