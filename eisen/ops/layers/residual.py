"""Residual units: layers that learn a correction of what they are given."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn

from eisen.ops.layers.blocks import conv_unit, per_axis
from eisen.ops.layers.norm import Normalization

__all__ = ["ResidualUnit"]

_POOL: dict[int, type[nn.Module]] = {1: nn.AvgPool1d, 2: nn.AvgPool2d, 3: nn.AvgPool3d}


class ResidualUnit(nn.Module):
    """Two convolutions whose result is added to their input, then leaky ReLU.

    Where the unit reduces the size, the input takes the short way through average pooling, which loses no voxel,
    and where it changes the number of channels, through a 1x1x1 convolution with normalization ("ResNet-D").

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        kernel_size: Size of the kernels in voxels, one odd number or one per axis.
        stride: Factor by which the sides shrink, one number or one per axis.
        normalization: ``groupnorm``, ``batchnorm``, ``instancenorm`` (with learned scale and shift) or ``none``.
        groups: Number of groups of ``groupnorm``.
        dims: Number of spatial axes: 1, 2 or 3.

    Source:
        He et al. 2016, Deep residual learning, arXiv:1512.03385; He et al. 2019, Bag of tricks, arXiv:1812.01187
        (the short way).

    Example:
        >>> import torch
        >>> ResidualUnit(4, 8, stride=(1, 2, 2))(torch.zeros(1, 4, 5, 8, 8)).shape
        torch.Size([1, 8, 5, 4, 4])
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | Sequence[int] = 3,
        stride: int | Sequence[int] = 1,
        normalization: Normalization = "instancenorm",
        groups: int = 16,
        dims: int = 3,
    ) -> None:
        super().__init__()
        unit = partial(conv_unit, normalization=normalization, groups=groups, dims=dims, affine=True)
        activation = nn.LeakyReLU(inplace=True)
        self.conv = nn.Sequential(
            *unit(in_channels, out_channels, kernel_size, stride, activation=activation),
            *unit(out_channels, out_channels, kernel_size),
        )
        step = per_axis(stride, dims)
        short = [] if set(step) == {1} else [_POOL[dims](step)]
        if in_channels != out_channels:
            short += unit(in_channels, out_channels, 1, bias=normalization == "none")
        self.shortcut = nn.Sequential(*short)
        self.activation = nn.LeakyReLU(inplace=True)

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, out_channels, ...) for (N, in_channels, ...)."""
        output: Tensor = self.activation(self.conv(features) + self.shortcut(features))
        return output
