"""Where a workflow computes."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

import torch

from eisen._core.errors import ArgumentError, nearest

__all__ = ["place_on", "resolve_device"]

_log = logging.getLogger(__name__)


def resolve_device(device: str | torch.device | None = None, gpu: bool = True, model: Any = None) -> torch.device:
    """Return the device to compute on.

    Args:
        device: ``"auto"`` (a GPU if there is one), ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"`` or a torch device;
            None leaves the choice to `gpu`.
        gpu: The switch of the original. True: where the model is if that is a GPU already, else the first GPU, else
            the CPU with one line in the log. False: where the model is.
        model: The model, a `torch.nn.Module`.

    Raises:
        ArgumentError: If there is no such device on this machine.

    Example:
        >>> resolve_device("cpu")
        device(type='cpu')
    """
    if device is not None:
        return _best_there_is() if device == "auto" else _checked(device)
    first = next(iter(model.parameters()), None) if isinstance(model, torch.nn.Module) else None
    present = torch.device("cpu") if first is None else first.device
    if not gpu or present.type != "cpu":
        return present
    best = _best_there_is()
    if best.type == "cpu":
        _say_once("there is no GPU: computing on the CPU")
    return best


def place_on(device: torch.device, batch: dict[str, Any]) -> None:
    """Move the tensors of a batch to a device, in place; other values stay as they are."""
    for name, value in batch.items():
        if isinstance(value, torch.Tensor) and value.device != device:
            batch[name] = value.to(device, non_blocking=True)


def _best_there_is() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("mps") if torch.backends.mps.is_available() else torch.device("cpu")


def _checked(device: str | torch.device) -> torch.device:
    try:
        found = torch.device(device)
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError) as error:
        raise ArgumentError(
            f"the device '{device}' cannot be used: {str(error).splitlines()[0]}",
            expected="'auto', 'cpu', 'cuda', 'cuda:<number>' or 'mps'",
            to_do=nearest(str(device), ["auto", "cpu", "cuda", "mps"]) or "use 'auto' to take a GPU where there is one",
        ) from error
    return torch.device("cuda", torch.cuda.current_device()) if found == torch.device("cuda") else found


@cache
def _say_once(text: str) -> None:
    _log.warning(text)
