"""3D U-Net: volumetric segmentation that carries detail across by concatenation."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from eisen.ops.layers.activation import Activation, output_activation
from eisen.ops.layers.blocks import conv_unit
from eisen.ops.layers.checks import check_counts, check_images, check_statistics
from eisen.ops.layers.norm import Normalization

__all__ = ["UNet3D", "conv_block_2_3d", "conv_block_3d", "conv_trans_block_3d", "max_pooling_3d"]

_SLOPE = 0.2  # of the leaky ReLU where its input is negative


def conv_block_3d(
    in_channels: int, out_channels: int, normalization: Normalization = "groupnorm", groups: int = 16
) -> nn.Sequential:
    """Return a 3x3x3 convolution with normalization and leaky ReLU.

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        normalization: ``groupnorm``, ``batchnorm``, ``instancenorm`` or ``none``.
        groups: Number of groups of ``groupnorm``.
    """
    activation = nn.LeakyReLU(_SLOPE, inplace=True)
    return nn.Sequential(
        *conv_unit(in_channels, out_channels, normalization=normalization, groups=groups, activation=activation)
    )


def conv_block_2_3d(
    in_channels: int, out_channels: int, normalization: Normalization = "groupnorm", groups: int = 16
) -> nn.Sequential:
    """Return two 3x3x3 convolutions with normalization, and a leaky ReLU between them but none at the end.

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        normalization: ``groupnorm``, ``batchnorm``, ``instancenorm`` or ``none``.
        groups: Number of groups of ``groupnorm``.
    """
    return nn.Sequential(
        conv_block_3d(in_channels, out_channels, normalization, groups),
        *conv_unit(out_channels, out_channels, normalization=normalization, groups=groups),
    )


def conv_trans_block_3d(
    in_channels: int, out_channels: int, normalization: Normalization = "groupnorm", groups: int = 16
) -> nn.Sequential:
    """Return a transposed convolution that doubles every side, with normalization and leaky ReLU.

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        normalization: ``groupnorm``, ``batchnorm``, ``instancenorm`` or ``none``.
        groups: Number of groups of ``groupnorm``.
    """
    unit = conv_unit(
        in_channels,
        out_channels,
        kernel_size=3,
        stride=2,
        transposed=True,
        normalization=normalization,
        groups=groups,
        activation=nn.LeakyReLU(_SLOPE, inplace=True),
    )
    return nn.Sequential(*unit)


def max_pooling_3d() -> nn.MaxPool3d:
    """Return the layer that halves every side by keeping the largest of 2x2x2 voxels."""
    return nn.MaxPool3d(kernel_size=2)


class UNet3D(nn.Module):
    """Segment a volume: every voxel gets a value per class.

    Six resolutions with 1, 2, 4, 8, 16 and 32 times `n_filters` channels and two convolutions each; skip
    connections are concatenated. The last convolution is followed by a leaky ReLU, as in the original Eisen,
    so that with ``outputs_activation="none"`` negative outputs are scaled by 0.2.

    Args:
        input_channels: Number of images per case, e.g. 4 for T1, T1ce, T2 and FLAIR.
        output_channels: Number of classes.
        n_filters: Channels at full resolution.
        outputs_activation: ``sigmoid``, ``softmax`` (over the classes) or ``none``.
        normalization: ``groupnorm``, ``batchnorm``, ``instancenorm`` or ``none``, after every convolution but the last.
        groups: Number of groups of ``groupnorm``; it must divide `n_filters`.

    Raises:
        ArgumentError: If an argument is not one of these; at once, not during training.

    Source:
        Cicek et al. 2016, 3D U-Net, arXiv:1606.06650, one resolution deeper.

    Example:
        >>> import torch
        >>> net = UNet3D(input_channels=1, output_channels=2, n_filters=4, groups=4)
        >>> net(torch.zeros(1, 1, 32, 64, 32)).shape
        torch.Size([1, 2, 32, 64, 32])
    """

    def __init__(
        self,
        input_channels: int,
        output_channels: int,
        n_filters: int = 16,
        outputs_activation: Activation = "sigmoid",
        normalization: Normalization = "groupnorm",
        *,
        groups: int = 16,
    ) -> None:
        super().__init__()
        check_counts("UNet3D", input_channels=input_channels, output_channels=output_channels, n_filters=n_filters)
        self.input_channels, self.normalization = input_channels, normalization
        n = n_filters
        block = partial(conv_block_2_3d, normalization=normalization, groups=groups)
        up = partial(conv_trans_block_3d, normalization=normalization, groups=groups)

        self.down_1 = block(input_channels, n)
        self.down_2 = block(n, 2 * n)
        self.down_3 = block(2 * n, 4 * n)
        self.down_4 = block(4 * n, 8 * n)
        self.down_5 = block(8 * n, 16 * n)
        self.pool = max_pooling_3d()
        self.bridge = block(16 * n, 32 * n)

        self.trans_1, self.up_1 = up(32 * n, 32 * n), block(48 * n, 16 * n)
        self.trans_2, self.up_2 = up(16 * n, 16 * n), block(24 * n, 8 * n)
        self.trans_3, self.up_3 = up(8 * n, 8 * n), block(12 * n, 4 * n)
        self.trans_4, self.up_4 = up(4 * n, 4 * n), block(6 * n, 2 * n)
        self.trans_5, self.up_5 = up(2 * n, 2 * n), block(3 * n, n)
        self.out = conv_block_3d(n, output_channels, "none")
        self.outputs_activation = output_activation(outputs_activation)

    def forward(self, images: Tensor) -> Tensor:
        """Return one value per class and voxel.

        Args:
            images: (N, input_channels, D, H, W); D, H and W are multiples of 32.

        Returns:
            (N, output_channels, D, H, W).

        Raises:
            ShapeError: If the images do not fit.
        """
        check_images(images, "UNet3D", self.input_channels, multiple_of=32)
        check_statistics(images, "UNet3D", self.normalization, 32, self.training)
        one = self.down_1(images)
        two = self.down_2(self.pool(one))
        three = self.down_3(self.pool(two))
        four = self.down_4(self.pool(three))
        five = self.down_5(self.pool(four))
        features = self.bridge(self.pool(five))
        features = self.up_1(torch.cat([self.trans_1(features), five], dim=1))
        features = self.up_2(torch.cat([self.trans_2(features), four], dim=1))
        features = self.up_3(torch.cat([self.trans_3(features), three], dim=1))
        features = self.up_4(torch.cat([self.trans_4(features), two], dim=1))
        features = self.up_5(torch.cat([self.trans_5(features), one], dim=1))
        output: Tensor = self.outputs_activation(self.out(features))
        return output
