"""Images that nobody was scanned for: smooth, drawn from a seed, with the size and the intensities of real ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from eisen._core.types import Array
from eisen_deploy.packaging.looks import Look

__all__ = ["affine_of", "draw", "drawn_case", "sizes_to_try"]

_VOXELS = 2**18
"""At most, which is a megabyte of floats."""

_KNOTS = 6
"""Of the smooth field along each axis."""

_THIN = 8
"""Fewer slices than that are not left out."""

_MULTIPLES = (1, 8, 16, 32)


def sizes_to_try(shape: Sequence[int], alternatives: Sequence[Sequence[int]] = ()) -> Iterator[tuple[int, ...]]:
    """Yield sizes for an image, the best first: like the real ones but small, then multiples that networks like.

    Args:
        shape: Of a real image.
        alternatives: Other sizes of which it is known that something takes them, e.g. that of a window.

    Example:
        >>> list(sizes_to_try((35, 50, 36)))[:2]
        [(35, 50, 36), (40, 56, 40)]
        >>> next(iter(sizes_to_try((512, 512, 40))))
        (149, 149, 11)
    """
    share = min(1.0, (_VOXELS / math.prod(shape)) ** (1 / len(shape)))
    small = tuple(max(int(side * share), min(side, _THIN)) for side in shape)
    tried = [tuple(-(-side // m) * m for side in small) for m in _MULTIPLES]
    yield from dict.fromkeys([*tried, *(tuple(size) for size in alternatives)])


def draw(look: Look, shape: Sequence[int], seed: int) -> Array:
    """Draw an image.

    Args:
        look: What it should look like.
        shape: How large it should be.
        seed: Another number gives another image.

    Returns:
        (I, J, K), or (rows, columns); with the channels in front, if there are some.

    Example:
        >>> image = draw(Look((8, 8, 8), low=10, high=20, dtype="int16"), (8, 9, 10), seed=0)
        >>> image.shape, image.dtype.name, int(image.min()) >= 10, int(image.max()) <= 20
        ((8, 9, 10), 'int16', True, True)
    """
    rng = np.random.default_rng(seed)
    layers = [_smooth(shape, rng) * _body(shape) for _ in range(max(look.channels, 1))]
    values = np.stack(layers) if look.channels else layers[0]
    scaled = look.low + values * (look.high - look.low)
    dtype = np.dtype(look.dtype)
    if dtype.kind == "b":
        return values > 0.5
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return np.clip(np.rint(scaled), limits.min, limits.max).astype(dtype)
    return scaled.astype(dtype if dtype.kind == "f" else np.float32)


def affine_of(look: Look, shape: Sequence[int]) -> list[list[float]]:
    """Return where such an image is: upright, in the middle of the world.

    Example:
        >>> affine_of(Look((4, 4, 4), (1.0, 1.0, 2.0)), (4, 4, 4))[2]
        [0.0, 0.0, 2.0, -3.0]
    """
    spacing = look.spacing_mm if len(look.spacing_mm) == 3 else (1.0, 1.0, 1.0)
    rows = np.diag([*spacing, 1.0])
    rows[:3, 3] = [-size * (side - 1) / 2 for size, side in zip(spacing, shape, strict=True)]
    return [[float(value) for value in row] for row in rows]


def _smooth(shape: Sequence[int], rng: np.random.Generator) -> Array:
    """Return a smooth field from 0 to 1: random numbers on a coarse grid, and straight lines between them."""
    field = rng.normal(size=(_KNOTS,) * len(shape))
    for axis, side in enumerate(shape):
        places = np.linspace(0, _KNOTS - 1, side)
        below = np.minimum(places.astype(int), _KNOTS - 2)
        share = (places - below).reshape([-1 if a == axis else 1 for a in range(len(shape))])
        field = np.take(field, below, axis) * (1 - share) + np.take(field, below + 1, axis) * share
    low, high = field.min(), field.max()
    return np.asarray((field - low) / max(high - low, 1e-12))


def _body(shape: Sequence[int]) -> Array:
    """Return 1 in an ellipsoid in the middle, 0 in the corners, and something in between at its border."""
    squares = np.zeros(tuple(shape))
    for axis, side in enumerate(shape):
        places = np.linspace(-1, 1, side) if side > 1 else np.zeros(1)
        squares = squares + (places**2).reshape([-1 if a == axis else 1 for a in range(len(shape))])
    return np.asarray(np.clip((1.0 - squares) * 1.5, 0.0, 1.0))


def drawn_case(looks: Mapping[str, Look], shape: Sequence[int], seed: int) -> dict[str, Array]:
    """Return an image per field, all of one size."""
    return {field: draw(look, shape, seed + 101 * number) for number, (field, look) in enumerate(looks.items())}
