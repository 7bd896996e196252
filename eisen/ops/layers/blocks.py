"""The unit that convolutional networks are made of: convolution, normalization, activation."""

from __future__ import annotations

from torch import nn

from eisen.ops.layers.norm import normalization as norm_layer

__all__ = ["conv_unit"]

_CONV: dict[int, type[nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED: dict[int, type[nn.Module]] = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


def conv_unit(
    in_channels: int,
    out_channels: int,
    kernel_size: int = 3,
    stride: int = 1,
    *,
    transposed: bool = False,
    normalization: str = "none",
    groups: int = 16,
    activation: nn.Module | None = None,
    dims: int = 3,
) -> list[nn.Module]:
    """Return a convolution and what follows it, as a list of layers to put into a sequence.

    The spatial size is kept (stride 1), divided by the stride, or multiplied by it (`transposed`), for input
    sizes that the stride divides. Normalization ``none`` and no activation add no layer.

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        kernel_size: Edge length of the kernel in voxels: odd, or equal to the stride.
        stride: Step of the convolution in voxels.
        transposed: Whether to enlarge instead of reduce.
        normalization: A name that `eisen.ops.layers.normalization` knows.
        groups: Number of groups of ``groupnorm``.
        activation: Layer after the normalization.
        dims: Number of spatial axes: 1, 2 or 3.

    Raises:
        ArgumentError: If the normalization does not fit.

    Example:
        >>> from torch import nn
        >>> [type(layer).__name__ for layer in conv_unit(1, 32, normalization="groupnorm", activation=nn.ReLU())]
        ['Conv3d', 'GroupNorm', 'ReLU']
    """
    padding = (kernel_size - 1) // 2
    size = {"kernel_size": kernel_size, "stride": stride, "padding": padding}
    if transposed:
        # Exactly n -> stride * n: a kernel larger than the stride loses rows on one side, given back here.
        size["output_padding"] = stride - kernel_size + 2 * padding
        layers = [_TRANSPOSED[dims](in_channels, out_channels, **size)]
    else:
        layers = [_CONV[dims](in_channels, out_channels, **size)]
    if normalization != "none":
        layers.append(norm_layer(normalization, out_channels, dims, groups))
    return layers if activation is None else [*layers, activation]
