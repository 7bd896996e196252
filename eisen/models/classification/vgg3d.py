"""VGG for volumes: a plain stack of small convolutions that gives a volume a class."""

from __future__ import annotations

from typing import Literal, get_args

from torch import Tensor, nn

from eisen._core.errors import ArgumentError
from eisen.ops.layers.activation import Activation, output_activation
from eisen.ops.layers.blocks import conv_unit
from eisen.ops.layers.checks import check_counts, check_images, check_statistics
from eisen.ops.layers.norm import Normalization

__all__ = ["VGG3D"]

Depth = Literal[11, 13, 16]

_CONVOLUTIONS: dict[int, tuple[int, ...]] = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3)}
"""Convolutions of each stage, configurations A, B and D of the paper; with three linear layers they make the depth."""

_WIDTHS = (1, 2, 4, 8, 8)
_FACTOR = 16


class VGG3D(nn.Module):
    """Give a volume a class, or a number.

    Five stages of 3x3x3 convolutions with ReLU; between them the sides are halved by keeping the largest of 2x2x2
    voxels, and the channels doubled. The last feature maps are averaged over the volume, so that volumes of any size
    from 16 voxels a side fit; three linear layers follow.

    Args:
        input_channels: Number of channels of the volumes.
        output_channels: Number of classes.
        n_filters: Channels at full resolution; 64 in the paper, for pictures.
        outputs_activation: ``sigmoid``, ``softmax`` (over the classes) or ``none`` (logits).
        normalization: ``groupnorm``, ``batchnorm``, ``instancenorm`` or ``none`` (as in the paper), after every
            convolution.
        depth: Number of layers with weights: 11, 13 or 16.
        n_hidden: Size of the two hidden linear layers; 4096 in the paper.
        dropout: Share of the hidden values that is left out while training, from 0 to less than 1.
        groups: Number of groups of ``groupnorm``; it must divide `n_filters`.

    Raises:
        ArgumentError: If an argument is not one of these; at once, not during training.

    Source:
        Simonyan and Zisserman 2015, Very deep convolutional networks for large-scale image recognition,
        arXiv:1409.1556, table 1, with cubes for squares.

    Example:
        >>> import torch
        >>> net = VGG3D(input_channels=1, output_channels=3, n_filters=4, n_hidden=16).eval()
        >>> net(torch.zeros(2, 1, 24, 24, 16)).shape
        torch.Size([2, 3])
    """

    def __init__(
        self,
        input_channels: int = 1,
        output_channels: int = 2,
        n_filters: int = 32,
        outputs_activation: Activation = "none",
        normalization: Normalization = "batchnorm",
        *,
        depth: Depth = 11,
        n_hidden: int = 512,
        dropout: float = 0.5,
        groups: int = 8,
    ) -> None:
        super().__init__()
        counts = {"input_channels": input_channels, "output_channels": output_channels, "n_filters": n_filters}
        check_counts("VGG3D", **counts, n_hidden=n_hidden)
        if depth not in _CONVOLUTIONS:
            raise ArgumentError(
                f"VGG3D: depth is {depth!r}", expected=f"one of: {', '.join(map(str, get_args(Depth)))}"
            )
        if not 0 <= dropout < 1:
            raise ArgumentError(f"VGG3D: dropout is {dropout!r}", expected="at least 0 and less than 1")
        self.input_channels, self.normalization = input_channels, normalization
        stages, before = [], input_channels
        for level, count in enumerate(_CONVOLUTIONS[depth]):
            width = n_filters * _WIDTHS[level]
            layers: list[nn.Module] = [nn.MaxPool3d(2)] if level else []
            for number in range(count):
                activation = nn.ReLU(inplace=True)
                entering = width if number else before
                layers += conv_unit(
                    entering, width, normalization=normalization, groups=groups, activation=activation, affine=True
                )
            stages.append(nn.Sequential(*layers))
            before = width
        self.stages = nn.Sequential(*stages)
        self.head = _head(before, n_hidden, output_channels, dropout)
        self.outputs_activation = output_activation(outputs_activation)
        self.apply(_start)

    def forward(self, volumes: Tensor) -> Tensor:
        """Return one value per class.

        Args:
            volumes: (N, input_channels, D, H, W), each side 16 or more.

        Returns:
            (N, output_channels).

        Raises:
            ShapeError: If the volumes do not fit.
        """
        check_images(volumes, "VGG3D", self.input_channels, at_least=_FACTOR)
        check_statistics(volumes, "VGG3D", self.normalization, _FACTOR, self.training)
        means = self.stages(volumes).flatten(2).mean(2)
        output: Tensor = self.outputs_activation(self.head(means))
        return output


def _head(n_features: int, n_hidden: int, n_classes: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(n_features, n_hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(n_hidden, n_hidden),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(n_hidden, n_classes),
    )


def _start(layer: nn.Module) -> None:
    """Draw first weights that keep the size of activations behind a ReLU, whatever the depth (He et al. 2015)."""
    if isinstance(layer, nn.Conv3d | nn.Linear):
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
