"""V-Net: a fully convolutional network that segments whole volumes."""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from eisen._core.errors import ArgumentError
from eisen.ops.layers.activation import Activation, output_activation
from eisen.ops.layers.blocks import conv_unit
from eisen.ops.layers.checks import check_counts, check_images, check_statistics
from eisen.ops.layers.norm import Normalization

__all__ = ["ConvBlock", "DownsamplingConvBlock", "ResidualConvBlock", "Upsampling", "UpsamplingDeconvBlock", "VNet"]


class ConvBlock(nn.Module):
    """Convolutions in a row, each with normalization and ReLU. Keeps the spatial size.

    Args:
        n_convs: Number of convolutions.
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        filter_size: Edge length of the kernels in voxels, odd.
        normalization: ``groupnorm``, ``batchnorm``, ``instancenorm`` or ``none``.
        groups: Number of groups of ``groupnorm``.
    """

    def __init__(
        self,
        n_convs: int,
        in_channels: int,
        out_channels: int,
        filter_size: int = 3,
        normalization: Normalization = "none",
        groups: int = 16,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for width in [in_channels, *[out_channels] * (n_convs - 1)]:
            unit = conv_unit(width, out_channels, filter_size, normalization=normalization, groups=groups)
            layers += [*unit, nn.ReLU(inplace=True)]
        self.conv = nn.Sequential(*layers)

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, out_channels, D, H, W) for (N, in_channels, D, H, W)."""
        output: Tensor = self.conv(features)
        return output


class ResidualConvBlock(ConvBlock):
    """Convolutions that learn a correction: the block's input is added before the last ReLU.

    Where the widths differ, a single input channel is added to every output channel, as in the paper; several
    are brought to the new width by a 1x1x1 convolution (`projection`), which the paper does not need.

    Args:
        n_convs: Number of convolutions.
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        filter_size: Edge length of the kernels in voxels, odd.
        normalization: ``groupnorm``, ``batchnorm``, ``instancenorm`` or ``none``.
        groups: Number of groups of ``groupnorm``.
    """

    def __init__(
        self,
        n_convs: int,
        in_channels: int,
        out_channels: int,
        filter_size: int = 3,
        normalization: Normalization = "none",
        groups: int = 16,
    ) -> None:
        super().__init__(n_convs, in_channels, out_channels, filter_size, normalization, groups)
        self.conv, self.relu = self.conv[:-1], self.conv[-1]
        projects = in_channels not in (1, out_channels)
        self.projection = nn.Conv3d(in_channels, out_channels, 1) if projects else nn.Identity()

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, out_channels, D, H, W) for (N, in_channels, D, H, W)."""
        output: Tensor = self.relu(self.conv(features) + self.projection(features))
        return output


class DownsamplingConvBlock(nn.Module):
    """Halve every side with a convolution of stride 2, then normalization and ReLU.

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        stride: Factor by which the sides shrink.
        normalization: ``groupnorm``, ``batchnorm``, ``instancenorm`` or ``none``.
        groups: Number of groups of ``groupnorm``.
    """

    transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 2,
        normalization: Normalization = "none",
        groups: int = 16,
    ) -> None:
        super().__init__()
        unit = conv_unit(
            in_channels,
            out_channels,
            kernel_size=stride,
            stride=stride,
            transposed=self.transposed,
            normalization=normalization,
            groups=groups,
            activation=nn.ReLU(inplace=True),
        )
        self.conv = nn.Sequential(*unit)

    def forward(self, features: Tensor) -> Tensor:
        """Return the resized feature maps, (N, out_channels, D', H', W')."""
        output: Tensor = self.conv(features)
        return output


class UpsamplingDeconvBlock(DownsamplingConvBlock):
    """Double every side with a transposed convolution of stride 2, then normalization and ReLU.

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        stride: Factor by which the sides grow.
        normalization: ``groupnorm``, ``batchnorm``, ``instancenorm`` or ``none``.
        groups: Number of groups of ``groupnorm``.
    """

    transposed = True


