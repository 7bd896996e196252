"""Weights and optimizer states that are spread over processes, made whole for a checkpoint and spread again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch.distributed.tensor import DTensor, distribute_tensor

__all__ = ["spread_like", "spread_optimizer", "whole"]


def whole(state: Any) -> Any:
    """Return a state with whole tensors on the host instead of spread ones; all processes have to call it.

    Args:
        state: Dicts and lists of anything.
    """
    if isinstance(state, DTensor):
        return state.full_tensor().detach().cpu()
    if isinstance(state, Mapping):
        return {key: whole(value) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(whole(value) for value in state)
    return state


def spread_like(own: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    """Return whole tensors spread like those of the same name; every process has the whole ones.

    Args:
        own: The state of a model now.
        state: Whole tensors by name.
    """
    return {name: _spread(own.get(name), value) for name, value in state.items()}


def spread_optimizer(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the state of an optimizer spread like its weights.

    Args:
        optimizer: The optimizer.
        state: What its ``state_dict()`` would be with one process.
    """
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    numbers = [number for group in state["param_groups"] for number in group["params"]]
    by_number = dict(zip(numbers, weights, strict=True))
    moments = {
        number: {name: _spread_moment(by_number[number], value) for name, value in values.items()}
        for number, values in state["state"].items()
    }
    return {**state, "state": moments}


def _spread_moment(weight: Any, value: Any) -> Any:
    """Spread what has the shape of the weight; counters stay as they are."""
    fits = isinstance(value, torch.Tensor) and value.ndim > 0 and value.shape == weight.shape
    return _spread(weight, value) if fits else value


def _spread(like: Any, value: Any) -> Any:
    if not isinstance(like, DTensor) or isinstance(value, DTensor):
        return value
    on_device = value.to(like.device)
    return distribute_tensor(on_device, like.device_mesh, like.placements, src_data_rank=None)
