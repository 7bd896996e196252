"""Random mirroring and turning by right angles: voxels change places, no value changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eisen._core.types import DataPoint
from eisen.transforms.arguments import checked_axes
from eisen.transforms.base import RandomSpatialStep, array_shape, followed
from eisen.transforms.functional import turn
from eisen.transforms.geometry import checked_plane, demand_axes

__all__ = ["RandomFlip", "RandomRotate90"]


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
        return {field: turn.flip(data[field], params), **self.entries_beside(field, data, params)}

    def apply_batch(self, values: Mapping[str, Any], params: Sequence[tuple[int, ...]]) -> dict[str, Any]:
        """Mirror all elements of a batch; those with the same axes together."""
        results = {field: value.clone() for field, value in values.items()}
        for axes in sorted(set(params) - {()}):
            places = [place for place, own in enumerate(params) if own == axes]
            for field, value in values.items():
                results[field][places] = value[places].flip(axes)
        return results

    def entries_beside(self, field: str, data: DataPoint, params: tuple[int, ...]) -> DataPoint:
        """Return the geometry after mirroring."""
        if not params:
            return {}
        d = min(len(array_shape(data[field])), 3)
        size = array_shape(data[field])[-d:]
        matrix = turn.flip_map(size, [axis + d for axis in params])
        return followed(field, data, matrix, size, type(self).__name__)


class RandomRotate90(RandomSpatialStep):
    """Turn a case by 0, 90, 180 or 270 degrees in a plane; no value changes, and the shape may.

    Args:
        fields: Names of the fields; all are turned alike.
        axes: The two spatial axes that span the plane, e.g. ``(0, 1)`` for axial slices of RAS+ arrays.
        p: Probability that a case is turned; 90, 180 and 270 degrees are equally likely.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.

    Example:
        >>> RandomRotate90(["image"], p=1.0)({"image": np.zeros((8, 8, 5))})["image"].shape
        (8, 8, 5)
    """

    def __init__(
        self, fields: Sequence[str], axes: Sequence[int] = (0, 1), p: float = 0.5, *, spatial_dims: int | None = None
    ) -> None:
        super().__init__(fields, p, spatial_dims=spatial_dims)
        self.axes = checked_plane(axes, type(self).__name__)

    def draw(self, rng: np.random.Generator, data: DataPoint) -> tuple[int, int]:
        """Draw how many right angles, for arrays of how many spatial axes."""
        shape = self.common_shape(data)
        demand_axes(self.axes, shape, type(self).__name__)
        return int(rng.integers(1, 4)), len(shape)

    def apply_drawn(self, field: str, data: DataPoint, params: tuple[int, int]) -> DataPoint:
        """Turn one field."""
        times, d = params
        matrix, size = turn.rotate90_map(array_shape(data[field])[-d:], times, self.axes)
        turned = turn.rotate90(data[field], times, [axis - d for axis in self.axes])
        return {field: turned, **followed(field, data, matrix, size, type(self).__name__)}