class Upsampling(nn.Module):
    """Double every side by trilinear interpolation, then convolution, normalization and ReLU.

    It fits where `UpsamplingDeconvBlock` does and leaves no checkerboard pattern.

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        stride: Factor by which the sides grow.
        normalization: ``groupnorm``, ``batchnorm``, ``instancenorm`` or ``none``.
        groups: Number of groups of ``groupnorm``.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int = 2,
        normalization: Normalization = "none",
        groups: int = 16,
    ) -> None:
        super().__init__()
        unit = conv_unit(
            in_channels, out_channels, normalization=normalization, groups=groups, activation=nn.ReLU(inplace=True)
        )
        self.conv = nn.Sequential(nn.Upsample(scale_factor=stride, mode="trilinear", align_corners=False), *unit)

    def forward(self, features: Tensor) -> Tensor:
        """Return the enlarged feature maps, (N, out_channels, stride * D, stride * H, stride * W)."""
        output: Tensor = self.conv(features)
        return output


class VNet(nn.Module):
    """Segment a volume: every voxel gets a value per class.

    Five resolutions of 1, 2, 3, 3 and 3 convolutions with 1, 2, 4, 8 and 16 times `n_filters` channels, joined
    by strided convolutions; skip connections are added.

    Args:
        input_channels: Number of images per case, e.g. 4 for T1, T1ce, T2 and FLAIR.
        output_channels: Number of classes.
        n_filters: Channels at full resolution.
        filter_size: Edge length of the kernels in voxels: 1, 3, 5, ... The paper has 5.
        normalization: ``groupnorm``, ``batchnorm``, ``instancenorm`` or ``none``, after every convolution but the last.
        outputs_activation: ``sigmoid``, ``softmax`` (over the classes) or ``none`` (logits).
        residual: Whether every block learns a correction of its input, as in the paper. The number of parameters
            stays the same, up to a 1x1x1 convolution for more than one input channel; the keys of the
            `state_dict` stay the same too.
        groups: Number of groups of ``groupnorm``; it must divide `n_filters`.

    Raises:
        ArgumentError: If an argument is not one of these; at once, not during training.

    Source:
        Milletari, Navab, Ahmadi 2016, V-Net, arXiv:1606.04797.

    Example:
        >>> import torch
        >>> net = VNet(input_channels=1, output_channels=2, n_filters=4, outputs_activation="softmax")
        >>> net(torch.zeros(1, 1, 16, 32, 16)).shape
        torch.Size([1, 2, 16, 32, 16])
    """

    def __init__(
        self,
        input_channels: int = 3,
        output_channels: int = 2,
        n_filters: int = 16,
        filter_size: int = 3,
        normalization: Normalization = "none",
        outputs_activation: Activation = "sigmoid",
        *,
        residual: bool = False,
        groups: int = 16,
    ) -> None:
        super().__init__()
        check_counts("VNet", input_channels=input_channels, output_channels=output_channels, n_filters=n_filters)
        _check_filter_size(filter_size)
        _check_order(normalization, outputs_activation)
        self.input_channels, self.normalization = input_channels, normalization
        n = n_filters
        kind = ResidualConvBlock if residual else ConvBlock
        block = partial(kind, filter_size=filter_size, normalization=normalization, groups=groups)
        down = partial(DownsamplingConvBlock, normalization=normalization, groups=groups)
        up = partial(UpsamplingDeconvBlock, normalization=normalization, groups=groups)

        self.block_one = block(1, input_channels, n)
        self.block_one_dw = down(n, 2 * n)
        self.block_two = block(2, 2 * n, 2 * n)
        self.block_two_dw = down(2 * n, 4 * n)
        self.block_three = block(3, 4 * n, 4 * n)
        self.block_three_dw = down(4 * n, 8 * n)
        self.block_four = block(3, 8 * n, 8 * n)
        self.block_four_dw = down(8 * n, 16 * n)

        self.block_five = block(3, 16 * n, 16 * n)
        self.block_five_up = up(16 * n, 8 * n)
        self.block_six = block(3, 8 * n, 8 * n)
        self.block_six_up = up(8 * n, 4 * n)
        self.block_seven = block(3, 4 * n, 4 * n)
        self.block_seven_up = up(4 * n, 2 * n)
        self.block_eight = block(2, 2 * n, 2 * n)
        self.block_eight_up = up(2 * n, n)
        self.block_nine = block(1, n, n)
        self.out_conv = nn.Conv3d(n, output_channels, 1)
        self.outputs_activation = output_activation(outputs_activation)

    def forward(self, images: Tensor) -> Tensor:
        """Return one value per class and voxel.

        Args:
            images: (N, input_channels, D, H, W); D, H and W are multiples of 16.

        Returns:
            (N, output_channels, D, H, W).

        Raises:
            ShapeError: If the images do not fit.
        """
        check_images(images, "VNet", self.input_channels, multiple_of=16)
        check_statistics(images, "VNet", self.normalization, 16, self.training)
        one = self.block_one(images)
        two = self.block_two(self.block_one_dw(one))
        three = self.block_three(self.block_two_dw(two))
        four = self.block_four(self.block_three_dw(three))
        five = self.block_five(self.block_four_dw(four))
        six = self.block_six(self.block_five_up(five) + four)
        seven = self.block_seven(self.block_six_up(six) + three)
        eight = self.block_eight(self.block_seven_up(seven) + two)
        nine = self.block_nine(self.block_eight_up(eight) + one)
        output: Tensor = self.outputs_activation(self.out_conv(nine))
        return output


def _check_order(normalization: str, outputs_activation: str) -> None:
    """Refuse the order of the last two arguments that Eisen had up to 0.0.9."""
    if normalization in ("sigmoid", "softmax") or outputs_activation in ("groupnorm", "batchnorm", "instancenorm"):
        raise ArgumentError(
            f"VNet: normalization is {normalization!r}, outputs_activation is {outputs_activation!r}",
            expected="normalization first; after Eisen 0.0.9 the two changed places",
            to_do="name them: VNet(..., normalization='groupnorm', outputs_activation='sigmoid')",
        )


def _check_filter_size(filter_size: int) -> None:
    check_counts("VNet", filter_size=filter_size)
    if filter_size % 2 == 0:
        raise ArgumentError(
            f"VNet: filter_size is {filter_size}",
            expected="an odd number of voxels: a kernel needs a centre to keep the size of the volume",
            to_do=f"set filter_size to {filter_size - 1} or {filter_size + 1}",
        )
