"""Residual-encoder U-Net: the network that nnU-Net recommends today."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import pairwise
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from eisen.models.segmentation.unet_plan import PerAxis, plan_stages
from eisen.ops.layers.activation import Activation, output_activation
from eisen.ops.layers.blocks import conv_unit
from eisen.ops.layers.checks import check_counts, check_images, check_statistics
from eisen.ops.layers.norm import Normalization
from eisen.ops.layers.residual import ResidualUnit

__all__ = ["ResidualEncoderUNet"]


class ResidualEncoderUNet(nn.Module):
    """Segment pictures or volumes: every voxel gets a value per class.

    A U-Net with many residual units on the way down and one convolution per resolution on the way up. The defaults
    are nnU-Net's "ResEnc" preset: six resolutions of 1, 3, 4, 6, 6 and 6 units. Sides must be multiples of the
    product of the strides (32 by default); for images with thick slices, give strides of 1 across them.

    With `deep_supervision`, the network returns two things while it is trained: the result, and a list of results from
    full to lower resolution. A configuration names both, ``"output_names": ["logits", "scales"]``, and gives
    the second one to a loss that takes lists. In evaluation mode there is the result only, so that metrics,
    validation and prediction need no change.

    Args:
        input_channels: Number of images per case, e.g. 4 for T1, T1ce, T2 and FLAIR.
        output_channels: Number of classes.
        n_filters: Channels at full resolution. Every lower resolution has twice as many, up to 10 times this number
            (16 times in two dimensions).
        outputs_activation: ``sigmoid``, ``softmax`` (over the classes) or ``none`` (logits).
        normalization: ``groupnorm``, ``batchnorm``, ``instancenorm`` (with learned scale and shift) or ``none``.
        dimensions: Number of spatial axes: 2 or 3.
        n_stages: Number of resolutions, 2 or more.
        features_per_stage: Channels at each resolution, instead of `n_filters`.
        n_blocks_per_stage: Residual units at each resolution.
        strides: Factor by which each resolution is lower than the one before, one number or one per axis, the first
            one 1, e.g. ``[1, [1, 2, 2], 2, 2]``.
        kernel_sizes: Size of the kernels at each resolution, odd, one number or one per axis.
        deep_supervision: Whether to return lower resolutions too while training.
        groups: Number of groups of ``groupnorm``; it must divide the channels of every resolution.

    Raises:
        ArgumentError: If an argument is not one of these; at once, not during training.

    Source:
        Isensee et al. 2024, nnU-Net revisited, arXiv:2404.09556; Isensee et al. 2021, nnU-Net,
        doi:10.1038/s41592-020-01008-z; He et al. 2016, arXiv:1512.03385; He et al. 2015, arXiv:1502.01852
        (first weights); Lee et al. 2015, Deeply-supervised nets, arXiv:1409.5185.

    Example:
        >>> net = ResidualEncoderUNet(1, 3, n_filters=4, n_stages=3, deep_supervision=True)
        >>> logits, scales = net(torch.zeros(2, 1, 16, 16, 8))
        >>> [tuple(scale.shape[2:]) for scale in scales]
        [(16, 16, 8), (8, 8, 4)]
        >>> net.eval()(torch.zeros(2, 1, 16, 16, 8)).shape
        torch.Size([2, 3, 16, 16, 8])
    """

    def __init__(
        self,
        input_channels: int,
        output_channels: int,
        n_filters: int = 32,
        outputs_activation: Activation = "sigmoid",
        normalization: Normalization = "instancenorm",
        *,
        dimensions: int = 3,
        n_stages: int = 6,
        features_per_stage: Sequence[int] | None = None,
        n_blocks_per_stage: Sequence[int] | None = None,
        strides: PerAxis | None = None,
        kernel_sizes: PerAxis | None = None,
        deep_supervision: bool = False,
        groups: int = 16,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        check_counts(name, input_channels=input_channels, output_channels=output_channels)
        stages = plan_stages(
            name, dimensions, n_stages, n_filters, features_per_stage, n_blocks_per_stage, strides, kernel_sizes
        )
        self.input_channels, self.dimensions = input_channels, dimensions
        self.normalization, self.deep_supervision = normalization, deep_supervision
        self.multiple_of = [prod(sides) for sides in zip(*(stage.stride for stage in stages), strict=True)]

        shared: dict[str, Any] = {"normalization": normalization, "groups": groups, "dims": dimensions}
        unit: Callable[..., list[nn.Module]] = partial(conv_unit, **shared, affine=True)
        residual: Callable[..., nn.Module] = partial(ResidualUnit, **shared)
        first, widths = stages[0], [stage.features for stage in stages]
        self.stem = nn.Sequential(*unit(input_channels, widths[0], first.kernel_size, activation=_relu()))
        self.encoder, self.up, self.decoder, self.heads = (nn.ModuleList() for _ in range(4))
        for before, stage in zip([widths[0], *widths], stages, strict=False):
            units = [residual(before, stage.features, stage.kernel_size, stage.stride)]
            units += [residual(stage.features, stage.features, stage.kernel_size) for _ in range(stage.n_blocks - 1)]
            self.encoder.append(nn.Sequential(*units))
        for above, below in pairwise(stages):
            n, step = above.features, below.stride
            self.up.append(conv_unit(below.features, n, step, step, transposed=True, dims=dimensions)[0])
            self.decoder.append(nn.Sequential(*unit(2 * n, n, above.kernel_size, activation=_relu())))
        for width in widths[: -1 if deep_supervision else 1]:
            self.heads.append(conv_unit(width, output_channels, 1, dims=dimensions)[0])
        self.outputs_activation = output_activation(outputs_activation)
        self.apply(_start)

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, list[Tensor]]:
        """Return one value per class and voxel.

        Args:
            images: (N, input_channels, H, W) or (N, input_channels, D, H, W); sides are multiples of `multiple_of`.

        Returns:
            (N, output_channels, H, W) or (N, output_channels, D, H, W). With `deep_supervision` in training mode that,
            and a list: the same, then that of each lower resolution but the lowest.

        Raises:
            ShapeError: If the images do not fit.
        """
        name = type(self).__name__
        check_images(images, name, self.input_channels, self.multiple_of, self.dimensions)
        check_statistics(images, name, self.normalization, self.multiple_of, self.training)
        features = self.stem(images)
        skips = [features := stage(features) for stage in self.encoder]
        scales: list[Tensor] = []
        supervises = self.deep_supervision and self.training
        for level in reversed(range(len(self.decoder))):
            features = torch.cat([self.up[level](features), skips[level]], dim=1)
            features = self.decoder[level](features)
            if level == 0 or supervises:
                scales.insert(0, self.outputs_activation(self.heads[level](features)))
        return (scales[0], scales) if supervises else scales[0]


def _relu() -> nn.Module:
    return nn.LeakyReLU(inplace=True)


def _start(module: nn.Module) -> None:
    """Give a layer its first weights: steady contrast through leaky ReLUs, and residual units that change nothing."""
    if isinstance(module, (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)):
        nn.init.kaiming_normal_(module.weight, a=0.01)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, ResidualUnit):
        last = module.conv[-1]
        if not isinstance(last, (nn.Conv2d, nn.Conv3d)) and isinstance(last.weight, Tensor):
            nn.init.zeros_(last.weight)
