"""Random mirroring."""

from __future__ import annotations

from collections.abc import Sequence
from operator import index

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.optional import is_torch
from eisen._core.types import DataPoint, meta_field
from eisen.transforms.base import RandomSpatialStep, geometry_of

__all__ = ["RandomFlip", "checked_axes"]


class RandomFlip(RandomSpatialStep):
    """Mirror a case along each of some axes with a probability.

    Args:
        fields: Names of the fields; all are mirrored alike.
        axes: Spatial axes, 0 to 2, e.g. ``(0,)`` for left-right in RAS+ arrays.
        p: Probability for each axis by itself.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.

    Example:
        >>> flip = RandomFlip(["image", "label"], axes=(0,), p=1.0)
        >>> flip({"image": np.array([[1, 2], [3, 4]]), "label": np.array([[0, 0], [1, 1]])})["label"]
        array([[1, 1],
               [0, 0]])
    """

    def __init__(
        self, fields: Sequence[str], axes: Sequence[int] = (0, 1, 2), p: float = 0.5, *, spatial_dims: int | None = None
    ) -> None:
        super().__init__(fields, p, spatial_dims=spatial_dims)
        self.axes = checked_axes(axes, "axes", type(self).__name__)

    def is_chosen(self, rng: np.random.Generator) -> bool:  # noqa: ARG002
        """Always go on: each axis has its own chance."""
        return True

    def draw(self, rng: np.random.Generator, data: DataPoint) -> tuple[int, ...]:
        """Draw the axes to mirror, counted from the end."""
        n_axes = len(self.common_shape(data))
        drawn = rng.random(len(self.axes)) < self.p
        return tuple(axis - n_axes for axis, flip in zip(self.axes, drawn, strict=True) if flip and axis < n_axes)

    def apply_drawn(self, field: str, data: DataPoint, params: tuple[int, ...]) -> DataPoint:
        """Mirror one field."""
        if not params:
            return {}
        value = data[field]
        flipped = value.flip(params) if is_torch(value) else np.ascontiguousarray(np.flip(value, params))
        geometry = geometry_of(field, data)
        if geometry is None:
            return {field: flipped}
        mirror = np.eye(4)
        for axis in (3 + axis for axis in params):
            mirror[axis, axis], mirror[axis, 3] = -1, geometry.shape[axis] - 1
        return {
            field: flipped,
            meta_field(field): geometry.moved(geometry.affine @ mirror, geometry.shape, type(self).__name__),
        }


def checked_axes(axes: Sequence[int], name: str, owner: str) -> tuple[int, ...]:
    """Return spatial axes as a tuple, or say that they are not 0, 1 or 2."""
    try:
        numbers = tuple(index(axis) for axis in axes)
    except TypeError:
        numbers = (-1,)
    if not set(numbers) <= {0, 1, 2}:
        raise ArgumentError(f"{owner}: {name} is {axes!r}", expected="a list of spatial axes: 0, 1, 2")
    return tuple(dict.fromkeys(numbers))
