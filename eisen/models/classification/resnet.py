"""ResNet: the network for images that get a class, or a number, in two and three dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from torch import Tensor, nn

from eisen._core.errors import ArgumentError
from eisen.ops.layers.activation import Activation, output_activation
from eisen.ops.layers.blocks import conv_unit
from eisen.ops.layers.checks import check_counts, check_images, check_statistics
from eisen.ops.layers.norm import Normalization
from eisen.ops.layers.norm import normalization as norm_layer

__all__ = ["ResNet"]

_POOL: dict[int, type[nn.Module]] = {2: nn.MaxPool2d, 3: nn.MaxPool3d}
_EXPANSION = 4


class ResNet(nn.Module):
    """Give a picture or a volume a class, or a number.

    Residual units at several resolutions, each half of the one before with twice the channels; then the mean over the
    image and one linear layer. Needs no other package, takes any number of channels, and images of any size from the
    factor between the highest and the lowest resolution on (8 for the defaults, 32 with the large stem).

    The defaults are a small network for small images such as MedMNIST's. With ``n_filters=64, large_stem=True`` they
    are ResNet-18; its weights and those of torchvision have the same names, so that either loads the other's.
    ``n_blocks=[3, 4, 6, 3]`` makes ResNet-34, and with ``bottleneck=True`` ResNet-50.

    Args:
        input_channels: Number of channels of the images.
        output_channels: Number of classes; 1 for a number.
        n_filters: Channels at the highest resolution.
        outputs_activation: ``sigmoid``, ``softmax`` (over the classes) or ``none`` (logits, or a plain number).
        normalization: ``groupnorm``, ``batchnorm``, ``instancenorm`` or ``none``, after every convolution.
        dimensions: Number of spatial axes: 2 or 3.
        n_blocks: Residual units at each resolution.
        bottleneck: Whether a unit is three convolutions (1, 3, 1) with four times the channels behind the last one,
            instead of two of 3.
        large_stem: Whether to start with a 7x7 convolution and a maximum that quarter the sides, as for photographs,
            instead of a 3x3 convolution that keeps them.
        dropout: Share of the features that is left out while training, before the last layer.
        groups: Number of groups of ``groupnorm``; it must divide `n_filters`.

    Raises:
        ArgumentError: If an argument is not one of these; at once, not during training.

    Source:
        He et al. 2016, Deep residual learning for image recognition, arXiv:1512.03385 (with the stride of bottlenecks
        at the 3x3 convolution, as everybody has it today); He et al. 2015, arXiv:1502.01852 (first weights).

    Example:
        >>> import torch
        >>> ResNet(input_channels=1, output_channels=2, n_filters=4)(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 2])
        >>> ResNet(1, 1, n_filters=4, dimensions=3, n_blocks=[1, 1])(torch.zeros(2, 1, 9, 8, 7)).shape
        torch.Size([2, 1])
    """

    def __init__(
        self,
        input_channels: int = 1,
        output_channels: int = 2,
        n_filters: int = 16,
        outputs_activation: Activation = "none",
        normalization: Normalization = "batchnorm",
        *,
        dimensions: int = 2,
        n_blocks: Sequence[int] = (2, 2, 2, 2),
        bottleneck: bool = False,
        large_stem: bool = False,
        dropout: float = 0.0,
        groups: int = 8,
    ) -> None:
        super().__init__()
        check_counts("ResNet", input_channels=input_channels, output_channels=output_channels, n_filters=n_filters)
        _check(dimensions, n_blocks, dropout)
        self.input_channels, self.dimensions, self.normalization = input_channels, dimensions, normalization
        self.factor = (4 if large_stem else 1) * 2 ** (len(n_blocks) - 1)

        norm = partial(norm_layer, normalization, dims=dimensions, groups=groups, affine=True)
        unit = partial(_Unit, bottleneck=bottleneck, normalization=normalization, groups=groups, dims=dimensions)
        kernel, stride = (7, 2) if large_stem else (3, 1)
        self.conv1 = conv_unit(input_channels, n_filters, kernel, stride, dims=dimensions, bias=False)[0]
        self.bn1, self.relu = norm(n_filters), nn.ReLU(inplace=True)
        self.maxpool = _POOL[dimensions](3, 2, 1) if large_stem else nn.Identity()
        before, self.n_stages = n_filters, len(n_blocks)
        for stage, count in enumerate(n_blocks):
            width = n_filters * 2**stage
            after = width * (_EXPANSION if bottleneck else 1)
            units = [unit(before, width, 1 if stage == 0 else 2), *(unit(after, width, 1) for _ in range(count - 1))]
            self.add_module(f"layer{stage + 1}", nn.Sequential(*units))
            before = after
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(before, output_channels)
        self.outputs_activation = output_activation(outputs_activation)
        self.apply(_start)

    def forward(self, images: Tensor) -> Tensor:
        """Return one value per class.

        Args:
            images: (N, input_channels, H, W) or (N, input_channels, D, H, W).

        Returns:
            (N, output_channels).

        Raises:
            ShapeError: If the images do not fit.
        """
        check_images(images, "ResNet", self.input_channels, dims=self.dimensions, at_least=self.factor)
        check_statistics(images, "ResNet", self.normalization, self.factor, self.training)
        features = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        for stage in range(self.n_stages):
            features = self.get_submodule(f"layer{stage + 1}")(features)
        means = features.flatten(2).mean(2)
        output: Tensor = self.outputs_activation(self.fc(self.dropout(means)))
        return output


class _Unit(nn.Module):
    """Two convolutions, or a bottleneck of three, whose result is added to their input."""

    def __init__(
        self,
        in_channels: int,
        width: int,
        stride: int,
        bottleneck: bool,
        normalization: str,
        groups: int,
        dims: int,
    ) -> None:
        super().__init__()
        norm = partial(norm_layer, normalization, dims=dims, groups=groups, affine=True)
        plan = [(width, 1, 1), (width, 3, stride), (_EXPANSION * width, 1, 1)]
        self.n_layers, before = 3 if bottleneck else 2, in_channels
        for number, (after, kernel, step) in enumerate(plan if bottleneck else [(width, 3, stride), (width, 3, 1)], 1):
            self.add_module(f"conv{number}", conv_unit(before, after, kernel, step, dims=dims, bias=False)[0])
            self.add_module(f"bn{number}", norm(after))
            before = after
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module = nn.Identity()
        if stride != 1 or in_channels != before:
            short = conv_unit(in_channels, before, 1, stride, dims=dims, bias=False)[0]
            self.downsample = nn.Sequential(short, norm(before))

    def forward(self, features: Tensor) -> Tensor:
        """Return (N, C, ...) for (N, in_channels, ...)."""
        correction = features
        for number in range(1, self.n_layers + 1):
            layer = self.get_submodule(f"conv{number}")
            correction = self.get_submodule(f"bn{number}")(layer(correction))
            if number < self.n_layers:
                correction = self.relu(correction)
        output: Tensor = self.relu(correction + self.downsample(features))
        return output


def _check(dimensions: int, n_blocks: Sequence[int], dropout: float) -> None:
    if dimensions not in _POOL:
        raise ArgumentError(f"ResNet: dimensions is {dimensions!r}", expected="2 or 3: the number of spatial axes")
    if not isinstance(n_blocks, list | tuple) or not n_blocks:
        raise ArgumentError(f"ResNet: n_blocks is {n_blocks!r}", expected="a list of numbers, e.g. [2, 2, 2, 2]")
    check_counts("ResNet", **{f"n_blocks[{stage}]": count for stage, count in enumerate(n_blocks)})
    if not 0 <= dropout < 1:
        raise ArgumentError(f"ResNet: dropout is {dropout!r}", expected="a number from 0, below 1")


def _start(layer: nn.Module) -> None:
    if isinstance(layer, nn.Conv2d | nn.Conv3d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
