"""U-Net: the network for pictures and slices that carries detail across by concatenation."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import GroupNorm

from eisen.ops.layers.activation import Activation, output_activation
from eisen.ops.layers.blocks import conv_unit
from eisen.ops.layers.checks import check_counts, check_images, check_statistics
from eisen.ops.layers.norm import Normalization
from eisen.ops.layers.norm import normalization as norm_layer
from eisen.ops.layers.resize import pad_to_match

__all__ = ["DoubleConv", "Down", "GroupNorm", "OutConv", "UNet", "Up"]


class DoubleConv(nn.Module):
    """Two 3x3 convolutions, each with normalization and ReLU. Keeps the size.

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        normalization: ``groupnorm``, ``batchnorm``, ``instancenorm`` or ``none``.
        groups: Number of groups of ``groupnorm``.
    """

    def __init__(
        self, in_channels: int, out_channels: int, normalization: Normalization = "groupnorm", groups: int = 16
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in (in_channels, out_channels):
            # Without normalization a layer that does nothing keeps its place, so that keys do not depend on it.
            norm = norm_layer(normalization, out_channels, 2, groups)
            layers += [*conv_unit(width, out_channels, dims=2), norm, nn.ReLU(inplace=True)]
        self.double_conv = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, out_channels, H, W) for (N, in_channels, H, W)."""
        output: Tensor = self.double_conv(features)
        return output


class Down(nn.Module):
    """Halve both sides by keeping the largest of 2x2 pixels, then two convolutions.

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        normalization: ``groupnorm``, ``batchnorm``, ``instancenorm`` or ``none``.
        groups: Number of groups of ``groupnorm``.
    """

    def __init__(
        self, in_channels: int, out_channels: int, normalization: Normalization = "groupnorm", groups: int = 16
    ) -> None:
        super().__init__()
        block = DoubleConv(in_channels, out_channels, normalization, groups)
        self.maxpool_conv = nn.Sequential(nn.MaxPool2d(2), block)

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, out_channels, H // 2, W // 2) for (N, in_channels, H, W)."""
        output: Tensor = self.maxpool_conv(features)
        return output


class Up(nn.Module):
    """Double both sides, put the features of the way down beside, then two convolutions.

    Args:
        in_channels: Channels of both together; half of them come from below.
        out_channels: Channels that go out.
        bilinear: Whether to enlarge by interpolation, without parameters, instead of a transposed convolution.
        normalization: ``groupnorm``, ``batchnorm``, ``instancenorm`` or ``none``.
        groups: Number of groups of ``groupnorm``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        bilinear: bool = False,
        normalization: Normalization = "groupnorm",
        groups: int = 16,
    ) -> None:
        super().__init__()
        half = in_channels // 2
        self.up = (
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True)
            if bilinear
            else nn.ConvTranspose2d(half, half, kernel_size=2, stride=2)
        )
        self.conv = DoubleConv(in_channels, out_channels, normalization, groups)

    def forward(self, features: Tensor, skip: Tensor) -> Tensor:
        """Return (N, out_channels, H, W) for the features from below, and those of the way down, (N, C, H, W)."""
        enlarged = pad_to_match(self.up(features), skip)
        output: Tensor = self.conv(torch.cat([skip, enlarged], dim=1))
        return output


class OutConv(nn.Module):
    """Turn features into one value per class and pixel: a 1x1 convolution.

    Args:
        in_channels: Channels that come in.
        out_channels: Number of classes.
    """

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size=1)

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, out_channels, H, W) for (N, in_channels, H, W)."""
        output: Tensor = self.conv(features)
        return output


class UNet(nn.Module):
    """Segment a picture or slice: every pixel gets a value per class.

    Five resolutions with 1, 2, 4, 8 and 8 times `n_filters` channels and two convolutions each; skip connections are
    concatenated. Images of any size from 16 x 16 pixels on: where a side is odd, what comes from below is padded.

    Args:
        input_channels: Number of channels of the images, e.g. 3 for colours.
        output_channels: Number of classes.
        n_filters: Channels at full resolution.
        bilinear: Whether to enlarge by interpolation instead of transposed convolutions.
        outputs_activation: ``sigmoid``, ``softmax`` (over the classes) or ``none`` (logits).
        normalization: ``groupnorm``, ``batchnorm``, ``instancenorm`` or ``none``, after every convolution but the last.
        groups: Number of groups of ``groupnorm``; it must divide `n_filters`.

    Raises:
        ArgumentError: If an argument is not one of these; at once, not during training.

    Source:
        Ronneberger, Fischer, Brox 2015, U-Net, arXiv:1505.04597, with padding, normalization, and no further
        doubling of the channels at the lowest resolution.

    Example:
        >>> import torch
        >>> net = UNet(input_channels=3, output_channels=2, n_filters=4, groups=2)
        >>> net(torch.zeros(1, 3, 33, 47)).shape
        torch.Size([1, 2, 33, 47])
    """

    def __init__(
        self,
        input_channels: int,
        output_channels: int,
        n_filters: int = 64,
        bilinear: bool = False,
        outputs_activation: Activation = "sigmoid",
        normalization: Normalization = "groupnorm",
        *,
        groups: int = 16,
    ) -> None:
        super().__init__()
        check_counts("UNet", input_channels=input_channels, output_channels=output_channels, n_filters=n_filters)
        self.input_channels = input_channels
        self.normalization = normalization
        n = n_filters
        down = partial(Down, normalization=normalization, groups=groups)
        up = partial(Up, bilinear=bilinear, normalization=normalization, groups=groups)

        self.inc = DoubleConv(input_channels, n, normalization, groups)
        self.down1 = down(n, 2 * n)
        self.down2 = down(2 * n, 4 * n)
        self.down3 = down(4 * n, 8 * n)
        self.down4 = down(8 * n, 8 * n)
        self.up1 = up(16 * n, 4 * n)
        self.up2 = up(8 * n, 2 * n)
        self.up3 = up(4 * n, n)
        self.up4 = up(2 * n, n)
        self.outc = OutConv(n, output_channels)
        self.outputs_activation = output_activation(outputs_activation)

    def forward(self, images: Tensor) -> Tensor:
        """Return one value per class and pixel.

        Args:
            images: (N, input_channels, H, W); H and W are 16 or more.

        Returns:
            (N, output_channels, H, W).

        Raises:
            ShapeError: If the images do not fit.
        """
        check_images(images, "UNet", self.input_channels, dims=2, at_least=16)
        check_statistics(images, "UNet", self.normalization, 16, self.training)
        one = self.inc(images)
        two = self.down1(one)
        three = self.down2(two)
        four = self.down3(three)
        features = self.down4(four)
        features = self.up1(features, four)
        features = self.up2(features, three)
        features = self.up3(features, two)
        features = self.up4(features, one)
        output: Tensor = self.outputs_activation(self.outc(features))
        return output
