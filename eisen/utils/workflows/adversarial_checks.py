"""What two networks that learn from each other must be like, checked before they do."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from eisen._core.errors import ArgumentError, nearest

__all__ = [
    "Mode",
    "check_mode",
    "checked_optimizers",
    "compare_range",
    "held",
    "parts_of",
    "refuse_batch_normalization",
]

_log = logging.getLogger(__name__)

Mode = Literal["gan", "lsgan", "wgan-gp"]
_NAMES = ("generator", "discriminator")
_RANGES = {"Tanh": (-1.0, 1.0), "Sigmoid": (0.0, 1.0)}
_SLACK = 0.5
"""How far beyond the range of the generator real images may go, as a share of it, before a line in the log says so."""


def check_mode(mode: str, n_critic: int | None) -> None:
    """Make sure that mode and number of steps are possible.

    Raises:
        ArgumentError: If one is not.
    """
    if mode not in get_args(Mode):
        raise ArgumentError(
            f"AdversarialTraining: mode is {mode!r}",
            expected=f"one of: {', '.join(get_args(Mode))}",
            to_do=nearest(str(mode), get_args(Mode)) or "choose one of them",
        )
    if n_critic is not None and (not isinstance(n_critic, int) or n_critic < 1):
        raise ArgumentError(f"AdversarialTraining: n_critic is {n_critic!r}", expected="a whole number from 1, or None")


def checked_optimizers(optimizer: Any) -> dict[str, torch.optim.Optimizer]:
    """Return the two optimizers by name.

    Raises:
        ArgumentError: If there are others, or one is missing.
    """
    if not isinstance(optimizer, Mapping) or set(optimizer) != set(_NAMES):
        has = ", ".join(map(repr, optimizer)) if isinstance(optimizer, Mapping) else type(optimizer).__name__
        raise ArgumentError(
            f"AdversarialTraining has the optimizers: {has}",
            expected="two, named 'generator' and 'discriminator'",
            to_do='in a configuration: {"type": "torch.optim.Adam", "params": {"name": "generator", '
            '"weights": ["generator.*"], "lr": 0.0002}}, and the same for the discriminator',
        )
    return dict(optimizer)


def parts_of(model: Any) -> tuple[nn.Module, nn.Module]:
    """Return generator and discriminator, however deep the model is wrapped.

    Raises:
        ArgumentError: If it has no such parts.
    """
    for module in model.modules() if isinstance(model, nn.Module) else ():
        parts = [getattr(module, name, None) for name in _NAMES]
        if all(isinstance(part, nn.Module) for part in parts):
            return parts[0], parts[1]  # type: ignore[return-value]  # just checked
    raise ArgumentError(
        f"{type(getattr(model, 'module', model)).__name__} has no generator and discriminator",
        expected="a model with parts of these names",
        to_do="use eisen.models.GAN(generator=..., discriminator=...)",
    )


def refuse_batch_normalization(critic: nn.Module) -> None:
    """Make sure that a critic treats every image by itself.

    Raises:
        ArgumentError: If it has batch normalization.
    """
    kinds = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)
    if any(isinstance(layer, kinds) for layer in critic.modules()):
        raise ArgumentError(
            "the discriminator has batch normalization, which mixes the images of a batch; the gradient penalty of "
            "'wgan-gp' needs each by itself",
            expected="a discriminator without it",
            to_do="set normalization of DCGANDiscriminator to 'layernorm'",
        )


def compare_range(real: Tensor, generator: nn.Module) -> None:
    """Say so if the generator cannot make images of the range of the real ones."""
    limits = _RANGES.get(type(getattr(generator, "outputs_activation", None)).__name__)
    if limits is None or not real.numel():
        return
    low, high = float(real.min()), float(real.max())
    slack = _SLACK * (limits[1] - limits[0])
    if low < limits[0] - slack or high > limits[1] + slack:
        text = "the real images go from %.3g to %.3g, the generator makes images from %g to %g: rescale the real ones"
        _log.warning(text, low, high, *limits)


@contextmanager
def held(network: nn.Module, wanted: bool) -> Iterator[None]:
    """Let no gradient gather at the weights of a network inside the block; it passes through."""
    quiet = [weight for weight in network.parameters() if wanted and weight.requires_grad]
    for weight in quiet:
        weight.requires_grad_(False)
    try:
        yield
    finally:
        for weight in quiet:
            weight.requires_grad_(True)
