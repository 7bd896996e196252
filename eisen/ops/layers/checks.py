"""Checks of what goes into a network. They read sizes only, so they cost nothing and survive compile and export."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from eisen._core.errors import ArgumentError, ShapeError
from eisen.ops.layers.blocks import per_axis

__all__ = ["check_counts", "check_images", "check_statistics"]

_AXES = {2: "(N, C, H, W)", 3: "(N, C, D, H, W)"}
_ELEMENTS = {2: "pixels", 3: "voxels"}


def check_counts(owner: str, **counts: int) -> None:
    """Make sure that numbers of channels, filters and the like are whole and at least 1.

    Args:
        owner: Name of the class that was given them.
        **counts: Argument names and values.

    Raises:
        ArgumentError: Naming the first that is not.
    """
    for name, value in counts.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ArgumentError(
                f"{owner}: {name} is {value!r}", expected="a whole number, 1 or more", to_do=f"change {name}"
            )


def check_images(
    images: Tensor,
    owner: str,
    n_channels: int,
    multiple_of: int | Sequence[int] = 1,
    dims: int = 3,
    *,
    at_least: int = 1,
) -> None:
    """Make sure that a batch of images fits a network.

    Args:
        images: The batch, (N, C, H, W) for two dimensions, (N, C, D, H, W) for three.
        owner: Name of the network.
        n_channels: Number of channels it was built for.
        multiple_of: Number that must divide every side, or one per axis: what the network divides its input by.
        dims: Number of spatial axes.
        at_least: Smallest side in voxels.

    Raises:
        ShapeError: If number of axes, channels or a side does not fit.

    Example:
        >>> import torch
        >>> check_images(torch.zeros(1, 1, 32, 32, 33), "VNet", 1, 16)
        Traceback (most recent call last):
            ...
        eisen._core.errors.ShapeError: VNet got images of 32 x 32 x 33 voxels
         expected  sides that are multiples of 16, e.g. 32 x 32 x 48
            to do  add PadToMultiple(fields, 16) or CropCenteredSubVolumes to the transforms, for image and label
    """
    shape = images.shape
    if len(shape) != dims + 2 or shape[1] != n_channels:
        raise ShapeError(
            f"{owner} got images of shape {tuple(shape)}",
            expected=f"{_AXES[dims]} with {n_channels} channel{'s' if n_channels > 1 else ''}",
            to_do="add AddChannelDimension(fields) to the transforms"
            if len(shape) == dims + 1
            else f"set input_channels of {owner} to the number of channels of the images",
        )
    sides, divisors = shape[2:], per_axis(multiple_of, dims)
    # Not `any(...)` over both at once: while exporting, a dynamic side must meet one condition at a time.
    if any(side % divisor for side, divisor in zip(sides, divisors, strict=True)) or any(
        side < at_least for side in sides
    ):
        raise _size_error(owner, list(sides), divisors, at_least)


def _size_error(owner: str, sides: list[int], divisors: tuple[int, ...], at_least: int) -> ShapeError:
    pairs = zip(sides, divisors, strict=True)
    fitting = [max(-(-side // divisor), -(-at_least // divisor)) * divisor for side, divisor in pairs]
    wanted = str(divisors[0]) if len(set(divisors)) == 1 else str(list(divisors))
    if max(divisors) == 1:
        expected, wanted = f"sides of {at_least} or more", str(at_least)
    else:
        expected = f"sides that are multiples of {wanted}, e.g. {_by(fitting)}"
    return ShapeError(
        f"{owner} got images of {_by(sides)} {_ELEMENTS[len(sides)]}",
        expected=expected,
        to_do=f"add PadToMultiple(fields, {wanted}) or CropCenteredSubVolumes to the transforms, for image and label",
    )


def check_statistics(
    images: Tensor, owner: str, normalization: str, multiple_of: int | Sequence[int], training: bool
) -> None:
    """Make sure that a normalization has more than one value to take a mean of, at the lowest resolution.

    Args:
        images: The batch.
        owner: Name of the network.
        normalization: Name of the normalization.
        multiple_of: Factor between the highest and the lowest resolution, one number or one per axis.
        training: Whether the network is in training mode; ``batchnorm`` takes means only then.

    Raises:
        ShapeError: If a single voxel would be left, whose contrast is undefined.
    """
    if normalization != "instancenorm" and not (normalization == "batchnorm" and training):
        return
    sides, factors = images.shape[2:], per_axis(multiple_of, images.ndim - 2)
    n_values = images.shape[0] if normalization == "batchnorm" else 1
    for side, factor in zip(sides, factors, strict=True):  # a loop, not math.prod: torch.compile follows it
        n_values *= side // factor
    if n_values < 2:
        raise ShapeError(
            f"{owner} got {images.shape[0]} image{'s' * (images.shape[0] > 1)} of {_by(list(sides))}; at the lowest "
            f"resolution that is a single voxel, which {normalization} cannot normalize",
            expected=f"a larger image, e.g. {_by([2 * side for side in sides])}",
            to_do="use larger images, fewer stages, or normalization 'groupnorm'",
        )


def _by(sides: list[int]) -> str:
    return " x ".join(map(str, sides))
