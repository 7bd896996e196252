"""Normalization layers by name."""

from __future__ import annotations

from typing import Literal, get_args

from torch import nn

from eisen._core.errors import ArgumentError, nearest

__all__ = ["Normalization", "normalization"]

Normalization = Literal["groupnorm", "batchnorm", "instancenorm", "none"]
"""``groupnorm`` and ``instancenorm`` do not depend on the batch size, ``batchnorm`` wants large batches."""

_BATCH = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
_INSTANCE = {1: nn.InstanceNorm1d, 2: nn.InstanceNorm2d, 3: nn.InstanceNorm3d}


def normalization(name: str, n_channels: int, dims: int = 3, groups: int = 16, *, affine: bool = False) -> nn.Module:
    """Return the layer that keeps feature maps at a steady mean and contrast.

    Args:
        name: ``groupnorm``, ``batchnorm``, ``instancenorm`` or ``none`` (does nothing).
        n_channels: Number of channels of the feature maps (N, C, ...).
        dims: Number of spatial axes: 1, 2 or 3.
        groups: Number of groups of ``groupnorm``; it must divide `n_channels`. The others ignore it.
        affine: Whether ``instancenorm`` learns a scale and a shift per channel; the others always do.

    Raises:
        ArgumentError: If the name is unknown, `dims` is not 1, 2 or 3, or `groups` does not divide `n_channels`.

    Source:
        Ioffe and Szegedy 2015, arXiv:1502.03167 (batch); Ulyanov et al. 2016, arXiv:1607.08022 (instance);
        Wu and He 2018, arXiv:1803.08494 (group).

    Example:
        >>> normalization("groupnorm", 32, groups=8).num_groups
        8
    """
    if dims not in _BATCH:
        raise ArgumentError(
            f"dims is {dims!r}", expected="1, 2 or 3", to_do="give the number of spatial axes, 3 for volumes"
        )
    if name == "groupnorm":
        return _group_norm(n_channels, groups)
    if name == "batchnorm":
        return _BATCH[dims](n_channels)
    if name == "instancenorm":
        return _INSTANCE[dims](n_channels, affine=affine)
    if name == "none":
        return nn.Identity()
    choices = get_args(Normalization)
    raise ArgumentError(
        f"normalization is {name!r}",
        expected=f"one of: {', '.join(choices)}",
        to_do=nearest(str(name), choices) or "choose one of them",
    )


def _group_norm(n_channels: int, groups: int) -> nn.Module:
    if groups < 1 or n_channels % groups:
        divisors = [n for n in range(1, n_channels + 1) if n_channels % n == 0]
        raise ArgumentError(
            f"groupnorm cannot split {n_channels} channels into {groups} groups",
            expected=f"a number of groups that divides {n_channels}: {', '.join(map(str, divisors))}",
            to_do=f"set groups to one of these, n_filters to a multiple of {max(groups, 1)}, "
            "or normalization to 'instancenorm'",
        )
    return nn.GroupNorm(groups, n_channels)
