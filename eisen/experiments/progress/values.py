"""Reading losses from the device, many at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["Losses", "detached", "read"]

Losses = dict[str, Any]
"""Losses of a batch by name: tensors that nobody has looked at yet, or numbers."""


def detached(losses: Iterable[Mapping[str, Any]]) -> Losses:
    """Return the losses of a batch without what their gradients need, so that they can be kept.

    Args:
        losses: One mapping (name to tensor) per loss.
    """
    return {
        str(name): value.detach() if hasattr(value, "detach") else value
        for row in losses
        for name, value in row.items()
    }


def read(batches: Sequence[Losses]) -> list[dict[str, float]]:
    """Return losses as numbers; those on a device are fetched together, so it is waited for once.

    A loss with several values counts with their mean; what cannot be read is left out, for whoever computes with it
    will tell.

    Args:
        batches: Losses of batches.

    Example:
        >>> import torch
        >>> read([{"dice": torch.tensor(0.5)}, {"dice": 0.25, "odd": "text"}])
        [{'dice': 0.5}, {'dice': 0.25}]
    """
    flat = [(i, name, value) for i, losses in enumerate(batches) for name, value in losses.items()]
    numbers: list[dict[str, float]] = [{} for _ in batches]
    for (i, name, _), number in zip(flat, _numbers([value for *_, value in flat]), strict=True):
        if number is not None:
            numbers[i][name] = number
    return numbers


def _numbers(values: list[Any]) -> list[float | None]:
    away = [i for i, value in enumerate(values) if getattr(value, "device", None) is not None and not value.is_cpu]
    if away:
        try:
            fetched = _fetched([values[i] for i in away])
        except (RuntimeError, TypeError, ValueError):
            fetched = ["unreadable"] * len(away)
        values = list(values)
        for i, value in zip(away, fetched, strict=True):
            values[i] = value
    return [_number(value) for value in values]


def _fetched(tensors: list[Any]) -> list[Any]:
    import torch

    scalars = [tensor.float().mean() if tensor.ndim else tensor.float() for tensor in tensors]
    found: list[Any] = torch.stack(scalars).tolist()
    return found


def _number(value: Any) -> float | None:
    try:
        return float(value.float().mean() if getattr(value, "ndim", 0) else value)
    except (RuntimeError, TypeError, ValueError):
        return None
