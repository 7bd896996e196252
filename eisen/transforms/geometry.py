"""Transforms that turn and mirror arrays: voxels change places, no value changes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError, ShapeError
from eisen._core.types import DataPoint, meta_field
from eisen.transforms.arguments import checked_axes, checked_dims
from eisen.transforms.base import SpatialStep, followed, needed_geometry, spatial_shape
from eisen.transforms.functional import resample, turn
from eisen.transforms.functional.tensors import as_array, as_tensor

__all__ = ["Flip", "Reorient", "Rotate90"]


class Reorient(SpatialStep):
    """Turn arrays so that their axes point in known directions, by permuting and flipping; no value changes.

    Args:
        fields: Names of the fields, with geometry; the last three axes are space.
        axes: Where the axes shall point: one of R/L, A/P and S/I each, e.g. "RAS" or "LPS".

    Example:
        >>> from eisen._core.types import Geometry
        >>> grid = Geometry.of(np.diag([-1.0, 1.0, 3.0, 1.0]), (2, 1, 1))
        >>> data = Reorient(["image"])({"image": np.array([1, 2]).reshape(2, 1, 1), "image_meta": grid})
        >>> data["image"].ravel(), data["image_meta"].affine.diagonal()
        (array([2, 1]), array([1., 1., 3., 1.]))
    """

    def __init__(self, fields: Sequence[str], axes: str = "RAS") -> None:
        super().__init__(fields)
        pairs = [pair for letter in str(axes).upper() for pair in ("RL", "AP", "SI") if letter in pair]
        if len(str(axes)) != 3 or sorted(pairs) != ["AP", "RL", "SI"]:
            raise ArgumentError(f"Reorient: axes is {axes!r}", expected="one of R/L, A/P and S/I each, e.g. 'RAS'")
        self.axes = axes.upper()

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Turn one array; it stays a view when only axes change places."""
        geometry = needed_geometry(field, data, type(self).__name__)
        value = data[field]
        turned, affine = resample.reorient(as_array(value), geometry.affine, self.axes)
        if any(stride < 0 for stride in turned.strides):
            turned = turned.copy(order="K")  # torch knows no negative strides; the order in memory stays, which is fast
        return {
            field: turned if isinstance(value, np.ndarray) else as_tensor(turned).to(value.device),
            meta_field(field): geometry.moved(affine, turned.shape[-3:], type(self).__name__),
        }


class Flip(SpatialStep):
    """Mirror arrays along some axes.

    Args:
        fields: Names of the fields.
        axes: Spatial axes, 0 to 2, e.g. ``(0,)`` for left-right in RAS+ arrays.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.

    Example:
        >>> Flip(["image"], axes=[1])({"image": np.array([[1, 2], [3, 4]])})["image"]
        array([[2, 1],
               [4, 3]])
    """

    def __init__(self, fields: Sequence[str], axes: Sequence[int], *, spatial_dims: int | None = None) -> None:
        super().__init__(fields)
        self.axes = checked_axes(axes, "axes", type(self).__name__)
        self.spatial_dims = checked_dims(spatial_dims, type(self).__name__)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Mirror one array."""
        name = type(self).__name__
        size = spatial_shape(field, data, self.spatial_dims, name)
        demand_axes(self.axes, size, name)
        flipped = turn.flip(data[field], [axis - len(size) for axis in self.axes])
        return {field: flipped, **followed(field, data, turn.flip_map(size, self.axes), size, name)}


class Rotate90(SpatialStep):
    """Turn arrays by right angles in a plane; the shape turns along.

    Args:
        fields: Names of the fields.
        times: How many right angles, from the first axis towards the second; negative turns back.
        axes: The two spatial axes that span the plane.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.

    Example:
        >>> Rotate90(["image"])({"image": np.array([[1, 2], [3, 4]])})["image"]
        array([[2, 4],
               [1, 3]])
    """

    def __init__(
        self, fields: Sequence[str], times: int = 1, axes: Sequence[int] = (0, 1), *, spatial_dims: int | None = None
    ) -> None:
        super().__init__(fields)
        name = type(self).__name__
        if not isinstance(times, int):
            raise ArgumentError(f"{name}: times is {times!r}", expected="a whole number of right angles")
        self.times = times
        self.axes = checked_plane(axes, name)
        self.spatial_dims = checked_dims(spatial_dims, name)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Turn one array."""
        name = type(self).__name__
        shape = spatial_shape(field, data, self.spatial_dims, name)
        demand_axes(self.axes, shape, name)
        turned = turn.rotate90(data[field], self.times, [axis - len(shape) for axis in self.axes])
        matrix, size = turn.rotate90_map(shape, self.times, self.axes)
        return {field: turned, **followed(field, data, matrix, size, name)}


def checked_plane(axes: Any, owner: str) -> tuple[int, int]:
    """Return two different spatial axes."""
    plane = checked_axes(axes, "axes", owner)
    if len(plane) != 2:
        raise ArgumentError(f"{owner}: axes is {axes!r}", expected="two different spatial axes, e.g. (0, 1)")
    return plane[0], plane[1]


def demand_axes(axes: Sequence[int], shape: Sequence[int], owner: str) -> None:
    """Raise a ShapeError if an array with this spatial shape does not have the axes."""
    if axes and max(axes) >= len(shape):
        raise ShapeError(
            f"{owner} works on axis {max(axes)}, and the array has the spatial shape {tuple(shape)}",
            expected=f"spatial axes from 0 to {len(shape) - 1}",
        )
