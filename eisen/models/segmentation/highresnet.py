"""HighResNet: a compact network that keeps the full resolution and looks far by spreading its kernels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from eisen._core.errors import ArgumentError
from eisen.models.segmentation.highres_blocks import ConvolutionalBlock, DilationBlock, Pad3d, PaddingMode
from eisen.ops.layers.activation import Activation, output_activation
from eisen.ops.layers.checks import check_counts, check_images

__all__ = ["HighResNet"]

_DROPOUT_CHANNELS = 80
_DROPOUT: dict[int, type[nn.Module]] = {2: nn.Dropout2d, 3: nn.Dropout3d}


class HighResNet(nn.Module):
    """Segment pictures or volumes at full resolution: every voxel gets a value per class.

    A convolution, then residual blocks whose kernels are spread by factors of 1, 2, 4, ...; there is no pooling, so
    images of any size fit. `HighRes2DNet` and `HighRes3DNet` are this network with the dimensions set.

    Args:
        input_channels: Number of images per case, e.g. 4 for T1, T1ce, T2 and FLAIR.
        output_channels: Number of classes.
        initial_out_channels_power: The first block has 2 to the power of this many channels; every dilation after
            the first doubles them.
        outputs_activation: ``sigmoid``, ``softmax`` (over the classes) or ``none`` (logits).
        dimensions: Number of spatial axes: 2 or 3.
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
        Li et al. 2017, On the compactness, efficiency, and representation of 3D convolutional networks,
        arXiv:1707.01992.

    Example:
        >>> net = HighResNet(1, 2, initial_out_channels_power=2, dimensions=2)
        >>> net(torch.zeros(1, 1, 17, 21)).shape
        torch.Size([1, 2, 17, 21])
        >>> net.receptive_field
        tensor(87)
    """

    def __init__(
        self,
        input_channels: int,
        output_channels: int,
        initial_out_channels_power: int = 4,
        outputs_activation: Activation = "sigmoid",
        dimensions: int | None = None,
        layers_per_residual_block: int = 2,
        residual_blocks_per_dilation: int = 3,
        dilations: int = 3,
        batch_norm: bool = True,
        instance_norm: bool = False,
        residual: bool = True,
        padding_mode: PaddingMode = "constant",
        add_dropout_layer: bool = False,
    ) -> None:
        super().__init__()
        check_counts(
            type(self).__name__,
            input_channels=input_channels,
            output_channels=output_channels,
            layers_per_residual_block=layers_per_residual_block,
            residual_blocks_per_dilation=residual_blocks_per_dilation,
            dilations=dilations,
        )
        Pad3d(1, padding_mode)  # says what is wrong with an unknown mode
        _check_norms(batch_norm, instance_norm)
        self.input_channels = input_channels
        self.dimensions = _checked_dimensions(type(self).__name__, dimensions)
        self._smallest = 2 ** (dilations - 1) + 1 if padding_mode == "reflect" else 1
        self._layers_per_dilation = layers_per_residual_block * residual_blocks_per_dilation
        self._n_dilations = dilations

        kind: dict[str, Any] = {"dimensions": self.dimensions, "padding_mode": padding_mode}
        kind |= {"batch_norm": batch_norm, "instance_norm": instance_norm}
        stage: Callable[..., nn.Module] = partial(
            DilationBlock,
            layers_per_residual_block=layers_per_residual_block,
            residual_blocks_per_dilation=residual_blocks_per_dilation,
            residual=residual,
            **kind,
        )
        conv: Callable[..., nn.Module] = partial(ConvolutionalBlock, preactivation=False, **kind)
        widths = [2 ** (_checked_power(initial_out_channels_power) + index) for index in range(dilations)]
        layers: list[nn.Module] = [conv(input_channels, widths[0])]
        for index, (before, width) in enumerate(pairwise([widths[0], *widths])):
            layers.append(stage(before, width, dilation=2**index))
        if add_dropout_layer:
            layers += [conv(widths[-1], _DROPOUT_CHANNELS, kernel_size=1), _DROPOUT[self.dimensions]()]
        features = _DROPOUT_CHANNELS if add_dropout_layer else widths[-1]
        layers.append(conv(features, output_channels, kernel_size=1, activation=False))
        self.block = nn.Sequential(*layers)
        self.outputs_activation = output_activation(outputs_activation)

    def forward(self, images: Tensor) -> Tensor:
        """Return one value per class and voxel.

        Args:
            images: (N, input_channels, H, W) or (N, input_channels, D, H, W), of any size.

        Returns:
            (N, output_channels, H, W) or (N, output_channels, D, H, W).

        Raises:
            ShapeError: If the images do not fit.
        """
        name = type(self).__name__
        check_images(images, name, self.input_channels, dims=self.dimensions, at_least=self._smallest)
        output: Tensor = self.outputs_activation(self.block(images))
        return output

    @property
    def num_parameters(self) -> Tensor:
        """Number of parameters that training changes."""
        return torch.tensor(sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad))

    @property
    def receptive_field(self) -> Tensor:
        """Edge length in voxels of the region that one output voxel depends on."""
        # A kernel of 3 sees 2 voxels more, times its dilation; dilations add up to 1 + 2 + 4 + ...
        return torch.tensor(3 + 2 * self._layers_per_dilation * (2**self._n_dilations - 1))

    def get_receptive_field_world(self, spacing: float = 1) -> Tensor:
        """Return the edge length of that region in mm.

        Args:
            spacing: Edge length of a voxel in mm.
        """
        return self.receptive_field * spacing


def _checked_dimensions(owner: str, dimensions: int | None) -> int:
    if dimensions not in _DROPOUT:
        raise ArgumentError(
            f"{owner}: dimensions is {dimensions!r}",
            expected="2 for pictures or 3 for volumes",
            to_do="give the number of spatial axes, or use HighRes2DNet or HighRes3DNet",
        )
    return dimensions


def _checked_power(power: int) -> int:
    if not isinstance(power, int) or not 0 <= power <= 16:
        raise ArgumentError(
            f"initial_out_channels_power is {power!r}",
            expected="a whole number from 0 to 16: the first block has 2 to the power of it channels",
            to_do="set it to 4 for the 16 channels of the paper",
        )
    return power


def _check_norms(batch_norm: bool, instance_norm: bool) -> None:
    if batch_norm and instance_norm:
        raise ArgumentError(
            "batch_norm and instance_norm are both set",
            expected="one normalization at most",
            to_do="set batch_norm to false to normalize every image by itself",
        )
