"""Bringing together what several processes measured, as if one had seen all batches."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch

from eisen._core.errors import ArgumentError
from eisen.datasets.sharing import Share
from eisen.ops.metrics import StreamingMetric
from eisen.ops.metrics.averaging import CaseMean
from eisen.utils.distributed import Distribution
from eisen.utils.workflows.series import Batches, Numbers
from eisen.utils.workflows.stream_states import Adapter, adapter_of

__all__ = ["Columns", "as_rows", "demand_mergeable", "gather_columns", "gather_pieces", "share_of", "whole_batch"]

Key = TypeVar("Key", bound=Hashable)
Columns = dict[tuple[int, str], Batches]
"""Values of all batches by number of the loss or metric, and name."""


def share_of(batch: Any, number: int, distribution: Distribution) -> Share:
    """Return which part of which batch a process has computed.

    Args:
        batch: What the data loader gave. A loader that was not divided gave a batch that no other process has.
        number: How many batches this process had before.
        distribution: The processes.
    """
    share: Share | None = getattr(batch, "share", None)
    return Share(number * distribution.size + distribution.rank, (), 0) if share is None else share


def gather_columns(
    columns: Columns, shares: Sequence[Share], distribution: Distribution, n_classes: Sequence[int] = ()
) -> Columns:
    """Return the values of all batches of all processes, in the order of the batches; the same in every process.

    Args:
        columns: The values of this process, one entry per share.
        shares: Which parts of which batches they are of.
        distribution: The processes.
        n_classes: For each metric the number of its classes, 0 where it has none.
    """
    pieces = gather_pieces(columns, shares, distribution)
    sizes = {key: n_classes[key[0]] if key[0] < len(n_classes) else 0 for key in pieces}
    return {key: _as_batches([whole_batch(rows, sizes[key]) for rows in column]) for key, column in pieces.items()}


def gather_pieces(
    columns: Mapping[Key, Any], shares: Sequence[Share], distribution: Distribution
) -> dict[Key, list[list[tuple[Share, Any]]]]:
    """Return, for each key and batch, what each of the processes has that had a part of the batch.

    Args:
        columns: The values of this process, one entry per share.
        shares: Which parts of which batches they are of.
        distribution: The processes.
    """
    everyone = distribution.gather({key: list(zip(shares, column, strict=False)) for key, column in columns.items()})
    pieces: dict[Key, dict[int, list[tuple[Share, Any]]]] = {}
    for part in everyone:
        for key, rows in part.items():
            for share, value in rows:
                pieces.setdefault(key, {}).setdefault(share.number, []).append((share, value))
    return {key: [batches[number] for number in sorted(batches)] for key, batches in pieces.items()}


def _as_batches(batches: list[Numbers]) -> Batches:
    """Return one array where all batches have the same shape."""
    return np.stack(batches) if len({batch.shape for batch in batches}) == 1 else batches


def whole_batch(pieces: Sequence[tuple[Share, Numbers]], n_classes: int = 0) -> Numbers:
    """Return what one process would have measured for a batch.

    Values per case go to the places of their cases. Of other values the mean is taken, weighted by the number of
    cases; of values per class, of those processes whose cases have the class.

    Args:
        pieces: The values of each process that had a part of the batch.
        n_classes: For values per class, how many classes.

    Example:
        >>> first, second = Share(0, (0, 2), 3), Share(0, (1,), 3)
        >>> whole_batch([(first, np.array([0.5, 0.7])), (second, np.array([0.1]))])
        array([0.5, 0.1, 0.7])
        >>> float(whole_batch([(first, np.array(0.6)), (second, np.array(0.3))]))
        0.5
    """
    values = [np.asarray(value) for _, value in pieces]
    if len(values) == 1:
        return values[0]
    sizes = [len(share.places) for share, _ in pieces]
    if all(_is_per_case(value, n, n_classes) for value, n in zip(values, sizes, strict=True)):
        order = np.argsort([place for share, _ in pieces for place in share.places], kind="stable")
        return np.asarray(np.concatenate(values)[order])
    if len({value.shape for value in values}) > 1:
        return np.concatenate([value.reshape(-1) for value in values])
    return _weighted(np.stack(values), np.asarray(sizes or 1, dtype=np.float64), skips_nan=n_classes > 0)


def _is_per_case(value: Numbers, n_cases: int, n_classes: int) -> bool:
    is_per_class = value.ndim == 1 and n_classes > 0 and len(value) == n_classes
    return value.ndim > 0 and n_cases > 0 and len(value) == n_cases and not is_per_class


def _weighted(values: Numbers, sizes: Numbers, *, skips_nan: bool) -> Numbers:
    weights = np.broadcast_to(sizes.reshape(-1, *[1] * (values.ndim - 1)), values.shape)
    known = ~np.isnan(values) if skips_nan else np.ones_like(values, dtype=bool)
    weights = np.where(known, weights, 0.0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = (np.where(known, values, 0.0).astype(np.float64) * weights).sum(axis=0) / weights.sum(axis=0)
    return np.asarray(mean, dtype=values.dtype)


def demand_mergeable(metrics: Sequence[Any]) -> None:
    """Raise if a metric adds up over an epoch but not over processes: each process would report its own value.

    Args:
        metrics: Wrapped metrics.

    Raises:
        ArgumentError: If there is one; those of eisen, torchmetrics and MONAI add up.
    """
    for metric in metrics:
        inner = getattr(metric, "module", metric)
        streams = callable(getattr(inner, "reset", None)) and callable(getattr(inner, "compute", None))
        is_ours = type(inner).__module__.partition(".")[0] == "eisen" or isinstance(inner, (StreamingMetric, CaseMean))
        if streams and not is_ours and type(adapter_of(inner)) is Adapter:
            raise ArgumentError(
                f"the metric {type(inner).__name__} adds up over an epoch, but not over several processes",
                expected="a metric of eisen, torchmetrics or MONAI, or one value per batch",
                to_do="derive it from eisen.ops.metrics.StreamingMetric or torchmetrics.Metric",
            )


def as_rows(columns: Columns) -> list[dict[str, Any]]:
    """Return values as `Series.state` does, for a checkpoint.

    Args:
        columns: Values of all batches.
    """
    return [
        {"position": position, "name": name, "values": [torch.from_numpy(np.array(value)) for value in batches]}
        for (position, name), batches in columns.items()
    ]
