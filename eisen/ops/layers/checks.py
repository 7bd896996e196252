"""Checks of what goes into a network. They read sizes only, so they cost nothing and survive compile and export."""

from __future__ import annotations

from torch import Tensor

from eisen._core.errors import ArgumentError, ShapeError

__all__ = ["check_counts", "check_images"]

_AXES = {2: "(N, C, H, W)", 3: "(N, C, D, H, W)"}


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


def check_images(images: Tensor, owner: str, n_channels: int, multiple_of: int, dims: int = 3) -> None:
    """Make sure that a batch of images fits a network.

    Args:
        images: The batch, (N, C, D, H, W) for three dimensions.
        owner: Name of the network.
        n_channels: Number of channels it was built for.
        multiple_of: Number that must divide every side: the network halves its input log2 of it times.
        dims: Number of spatial axes.

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
    sides = shape[2:]
    if any(side % multiple_of or side == 0 for side in sides):
        raise _size_error(owner, list(sides), multiple_of)


def _size_error(owner: str, sides: list[int], multiple_of: int) -> ShapeError:
    fitting = [max(-(-side // multiple_of), 1) * multiple_of for side in sides]
    return ShapeError(
        f"{owner} got images of {' x '.join(map(str, sides))} voxels",
        expected=f"sides that are multiples of {multiple_of}, e.g. {' x '.join(map(str, fitting))}",
        to_do=f"add PadToMultiple(fields, {multiple_of}) or CropCenteredSubVolumes to the transforms, "
        "for image and label",
    )
