"""What is done to a model once, before it is trained: memory format, compilation, frozen parts."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from eisen._core.errors import ArgumentError, nearest

__all__ = ["channels_last", "compile_model", "freeze", "selected", "with_channels_last"]

_FORMATS = {4: torch.channels_last, 5: torch.channels_last_3d}


def channels_last(module: nn.Module) -> nn.Module:
    """Order the weights of convolutions, 2-D and 3-D, with the channels innermost; values and shapes stay the same.

    Args:
        module: Changed in place.

    Example:
        >>> channels_last(nn.Conv3d(2, 4, 3)).weight.stride()
        (54, 1, 18, 6, 2)
    """
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.ndim in _FORMATS:
            tensor.data = tensor.data.contiguous(memory_format=_FORMATS[tensor.ndim])
    return module


def with_channels_last(batch: dict[str, Any]) -> None:
    """Order the images of a batch, (N, C, H, W) or (N, C, X, Y, Z), with the channels innermost, in place."""
    for name, value in batch.items():
        if isinstance(value, torch.Tensor) and value.ndim in _FORMATS and value.is_floating_point():
            batch[name] = value.contiguous(memory_format=_FORMATS[value.ndim])


def compile_model(module: nn.Module, options: bool | Mapping[str, Any], device: torch.device) -> None:
    """Let PyTorch compile a model, in place: names of weights and the class stay what they are.

    Args:
        module: The model.
        options: True, or keywords of `torch.compile`, e.g. ``{"mode": "max-autotune"}``.
        device: Where it will compute.

    Raises:
        ArgumentError: If there is no C++ compiler, which is needed on a CPU.
    """
    compilers = [os.environ.get("CXX", ""), "g++", "clang++", "c++"]
    backend = options.get("backend", "inductor") if isinstance(options, Mapping) else "inductor"
    if device.type == "cpu" and backend == "inductor" and not any(name and shutil.which(name) for name in compilers):
        raise ArgumentError(
            "compile=True needs a C++ compiler on a CPU, and there is none",
            expected="g++ or clang++ on the PATH, or its name in the environment variable CXX",
            to_do="install one (e.g. the package g++), or leave compile out",
        )
    module.compile(**(dict(options) if isinstance(options, Mapping) else {}))


def freeze(module: nn.Module, patterns: Sequence[str]) -> list[nn.Module]:
    """Exempt weights from training.

    Args:
        module: The model.
        patterns: Names of weights, ``*`` and ``?`` stand for any letters: ``["encoder.*"]``. The name of a part stands
            for all that is in it.

    Returns:
        The parts all of whose weights are frozen; to be kept in evaluation mode, so that dropout and the statistics of
        batch normalisation stay still too.

    Raises:
        ArgumentError: If a pattern fits no weight.

    Example:
        >>> net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
        >>> freeze(net, ["0.*"])
        [Linear(in_features=2, out_features=2, bias=True)]
        >>> [name for name, weight in net.named_parameters() if weight.requires_grad]
        ['1.weight', '1.bias']
    """
    weights = dict(module.named_parameters())
    for pattern in patterns:
        for name in selected(weights, pattern):
            weights[name].requires_grad_(False)
    parts = [part for part in module.modules() if any(True for _ in part.parameters())]
    return [part for part in parts if not any(weight.requires_grad for weight in part.parameters())]


def selected(weights: Mapping[str, Any], pattern: str) -> list[str]:
    """Return the names of weights that fit a pattern.

    Raises:
        ArgumentError: If there is none.
    """
    found = [name for name in weights if fnmatchcase(name, pattern) or name.startswith(f"{pattern}.")]
    if not found:
        parts = dict.fromkeys(name.partition(".")[0] for name in weights)
        raise ArgumentError(
            f"no weight of the model is called '{pattern}'",
            expected=f"a name such as '{next(iter(weights), '')}', or a part: {', '.join(parts)}",
            to_do=nearest(pattern.split(".")[0], parts),
        )
    return found
