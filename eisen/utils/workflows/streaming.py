"""Metrics that make one value of a whole epoch: those of eisen and of torchmetrics, and any with the same methods."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from eisen.utils.workflows.message import to_numpy
from eisen.utils.workflows.series import Numbers
from eisen.utils.workflows.stream_states import adapter_of
from eisen.utils.wrappers import named_results

__all__ = ["final_values", "reset_all", "restore_streaming", "streaming_states"]


def reset_all(metrics: Sequence[Any]) -> None:
    """Let all streaming metrics forget the last epoch.

    Args:
        metrics: Wrapped metrics; streaming ones have the methods ``reset()`` and ``compute()``.
    """
    for metric in filter(None, map(_streaming, metrics)):
        metric.reset()


def final_values(metrics: Sequence[Any]) -> dict[tuple[int, str], Numbers]:
    """Return what the streaming metrics make of all batches, by (number of the metric, name of its output).

    Under torch.distributed this gathers the counts of all processes, so every process has to call it.

    Args:
        metrics: Wrapped metrics.
    """
    finals: dict[tuple[int, str], Numbers] = {}
    for position, metric in enumerate(metrics):
        inner = _streaming(metric)
        if inner is None:
            continue
        with torch.no_grad():
            value = inner.compute()
        for name, each in named_results(value, metric.output_names, type(inner).__name__).items():
            array = to_numpy(each)
            if array is not None:
                finals[position, name] = array
    return finals


def _streaming(metric: Any) -> Any:
    """Return the metric inside a wrapper if it streams, None otherwise."""
    inner = getattr(metric, "module", metric)
    return inner if callable(getattr(inner, "reset", None)) and callable(getattr(inner, "compute", None)) else None


def streaming_states(metrics: Sequence[Any]) -> list[dict[str, Any]]:
    """Return what the streaming metrics have counted so far, one dict per metric; empty for others.

    Args:
        metrics: Wrapped metrics.
    """
    return [adapter_of(getattr(metric, "module", metric)).take() for metric in metrics]


def restore_streaming(metrics: Sequence[Any], states: Sequence[dict[str, Any]]) -> None:
    """Let streaming metrics go on from what `streaming_states` gave.

    Args:
        metrics: Wrapped metrics.
        states: One dict per metric.
    """
    for metric, state in zip(metrics, states, strict=True):
        adapter_of(getattr(metric, "module", metric)).put([(0, state)])
