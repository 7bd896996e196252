"""The unit that convolutional networks are made of: convolution, normalization, activation."""

from __future__ import annotations

from collections.abc import Sequence

from torch import nn

from eisen.ops.layers.norm import normalization as norm_layer

__all__ = ["conv_unit", "per_axis"]

_CONV: dict[int, type[nn.Module]] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED: dict[int, type[nn.Module]] = {1: nn.ConvTranspose1d, 2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}


def conv_unit(
    in_channels: int,
    out_channels: int,
    kernel_size: int | Sequence[int] = 3,
    stride: int | Sequence[int] = 1,
    *,
    transposed: bool = False,
    normalization: str = "none",
    groups: int = 16,
    activation: nn.Module | None = None,
    dims: int = 3,
    affine: bool = False,
    bias: bool = True,
) -> list[nn.Module]:
    """Return a convolution and what follows it, as a list of layers to put into a sequence.

    The spatial size is kept (stride 1), divided by the stride, or multiplied by it (`transposed`), for input
    sizes that the stride divides. Normalization ``none`` and no activation add no layer.

    Args:
        in_channels: Channels that come in.
        out_channels: Channels that go out.
        kernel_size: Size of the kernel in voxels, one number or one per axis: odd, or equal to the stride.
        stride: Step of the convolution in voxels, one number or one per axis.
        transposed: Whether to enlarge instead of reduce.
        normalization: A name that `eisen.ops.layers.normalization` knows.
        groups: Number of groups of ``groupnorm``.
        activation: Layer after the normalization.
        dims: Number of spatial axes: 1, 2 or 3.
        affine: Whether ``instancenorm`` learns a scale and a shift per channel.
        bias: Whether the convolution adds a number per channel.

    Raises:
        ArgumentError: If the normalization does not fit.

    Example:
        >>> from torch import nn
        >>> [type(layer).__name__ for layer in conv_unit(1, 32, normalization="groupnorm", activation=nn.ReLU())]
        ['Conv3d', 'GroupNorm', 'ReLU']
    """
    kernel, step = per_axis(kernel_size, dims), per_axis(stride, dims)
    # Kernels as large as their step tile the image; others are centred on their voxel.
    padding = tuple(0 if k == s else (k - 1) // 2 for k, s in zip(kernel, step, strict=True))
    size = {"kernel_size": kernel, "stride": step, "padding": padding, "bias": bias}
    if transposed:
        # Exactly n -> stride * n: a kernel larger than the stride loses rows on one side, given back here.
        size["output_padding"] = tuple(s - k + 2 * p for k, s, p in zip(kernel, step, padding, strict=True))
        layers = [_TRANSPOSED[dims](in_channels, out_channels, **size)]
    else:
        layers = [_CONV[dims](in_channels, out_channels, **size)]
    if normalization != "none":
        layers.append(norm_layer(normalization, out_channels, dims, groups, affine=affine))
    return layers if activation is None else [*layers, activation]


def per_axis(value: int | Sequence[int], dims: int) -> tuple[int, ...]:
    """Return one number per spatial axis.

    Example:
        >>> per_axis(2, 3), per_axis([1, 2, 2], 3)
        ((2, 2, 2), (1, 2, 2))
    """
    return (value,) * dims if isinstance(value, int) else tuple(value)
