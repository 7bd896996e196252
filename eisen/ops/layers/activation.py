"""The last layer of a network: how its raw outputs become probabilities."""

from __future__ import annotations

from typing import Literal, get_args

from torch import nn

from eisen._core.errors import ArgumentError, nearest

__all__ = ["Activation", "output_activation"]

Activation = Literal["sigmoid", "softmax", "none"]
"""``sigmoid`` for one class or overlapping classes, ``softmax`` for exclusive classes, ``none`` for logits."""


def output_activation(name: str) -> nn.Module:
    """Return the layer that turns raw outputs (N, C, ...) into probabilities.

    Args:
        name: ``sigmoid`` (every channel by itself), ``softmax`` (over the channels, axis 1) or ``none``
            (outputs stay logits, which is what `DiceCELoss` wants).

    Raises:
        ArgumentError: If the name is none of these.

    Example:
        >>> import torch
        >>> output_activation("softmax")(torch.zeros(1, 4, 2, 2))[0, :, 0, 0]
        tensor([0.2500, 0.2500, 0.2500, 0.2500])
    """
    if name == "sigmoid":
        return nn.Sigmoid()
    if name == "softmax":
        return nn.Softmax(dim=1)
    if name == "none":
        return nn.Identity()
    choices = get_args(Activation)
    raise ArgumentError(
        f"outputs_activation is {name!r}",
        expected=f"one of: {', '.join(choices)}",
        to_do=nearest(str(name), choices) or "choose one of them; 'none' keeps the logits",
    )
