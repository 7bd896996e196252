"""What the transforms share: steps that move voxels, steps with random parameters, geometry.

FieldStep                  does the same to each of its fields            (eisen._core.fields)
├── SpatialStep            ... and keeps `<field>_meta` true
└── RandomFieldStep        ... with parameters drawn once per sample, so that image and label move together
    └── RandomSpatialStep
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from eisen._core.errors import GeometryError, ShapeError
from eisen._core.fields import FieldStep, missing_field
from eisen._core.random import generator
from eisen._core.types import Affine, DataPoint, Geometry, meta_field
from eisen.transforms.arguments import checked_dims, checked_probability
from eisen.transforms.functional.tensors import as_array

__all__ = [
    "FieldStep",
    "RandomFieldStep",
    "RandomSpatialStep",
    "SpatialStep",
    "ambiguous_axes",
    "array_shape",
    "followed",
    "forget_stale_geometry",
    "geometry_of",
    "homogeneous",
    "needed_geometry",
    "spatial_shape",
]

Apply = Callable[[str, DataPoint], DataPoint]


class SpatialStep(FieldStep):
    """A step that moves voxels. Before and after, it forgets geometry that does not describe the array any more."""

    def each_field(self, data: DataPoint, apply: Apply) -> DataPoint:
        """Update `data` field by field, as `FieldStep` does, and forget stale geometry."""
        for field in self.fields:
            forget_stale_geometry(field, data)
        data = super().each_field(data, apply)
        for field in self.fields:
            forget_stale_geometry(field, data)
        return data


class RandomFieldStep(FieldStep):
    """A step with random parameters, drawn once per sample and then applied to each field alike.

    A child implements `draw` and `apply_drawn`. Random numbers come from eisen's own generator, so inside a loader
    they are a function of (seed, epoch, sample, step) and do not depend on the number of workers.

    Args:
        fields: Names of the fields to work on.
        p: Probability that the step does anything to a sample, 0 to 1.
    """

    def __init__(self, fields: Sequence[str], p: float = 1.0) -> None:
        super().__init__(fields)
        self.p = checked_probability(p, type(self).__name__)

    @abstractmethod
    def draw(self, rng: np.random.Generator, data: DataPoint) -> Any:
        """Return the parameters for one sample; `data` is certain to have all fields."""

    @abstractmethod
    def apply_drawn(self, field: str, data: DataPoint, params: Any) -> DataPoint:
        """Return the new entries for one field; the same parameters give the same result."""

    def transform(self, data: DataPoint) -> DataPoint:
        """Draw once, then apply to every field."""
        drawn = self.drawn(data)
        if drawn is None:
            return data
        params = drawn[0]
        return self.each_field(data, lambda field, values: self.apply_drawn(field, values, params))

    def drawn(self, data: DataPoint) -> tuple[Any] | None:
        """Return the parameters drawn for one sample as a tuple of one; None when the step leaves the sample alone."""
        for field in self.fields:
            if field not in data:
                raise missing_field(field, data, type(self).__name__)
        rng = generator()
        if not self.fields or not self.is_chosen(rng):
            return None
        return (self.draw(rng, data),)

    def entries_beside(self, field: str, data: DataPoint, params: Any) -> DataPoint:  # noqa: ARG002
        """Return what `apply_drawn` returns besides the value, e.g. the new geometry; for steps with `apply_batch`."""
        return {}

    def is_chosen(self, rng: np.random.Generator) -> bool:
        """Draw whether the step does anything to this sample."""
        return bool(rng.random() < self.p)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Draw and apply to one field alone."""
        return self.apply_drawn(field, data, self.draw(generator(), data))


class RandomSpatialStep(RandomFieldStep, SpatialStep):
    """A random step that moves voxels.

    Args:
        fields: Names of the fields to work on, all of the same spatial shape.
        p: Probability that the step does anything to a sample, 0 to 1.
        spatial_dims: 2 or 3: the last so many axes are space, those before are channels. None: 3, or 2 for arrays of
            two axes.
    """

    def __init__(self, fields: Sequence[str], p: float = 1.0, *, spatial_dims: int | None = None) -> None:
        super().__init__(fields, p)
        self.spatial_dims = checked_dims(spatial_dims, type(self).__name__)

    def common_shape(self, data: DataPoint) -> tuple[int, ...]:
        """Return the spatial shape that all fields of the step share, or raise a ShapeError that names two."""
        owner = type(self).__name__
        shapes = {field: spatial_shape(field, data, self.spatial_dims, owner) for field in self.fields}
        first = self.fields[0]
        for field, shape in shapes.items():
            if shape != shapes[first]:
                raise ShapeError(
                    f"'{first}' has the spatial shape {shapes[first]} and '{field}' has {shape}",
                    expected="fields that move together have the same spatial shape",
                    to_do="bring them to one grid before this step, e.g. with Resample or CropCenteredSubVolumes",
                    field=field,
                )
        return shapes[first]


