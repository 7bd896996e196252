"""From a value of a field to the slices that show it: the middle of each axis, in the directions of the body."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from eisen._core.optional import is_torch
from eisen._core.types import Geometry, is_label_field, meta_field

__all__ = ["Plane", "Volume", "is_label_map", "planes_of", "volume_of"]

_MOST_CHANNELS = 4
_MOST_CLASSES = 32
_SAMPLE = 200_000


@dataclass(frozen=True)
class Volume:
    """The voxels of one case, with channels first.

    Args:
        array: Shape (channels, ...) with two or three axes of space; colours are three channels.
        n_space: 2 or 3.
        affine: 4 x 4, voxel index to RAS+ mm, of volumes that have one.
        is_colour: Whether the channels are red, green and blue.
    """

    array: Any
    n_space: int
    affine: Any = None
    is_colour: bool = False


@dataclass(frozen=True)
class Plane:
    """One slice, as it is looked at.

    Args:
        name: ``"sagittal"``, ``"coronal"``, ``"axial"``, or what it is in an array that nobody knows the directions of.
        pixels: Shape (rows, columns), or (rows, columns, 3) for colours.
        size: Height and width of a pixel, mm, or 1 and 1.
        left: What is at the left edge, e.g. ``"R"``; empty when nobody knows.
        top: What is at the top, e.g. ``"S"``.
        channel: Which channel it shows.
    """

    name: str
    pixels: Any
    size: tuple[float, float] = (1.0, 1.0)
    left: str = ""
    top: str = ""
    channel: int = 0


def volume_of(field: str, data: Mapping[str, Any], element: int | None = None) -> Volume | None:
    """Return the voxels of a field; None for what is no image.

    Args:
        field: Name of the field.
        data: The data point or batch; geometry is looked for beside the field.
        element: Which element, if it is a batch.

    Example:
        >>> volume_of("image", {"image": np.zeros((1, 8, 8))}).n_space
        2
    """
    value = data.get(field)
    if hasattr(value, "dataobj"):
        return _of_nifti(value)
    if hasattr(value, "GetSize"):
        return _of_itk(value, data.get(meta_field(field)))
    array = _array_of(value)
    if array is None or array.dtype.kind not in "biuf":
        return None
    if element is not None:
        if array.ndim < 3 or not 0 <= element < len(array):
            return None
        array = array[element]
    geometry = _geometry_of(field, data, array.shape, element)
    return _of_array(array, geometry)


def is_label_map(field: str, volume: Volume) -> bool:
    """Tell whether voxels are classes: whole numbers, few of them.

    Floating point values count where the name of the field says so, e.g. behind an augmentation.

    Example:
        >>> is_label_map("seg", Volume(np.array([[[0, 1], [2, 2]]]), 2))
        True
    """
    if volume.is_colour:
        return False
    values = _sample(volume.array)
    if values.dtype.kind == "f" and not (is_label_field(field) and _are_whole(values)):
        return False
    return len(np.unique(values)) <= _MOST_CLASSES


def planes_of(volume: Volume) -> list[Plane]:
    """Return the middle slice along each axis, of the first channels.

    Example:
        >>> [plane.name for plane in planes_of(Volume(np.zeros((1, 4, 5, 6)), 3, np.eye(4)))]
        ['sagittal', 'coronal', 'axial']
    """
    if volume.is_colour:
        return [Plane("picture", np.moveaxis(volume.array, 0, -1))]
    planes = []
    for channel, array in enumerate(volume.array[:_MOST_CHANNELS]):
        if volume.n_space == 2:
            found = [Plane("picture", array)]
        else:
            found = _along_axes(array) if volume.affine is None else _in_the_body(array, volume.affine)
        planes += [replace(plane, channel=channel) for plane in found]
    return planes


def _along_axes(array: Any) -> list[Plane]:
    i, j, k = (n // 2 for n in array.shape)
    return [Plane("axis 1", array[i]), Plane("axis 2", array[:, j]), Plane("axis 3", array[:, :, k])]


def _in_the_body(array: Any, affine: Any) -> list[Plane]:
    """Return the slices as radiologists hang them: the right of the patient on the left, nose to the left."""
    import nibabel

    turned = nibabel.apply_orientation(array, nibabel.io_orientation(affine))
    x, y, z = _spacing_in_the_body(affine)
    i, j, k = (n // 2 for n in turned.shape)
    return [
        Plane("sagittal", turned[i].T[::-1, ::-1], (z, y), "A", "S"),
        Plane("coronal", turned[:, j].T[::-1, ::-1], (z, x), "R", "S"),
        Plane("axial", turned[:, :, k].T[::-1, ::-1], (y, x), "R", "A"),
    ]


def _spacing_in_the_body(affine: Any) -> tuple[float, float, float]:
    import nibabel

    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    axes = nibabel.io_orientation(affine)[:, 0].astype(int)
    ordered = dict(zip(axes.tolist(), lengths.tolist(), strict=True))
    return ordered[0], ordered[1], ordered[2]


def _of_nifti(image: Any) -> Volume | None:
    array = np.asanyarray(image.dataobj)
    if array.ndim not in (3, 4) or array.dtype.kind not in "biuf":
        return None
    channels = array[None] if array.ndim == 3 else np.moveaxis(array, -1, 0)
    return Volume(channels, 3, _usable(image.affine))


def _of_itk(image: Any, geometry: Any) -> Volume | None:
    import SimpleITK

    array = SimpleITK.GetArrayViewFromImage(image)
    dimension = image.GetDimension()
    if dimension not in (2, 3) or array.dtype.kind not in "biuf":
        return None
    array = array[None] if array.ndim == dimension else np.moveaxis(array, -1, 0)
    if dimension == 2:
        return Volume(array, 2)
    affine = geometry.affine if isinstance(geometry, Geometry) else None
    return Volume(array.transpose(0, 3, 2, 1), 3, _usable(affine))


def _of_array(array: Any, geometry: Geometry | None) -> Volume | None:
    shape = array.shape
    if array.ndim == 4:
        return Volume(array, 3, None if geometry is None else _usable(geometry.affine))
    if array.ndim == 3 and geometry is not None:
        return Volume(array[None], 3, _usable(geometry.affine))
    if array.ndim == 3 and shape[-1] in (3, 4) and array.dtype == np.uint8:
        return Volume(np.moveaxis(array[..., :3], -1, 0), 2, is_colour=True)
    if array.ndim == 3 and shape[0] <= _MOST_CHANNELS:
        return Volume(array, 2)
    if array.ndim == 3:
        return Volume(array[None], 3)
    return Volume(array[None], 2) if array.ndim == 2 else None


def _geometry_of(field: str, data: Mapping[str, Any], shape: Sequence[int], element: int | None) -> Geometry | None:
    """Return the geometry of a field; an output of a model has that of any field of its shape."""
    own = [data.get(meta_field(field))]
    others = [value for name, value in data.items() if name.endswith("_meta")] if element is not None else []
    for value in (*own, *others):
        if isinstance(value, list) and element is not None and element < len(value):
            value = value[element]
        if isinstance(value, Geometry) and tuple(value.shape) == tuple(shape[-3:]):
            return value
    return None


def _usable(affine: Any) -> Any:
    """Return an affine that tells the directions of the axes, else None."""
    if affine is None or not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        return None
    return affine


def _array_of(value: Any) -> Any:
    if is_torch(value):
        tensor = value.detach().cpu()
        return (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    if type(value).__module__.startswith("PIL."):
        return np.asarray(value)
    return value if isinstance(value, np.ndarray) else None


def _are_whole(values: Any) -> bool:
    return bool(np.isfinite(values).all() and (values == np.round(values)).all())


def _sample(array: Any) -> Any:
    """Return some values of an array, evenly drawn, where looking at all would take long."""
    step = max(1, array.size // _SAMPLE)
    return array.reshape(-1)[::step]
