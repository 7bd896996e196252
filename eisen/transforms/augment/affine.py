"""Random rotation, zoom, shift, mirroring and elastic deformation, all in one interpolation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.errors import ArgumentError
from eisen._core.types import DataPoint, meta_field
from eisen.transforms.arguments import checked_choice, checked_interpolation, checked_range, interpolation_for
from eisen.transforms.augment.flip import checked_axes
from eisen.transforms.base import RandomSpatialStep, geometry_of
from eisen.transforms.functional.warp import rotation, sampling_grid, warp_image

__all__ = ["RandomAffine"]


@dataclass(frozen=True)
class _Warp:
    """What was drawn for one sample: the affine part, and where every voxel comes from."""

    matrix: npt.NDArray[np.float64]
    grid: Any


class RandomAffine(RandomSpatialStep):
    """Rotate, zoom, shift, mirror and bend a case, all in one interpolation, so nothing is blurred twice.

    Rotation and zoom are about the centre of the array, along its axes. Lengths are millimetres for fields with
    geometry, so a rotation stays a rotation when slices are thick; without geometry they are voxels. Without bending,
    the geometry of the fields follows, and a landmark keeps its position in the body.

    Args:
        fields: Names of the fields; all are moved alike.
        rotation_degrees: Angle about each axis, from minus to plus this, or between two numbers.
        scale: Zoom along each axis, 1 minus to 1 plus this, or between two numbers; above 1 enlarges.
        translation_mm: Shift along each axis, from minus to plus this, or between two numbers.
        flip_axes: Spatial axes that are mirrored half of the time.
        elastic_mm: Largest shift of a control point along each axis; 0 does not bend.
        control_points: Control points along each axis, at least 4; more make finer waves. Tissue does not fold while
            `elastic_mm` is below 0.4 of the distance between control points, size / (control_points - 3).
        interpolation: "linear" or "nearest"; or one per field; None: nearest for fields whose name says label, mask or
            seg, linear for the others.
        padding: What comes in from outside: "zeros", or "border" for the nearest voxel of the rim.
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
        elastic_mm: float = 0,
        control_points: int = 7,
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
        self.elastic_mm = elastic_mm
        self.control_points = control_points
        self.interpolation = checked_interpolation(interpolation, ("linear", "nearest"), owner)
        self.padding = checked_choice(padding, ("zeros", "border"), "padding", owner)
        if self.scale[0] <= 0:
            raise ArgumentError(f"{owner}: scale is {scale!r}", expected="zooms above 0")
        if not isinstance(elastic_mm, int | float) or not 0 <= elastic_mm < np.inf:
            raise ArgumentError(f"{owner}: elastic_mm is {elastic_mm!r}", expected="a length in mm, or 0")
        if not isinstance(control_points, int) or control_points < 4:
            raise ArgumentError(f"{owner}: control_points is {control_points!r}", expected="a whole number from 4")

    def draw(self, rng: np.random.Generator, data: DataPoint) -> _Warp:
        """Draw the movement, and compute where every voxel comes from."""
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
        points = None
        if self.elastic_mm:
            points = rng.uniform(-self.elastic_mm, self.elastic_mm, size=(self.control_points,) * d + (d,)) / spacing
        return _Warp(matrix, sampling_grid(shape, matrix, points))

    def apply_drawn(self, field: str, data: DataPoint, params: _Warp) -> DataPoint:
        """Move one field."""
        name = interpolation_for(field, self.interpolation)
        warped = warp_image(data[field], params.grid, self.padding, name)
        geometry = geometry_of(field, data)
        if geometry is None:
            return {field: warped}
        affine = geometry.affine @ _homogeneous(params.matrix)
        moved = geometry.moved(affine, geometry.shape, type(self).__name__, invertible=not self.elastic_mm)
        return {field: warped, meta_field(field): moved}


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


def _homogeneous(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the 4 x 4 matrix of an index map; 2-D maps move the last two of three axes."""
    d = len(matrix)
    full = np.eye(4)
    full[3 - d : 3, 3 - d : 3] = matrix[:, :d]
    full[3 - d : 3, 3] = matrix[:, d]
    return full
