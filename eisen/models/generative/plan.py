"""How often the sides of an image are halved, and how wide the layers in between are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from eisen._core.errors import ArgumentError

__all__ = ["Plan", "plan_of"]

_SMALLEST, _LARGEST = 4, 7
"""Sides of the coarsest image."""


class Plan(NamedTuple):
    """The layout of a pair of networks that shrink and enlarge images.

    Args:
        image_size: Pixels along each axis.
        start: Pixels along each axis of the coarsest image.
        widths: Channels after each halving, the finest first.
    """

    image_size: tuple[int, ...]
    start: tuple[int, ...]
    widths: tuple[int, ...]


def plan_of(owner: str, image_size: int | Sequence[int], dimensions: int, n_filters: int) -> Plan:
    """Return the layout for images of a size.

    Args:
        owner: Name of the network, for errors.
        image_size: One number, or one per axis.
        dimensions: Number of axes.
        n_filters: Channels of the finest layer.

    Raises:
        ArgumentError: If the sides cannot be halved down to 4 to 7 pixels, or `dimensions` is not 2 or 3.

    Example:
        >>> plan_of("DCGANGenerator", 64, 2, 64)
        Plan(image_size=(64, 64), start=(4, 4), widths=(64, 128, 256, 512))
        >>> plan_of("DCGANGenerator", [64, 64, 28], 3, 8).start
        (16, 16, 7)
    """
    if dimensions not in (2, 3):
        raise ArgumentError(f"{owner}: dimensions is {dimensions!r}", expected="2 for pictures, or 3 for volumes")
    sides: tuple[Any, ...] = tuple(image_size) if isinstance(image_size, list | tuple) else (image_size,) * dimensions
    times = _halvings(sides) if len(sides) == dimensions else 0
    if not times or any(side % 2**times for side in sides):
        raise ArgumentError(
            f"{owner}: image_size is {image_size!r}",
            expected="4, 5, 6 or 7 times a power of two, from 8 on, such as 16, 28, 32, 48, 64, 96, 128"
            f"; one number or {dimensions}",
            to_do="change image_size, and bring the images to it with Resize or CropOrPad",
        )
    start = tuple(side // 2**times for side in sides)
    return Plan(sides, start, tuple(n_filters * 2**level for level in range(times)))


def _halvings(sides: tuple[Any, ...]) -> int:
    """Return how often the shortest side can be halved until 4 to 7 pixels are left; 0 if it has no such number."""
    if any(not isinstance(side, int) or isinstance(side, bool) or side < 2 * _SMALLEST for side in sides):
        return 0
    return next(times for times in range(1, 64) if min(sides) >> times <= _LARGEST)
