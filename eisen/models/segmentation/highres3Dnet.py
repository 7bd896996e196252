"""HighRes2DNet and HighRes3DNet: HighResNet for pictures and for volumes."""

from __future__ import annotations

from typing import ClassVar

from eisen.models.segmentation.highres_blocks import (
    BATCH_DIM,
    CHANNELS_DIM,
    PADDING_MODES,
    ConvolutionalBlock,
    DilationBlock,
    Pad3d,
    PaddingMode,
    ResidualBlock,
)
from eisen.models.segmentation.highresnet import HighResNet
from eisen.ops.layers.activation import Activation

__all__ = [
    "BATCH_DIM",
    "CHANNELS_DIM",
    "PADDING_MODES",
    "ConvolutionalBlock",
    "DilationBlock",
    "HighRes2DNet",
    "HighRes3DNet",
    "HighResNet",
    "Pad3d",
    "ResidualBlock",
]


class _OfFixedDimensions(HighResNet):
    """A `HighResNet` whose number of dimensions is no argument; settings beyond the fourth are given by name."""

    n_axes: ClassVar[int]

    def __init__(
        self,
        input_channels: int,
        output_channels: int,
        initial_out_channels_power: int = 4,
        outputs_activation: Activation = "sigmoid",
        *,
        layers_per_residual_block: int = 2,
        residual_blocks_per_dilation: int = 3,
        dilations: int = 3,
        batch_norm: bool = True,
        instance_norm: bool = False,
        residual: bool = True,
        padding_mode: PaddingMode = "constant",
        add_dropout_layer: bool = False,
    ) -> None:
        super().__init__(
            input_channels,
            output_channels,
            initial_out_channels_power,
            outputs_activation,
            self.n_axes,
            layers_per_residual_block,
            residual_blocks_per_dilation,
            dilations,
            batch_norm,
            instance_norm,
            residual,
            padding_mode,
            add_dropout_layer,
        )


class HighRes2DNet(_OfFixedDimensions):
    """Segment pictures or slices at full resolution: `HighResNet` in two dimensions.

    Images of any size fit.

    Args:
        input_channels: Number of channels of the images, e.g. 3 for colours.
        output_channels: Number of classes.
        initial_out_channels_power: The first block has 2 to the power of this many channels; every dilation after
            the first doubles them.
        outputs_activation: ``sigmoid``, ``softmax`` (over the classes) or ``none`` (logits).
        layers_per_residual_block: Convolutions between two additions.
        residual_blocks_per_dilation: Residual blocks of the same dilation in a row.
        dilations: How many dilations there are: 1, 2, 4 for three of them.
        batch_norm: Whether to normalize over the batch.
        instance_norm: Whether to normalize every image by itself instead, without parameters; needs
            ``batch_norm=False``.
        residual: Whether blocks learn a correction of their input.
        padding_mode: What is assumed outside of the image: ``constant`` (zeros), ``reflect`` (needs sides larger
            than the largest dilation) or ``replicate``.
        add_dropout_layer: Whether to add a block of 80 channels and dropout in front of the last convolution.

    Raises:
        ArgumentError: If an argument is not one of these; at once, not during training.

    Source:
        Li et al. 2017, arXiv:1707.01992, with kernels in two dimensions.

    Example:
        >>> HighRes2DNet(1, 1).num_parameters
        tensor(268754)
    """

    n_axes = 2


class HighRes3DNet(_OfFixedDimensions):
    """Segment volumes at full resolution: `HighResNet` in three dimensions.

    Volumes of any size fit. It has few parameters, but every layer works on all voxels, which takes much more memory
    than a U-Net.

    Args:
        input_channels: Number of images per case, e.g. 4 for T1, T1ce, T2 and FLAIR.
        output_channels: Number of classes.
        initial_out_channels_power: The first block has 2 to the power of this many channels; every dilation after
            the first doubles them.
        outputs_activation: ``sigmoid``, ``softmax`` (over the classes) or ``none`` (logits).
        layers_per_residual_block: Convolutions between two additions.
        residual_blocks_per_dilation: Residual blocks of the same dilation in a row.
        dilations: How many dilations there are: 1, 2, 4 for three of them.
        batch_norm: Whether to normalize over the batch.
        instance_norm: Whether to normalize every image by itself instead, without parameters; needs
            ``batch_norm=False``.
        residual: Whether blocks learn a correction of their input.
        padding_mode: What is assumed outside of the image: ``constant`` (zeros), ``reflect`` (needs sides larger
            than the largest dilation) or ``replicate``.
        add_dropout_layer: Whether to add a block of 80 channels and dropout in front of the last convolution.

    Raises:
        ArgumentError: If an argument is not one of these; at once, not during training.

    Source:
        Li et al. 2017, arXiv:1707.01992.

    Example:
        >>> HighRes3DNet(1, 1, add_dropout_layer=True).num_parameters
        tensor(808866)
    """

    n_axes = 3