def spatial_shape(field: str, data: Mapping[str, Any], spatial_dims: int | None, owner: str) -> tuple[int, ...]:
    """Return the spatial shape of a field, or raise a ShapeError if it is not clear which axes are space.

    Args:
        field: Name of the field.
        data: The data point.
        spatial_dims: 2 or 3: the last so many axes are space. None: 3, or 2 for arrays of two axes.
        owner: Name of the transform, for the message.
    """
    shape = array_shape(data[field])
    n_axes = spatial_dims or min(len(shape), 3)
    if len(shape) < max(n_axes, 2):
        raise ShapeError(f"an array of shape {shape} has no {max(n_axes, 2)} spatial axes", field=field)
    if spatial_dims is None and len(shape) == 3 and shape[0] <= 4 and geometry_of(field, data) is None:
        raise ambiguous_axes(shape, owner).note(field=field)
    return shape[-n_axes:]


def ambiguous_axes(shape: Sequence[int], owner: str) -> ShapeError:
    """Return the error for an array of which nobody can tell whether it is a picture or a volume.

    Args:
        shape: Of the array, three axes.
        owner: Name of the transform.
    """
    return ShapeError(
        f"an array of shape {tuple(shape)} can be a picture with {shape[0]} channels or a volume of that many slices",
        expected="spatial_dims=2 for channel-first pictures, spatial_dims=3 for volumes",
        to_do=f"give {owner} the argument spatial_dims",
    )


def followed(field: str, data: Mapping[str, Any], matrix: Any, size: Sequence[int], step: str) -> DataPoint:
    """Return the entry with the geometry of a field after a step, or nothing if the field has no geometry.

    Args:
        field: Name of the field.
        data: The data point before the step.
        matrix: Affine map from index of the result to index of the source, shape (d, d + 1); with d = 2 the last two
            axes of a volume have moved.
        size: Shape of the result along these axes.
        step: Name of the step.
    """
    geometry = geometry_of(field, data)
    if geometry is None:
        return {}
    shape = (*geometry.shape[: 3 - len(size)], *size)
    return {meta_field(field): geometry.moved(geometry.affine @ homogeneous(matrix), shape, step)}


def homogeneous(matrix: Any) -> Affine:
    """Return the 4 x 4 matrix of an index map (d, d + 1); maps of two axes move the last two of three.

    Example:
        >>> homogeneous([[1, 0, 5], [0, 1, 7]])[:, 3]
        array([0., 5., 7., 1.])
    """
    d = len(matrix)
    full = np.eye(4)
    full[3 - d : 3, 3 - d : 3] = np.asarray(matrix)[:, :d]
    full[3 - d : 3, 3] = np.asarray(matrix)[:, d]
    return full


def geometry_of(field: str, data: Mapping[str, Any]) -> Geometry | None:
    """Return the geometry of a field, or None if there is none or it is of another shape than the value."""
    geometry = data.get(meta_field(field))
    shape = _grid_shape(data.get(field))
    return geometry if isinstance(geometry, Geometry) and geometry.shape == shape else None


def forget_stale_geometry(field: str, data: DataPoint) -> None:
    """Remove ``<field>_meta`` from the data point if it does not describe the value any more.

    That happens when a step that knows nothing of geometry (a function of the user, say) changed the shape. No geometry
    is better than a wrong one: a later step that needs it raises an error instead of measuring wrongly.
    """
    if isinstance(data.get(meta_field(field)), Geometry) and geometry_of(field, data) is None:
        del data[meta_field(field)]


def needed_geometry(field: str, data: Mapping[str, Any], step: str) -> Geometry:
    """Return the geometry of a field, or raise a GeometryError that says where it comes from."""
    geometry = geometry_of(field, data)
    if geometry is None:
        raise GeometryError(
            f"{step} needs to know where the voxels of '{field}' are, and there is no '{meta_field(field)}'",
            expected=f"a Geometry in the field '{meta_field(field)}', of the same shape as the array",
            to_do="read the file with a reader of eisen.io, and keep the _meta fields (FilterFields drops what it is "
            "not told; NiftiToNumpy(multichannel=False) drops it for 4-D images)",
            field=field,
        )
    return geometry


def array_shape(value: Any) -> tuple[int, ...]:
    """Return the shape of an array or tensor, or raise a DataError if it is none."""
    return tuple(int(n) for n in (value.shape if hasattr(value, "shape") else as_array(value).shape))


def _grid_shape(value: Any) -> tuple[int, ...]:
    """Return the last three axes of an array, the first three of an image of nibabel, the size of one of SimpleITK."""
    if hasattr(value, "GetSize"):
        return tuple(value.GetSize()[:3])
    shape = tuple(int(n) for n in getattr(value, "shape", ()))
    return shape[:3] if hasattr(value, "affine") else shape[-3:]
