"""The blocks that HighResNet is made of: padded, dilated, pre-activated convolutions with residual connections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, get_args

from torch import Tensor, nn
from torch.nn import functional

from eisen._core.errors import ArgumentError, nearest
from eisen.ops.layers.norm import normalization as norm_layer

__all__ = [
    "BATCH_DIM",
    "CHANNELS_DIM",
    "PADDING_MODES",
    "ConvolutionalBlock",
    "DilationBlock",
    "Pad3d",
    "PaddingMode",
    "ResidualBlock",
]

PaddingMode = Literal["constant", "reflect", "replicate"]
"""What is assumed outside of an image: zeros, its mirror image, or its outermost voxels."""

PADDING_MODES: tuple[str, ...] = get_args(PaddingMode)
"""The names of the ways to pad."""

BATCH_DIM = 0
"""The axis of the cases in (N, C, ...)."""

CHANNELS_DIM = 1
"""The axis of the channels in (N, C, ...)."""

_CONV: dict[int, type[nn.Module]] = {2: nn.Conv2d, 3: nn.Conv3d}


class Pad3d(nn.Module):
    """Put a border around images or volumes.

    Args:
        pad: Width of the border in voxels.
        mode: ``constant`` (zeros), ``reflect`` or ``replicate``.

    Example:
        >>> import torch
        >>> Pad3d(2, "replicate")(torch.zeros(1, 1, 4, 4, 4)).shape
        torch.Size([1, 1, 8, 8, 8])
    """

    def __init__(self, pad: int, mode: PaddingMode = "constant") -> None:
        super().__init__()
        if mode not in PADDING_MODES:
            raise ArgumentError(
                f"padding_mode is {mode!r}",
                expected=f"one of: {', '.join(PADDING_MODES)}",
                to_do=nearest(str(mode), PADDING_MODES) or "choose one of them",
            )
        self.pad, self.mode = pad, mode

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, C, ...) with every spatial axis longer by twice the border."""
        n_axes = features.ndim - CHANNELS_DIM - 1
        return functional.pad(features, (self.pad, self.pad) * n_axes, self.mode)

    def extra_repr(self) -> str:
        """Return what printing the network shows."""
        return f"{self.pad}, mode={self.mode}"


class ConvolutionalBlock(nn.Module):
    """One convolution with normalization and ReLU, in front of it or behind it. Keeps the size.

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        dilation: Distance between the points of the kernel in voxels.
        dimensions: Number of spatial axes: 2 or 3.
        batch_norm: Whether to normalize over the batch.
        instance_norm: Whether to normalize every image by itself instead, without parameters.
        padding_mode: ``constant`` (zeros), ``reflect`` or ``replicate``.
        preactivation: Whether normalization and ReLU stand in front of the convolution.
        kernel_size: Edge length of the kernel: 1 or 3.
        activation: Whether there is a ReLU.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        dilation: int = 1,
        dimensions: int = 3,
        batch_norm: bool = True,
        instance_norm: bool = False,
        padding_mode: PaddingMode = "constant",
        preactivation: bool = True,
        kernel_size: int = 3,
        activation: bool = True,
    ) -> None:
        super().__init__()
        border = dilation * (kernel_size // 2)
        pads_itself = padding_mode == "constant"  # the convolution adds zeros without a copy of the image
        conv = _CONV[dimensions](
            in_channels,
            out_channels,
            kernel_size,
            dilation=dilation,
            padding=border if pads_itself else 0,
            bias=not (batch_norm or instance_norm),
        )
        padded: list[nn.Module] = [conv]
        if border:
            padded.insert(0, nn.Identity() if pads_itself else Pad3d(border, padding_mode))
        # Layers that do nothing keep their place, so that the keys of a checkpoint depend on no setting.
        name = "batchnorm" if batch_norm else "instancenorm" if instance_norm else "none"
        around = [norm_layer(name, in_channels if preactivation else out_channels, dimensions)]
        if activation:
            around.append(nn.ReLU(inplace=not preactivation))  # in front, the values are needed for the addition
        self.convolutional_block = nn.Sequential(*(around + padded if preactivation else padded + around))

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, out_channels, ...) for (N, in_channels, ...)."""
        output: Tensor = self.convolutional_block(features)
        return output


class ResidualBlock(nn.Module):
    """Convolutions in a row whose result is added to their input.

    Where the number of channels grows, the input gets channels of zeros on both sides.

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out, not fewer.
        num_layers: Number of convolutions.
        dilation: Distance between the points of the kernels in voxels.
        residual: Whether to add the input.
        **settings: Further arguments of `ConvolutionalBlock`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_layers: int,
        dilation: int,
        residual: bool = True,
        **settings: Any,
    ) -> None:
        super().__init__()
        self.residual = residual
        missing = out_channels - in_channels
        self.missing = (missing // 2, missing - missing // 2)
        widths = [in_channels, *[out_channels] * (num_layers - 1)]
        blocks = (ConvolutionalBlock(width, out_channels, dilation, **settings) for width in widths)
        self.residual_block = nn.Sequential(*blocks)

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, out_channels, ...) for (N, in_channels, ...)."""
        output: Tensor = self.residual_block(features)
        return output + _with_channels(features, self.missing) if self.residual else output


class DilationBlock(nn.Module):
    """Residual blocks of the same dilation in a row.

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out, not fewer.
        dilation: Distance between the points of the kernels in voxels.
        layers_per_residual_block: Convolutions between two additions.
        residual_blocks_per_dilation: Number of residual blocks.
        residual: Whether blocks add their input.
        **settings: Further arguments of `ConvolutionalBlock`.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        dilation: int,
        layers_per_residual_block: int = 2,
        residual_blocks_per_dilation: int = 3,
        residual: bool = True,
        **settings: Any,
    ) -> None:
        super().__init__()
        widths = [in_channels, *[out_channels] * (residual_blocks_per_dilation - 1)]
        blocks = (
            ResidualBlock(width, out_channels, layers_per_residual_block, dilation, residual, **settings)
            for width in widths
        )
        self.dilation_block = nn.Sequential(*blocks)

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, out_channels, ...) for (N, in_channels, ...)."""
        output: Tensor = self.dilation_block(features)
        return output


def _with_channels(features: Tensor, missing: Sequence[int]) -> Tensor:
    """Return feature maps with channels of zeros in front and behind."""
    if not any(missing):
        return features
    return functional.pad(features, (*[0, 0] * (features.ndim - CHANNELS_DIM - 1), *missing))
