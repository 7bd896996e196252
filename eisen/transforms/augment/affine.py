"""Random rotation, zoom, shift, mirroring and elastic deformation, all in one interpolation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.errors import ArgumentError, ShapeError
from eisen._core.types import DataPoint, Warp, meta_field
from eisen.transforms.arguments import (
    checked_axes,
    checked_choice,
    checked_interpolation,
    checked_range,
    checked_size,
    interpolation_for,
)
from eisen.transforms.base import RandomSpatialStep, geometry_of, homogeneous
from eisen.transforms.functional.deform import folds
from eisen.transforms.functional.warp import rotation, sampling_grid, warp_image
from eisen.transforms.functional.warp_batch import sampling_grids, warp_batch

__all__ = ["RandomAffine"]


@dataclass(frozen=True)
class _Movement:
    """What was drawn for one sample: the spatial shape, the affine part, and the control points in voxels.

    `matrix` (d, d + 1) leads from index of the result to index of the source, before bending.
    """

    shape: tuple[int, ...]
    matrix: npt.NDArray[np.float64]
    points: npt.NDArray[np.float64] | None
    is_folded: bool = False

    @cached_property
    def grid(self) -> Any:
        """Where every voxel comes from."""
        return sampling_grid(self.shape, self.matrix, self.points)


class RandomAffine(RandomSpatialStep):
    """Rotate, zoom, shift, mirror and bend a case, all in one interpolation, so nothing is blurred twice.

    Rotation and zoom are about the centre of the array, along its axes. Lengths are millimetres for fields with
    geometry, so a rotation stays a rotation when slices are thick; without geometry they are voxels. The geometry of
    the fields follows, so a landmark keeps its position in the body, and results can be brought back, bending included.

    Args:
        fields: Names of the fields; all are moved alike.
        rotation_degrees: Angle about each axis, from minus to plus this, or between two numbers.
        scale: Zoom along each axis, 1 minus to 1 plus this, or between two numbers; above 1 enlarges.
        translation_mm: Shift along each axis, from minus to plus this, or between two numbers.
        flip_axes: Spatial axes that are mirrored half of the time.
        elastic_mm: Largest shift of a control point along each axis, one number or one per axis; 0 does not bend.
        control_points: Control points along each axis, at least 4, one number or one per axis; more make finer waves.
            Tissue does not fold while `elastic_mm` is below 0.4 of the distance between control points,
            size / (control_points - 3).
        interpolation: "linear" or "nearest"; or one per field; None: nearest for fields whose name says label, mask or
            seg, linear for the others.
        padding: What comes in from outside: "zeros", "min" for the smallest value of the image (after z-score 0 is the
            mean; labels get 0), or "border" for the nearest voxel of the rim.
        p: Probability that a case is moved at all.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.

    Source: D. Rueckert et al., Nonrigid registration using free-form deformations, IEEE TMI 18(8), 1999.

    Example:
        >>> move = RandomAffine(["image", "label"], rotation_degrees=10, elastic_mm=3)
        >>> data = move({"image": np.ones((1, 16, 16, 8), "float32"), "label": np.ones((1, 16, 16, 8), "uint8")})
        >>> data["image"].shape, data["label"].dtype
        ((1, 16, 16, 8), dtype('uint8'))
    """

    def __init__(
        self,
        fields: Sequence[str],
        rotation_degrees: float | Sequence[float] = 15,
        scale: float | Sequence[float] = 0.1,
        translation_mm: float | Sequence[float] = 0,
        flip_axes: Sequence[int] | None = None,
        elastic_mm: float | Sequence[float] = 0,
        control_points: int | Sequence[int] = 7,
        interpolation: str | Mapping[str, str] | None = None,
        padding: str = "zeros",
        p: float = 1.0,
        *,
        spatial_dims: int | None = None,
    ) -> None:
        super().__init__(fields, p, spatial_dims=spatial_dims)
        owner = type(self).__name__
        self.rotation_degrees = checked_range(rotation_degrees, "rotation_degrees", owner, around=0)
        self.scale = checked_range(scale, "scale", owner, around=1)
        self.translation_mm = checked_range(translation_mm, "translation_mm", owner, around=0)
        self.flip_axes = checked_axes(flip_axes or (), "flip_axes", owner)
        self.elastic_mm = _checked_lengths(elastic_mm, "elastic_mm", owner)
        self.control_points = _checked_points(control_points, owner)
        self.interpolation = checked_interpolation(interpolation, ("linear", "nearest"), owner)
        self.padding = checked_choice(padding, ("zeros", "min", "border"), "padding", owner)
        if self.scale[0] <= 0:
            raise ArgumentError(f"{owner}: scale is {scale!r}", expected="zooms above 0")

    def draw(self, rng: np.random.Generator, data: DataPoint) -> _Movement:
        """Draw the movement."""
        shape = self.common_shape(data)
        d = len(shape)
        geometry = geometry_of(self.fields[0], data)
        spacing = np.asarray(geometry.spacing if geometry is not None else [1.0] * 3)[-d:]
        angles = rng.uniform(*self.rotation_degrees, size=3 if d == 3 else 1)
        zoom = rng.uniform(*self.scale, size=d)
        shift = rng.uniform(*self.translation_mm, size=d)
        is_flipped = (rng.random(d) < 0.5) & np.isin(np.arange(d), self.flip_axes)
        forward = rotation(angles) @ np.diag(zoom * np.where(is_flipped, -1, 1))
        matrix = _index_map(forward, shift, spacing, shape)
        points = self._drawn_points(rng, d)
        if points is None:
            return _Movement(shape, matrix, None)
        points /= spacing
        return _Movement(shape, matrix, points, folds(points, shape))

    def _drawn_points(self, rng: np.random.Generator, d: int) -> npt.NDArray[np.float64] | None:
        """Draw how far each control point moves, (k, ..., k, d), in mm; None if nothing bends."""
        reach = _per_axis(self.elastic_mm, d, "elastic_mm")
        if not any(reach):
            return None
        counts = _per_axis(self.control_points, d, "control_points")
        return np.asarray(rng.uniform(-1, 1, size=(*counts, d)) * reach)

    def apply_drawn(self, field: str, data: DataPoint, params: _Movement) -> DataPoint:
        """Move one field."""
        name = interpolation_for(field, self.interpolation)
        warped = warp_image(data[field], params.grid, self.padding, name)
        return {field: warped, **self.entries_beside(field, data, params)}

    def apply_batch(self, values: Mapping[str, Any], params: Sequence[_Movement]) -> dict[str, Any]:
        """Move all elements of a batch, each its own way, in one interpolation per field."""
        device = next(iter(values.values())).device
        grids = sampling_grids([(movement.matrix, movement.points) for movement in params], params[0].shape, device)
        names = {field: interpolation_for(field, self.interpolation) for field in values}
        return {field: warp_batch(value, grids, self.padding, names[field]) for field, value in values.items()}

    def entries_beside(self, field: str, data: DataPoint, params: _Movement) -> DataPoint:
        """Return the geometry after the movement."""
        geometry = geometry_of(field, data)
        if geometry is None:
            return {}
        affine = geometry.affine @ homogeneous(params.matrix)
        warp = None if params.points is None else _warp(params, geometry.affine, affine, geometry.shape)
        name = type(self).__name__
        moved = geometry.moved(affine, geometry.shape, name, invertible=not params.is_folded, warp=warp)
        return {meta_field(field): moved}


def _warp(
    movement: _Movement,
    before: npt.NDArray[np.float64],
    after: npt.NDArray[np.float64],
    shape: tuple[int, ...],
) -> Warp:
    """Return the bending in mm, on the grid that the affine part leads to; in 2-D every slice is bent alike."""
    points = np.asarray(movement.points)
    d = points.shape[-1]
    if d == 2:
        points = np.broadcast_to(points, (4, *points.shape))
    in_mm = points @ before[:3, 3 - d : 3].T
    return Warp(in_mm.astype(np.float32), after, shape)


def _index_map(
    forward: npt.NDArray[np.float64],
    shift: npt.NDArray[np.float64],
    spacing: npt.NDArray[np.float64],
    shape: Sequence[int],
) -> npt.NDArray[np.float64]:
    """Return the map from index of the result to index of the source, (d, d + 1), that undoes a movement in mm."""
    centre = (np.asarray(shape) - 1) / 2
    backward = np.linalg.inv(forward)
    linear = backward * spacing / spacing[:, None]
    offset = centre - linear @ centre - (backward @ shift) / spacing
    return np.column_stack([linear, offset])


def _checked_lengths(value: Any, name: str, owner: str) -> float | tuple[float, ...]:
    numbers = tuple(value) if isinstance(value, Sequence | np.ndarray) else (value,)
    if not numbers or not all(isinstance(mm, int | float) and 0 <= mm < np.inf for mm in numbers):
        raise ArgumentError(f"{owner}: {name} is {value!r}", expected="a length in mm, one per axis, or 0")
    return numbers if isinstance(value, Sequence | np.ndarray) else numbers[0]


def _checked_points(value: Any, owner: str) -> int | tuple[int, ...]:
    counts = checked_size(value, "control_points", owner)
    if min(counts if isinstance(counts, tuple) else (counts,)) < 4:
        raise ArgumentError(f"{owner}: control_points is {value!r}", expected="whole numbers from 4")
    return counts


def _per_axis(value: Any, d: int, name: str) -> tuple[Any, ...]:
    """Return one number per spatial axis."""
    numbers = value if isinstance(value, tuple) else (value,) * d
    if len(numbers) != d:
        raise ShapeError(f"{name} has {len(numbers)} numbers for {d} spatial axes", expected="one number per axis")
    return numbers
