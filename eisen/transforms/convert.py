"""From images of a library to arrays, and back.

The axes of an array are those of its library: NIfTI gives (x, y, z), ITK gives (z, y, x), pictures give (row, column).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError, DataError, MissingFieldError
from eisen._core.fields import FieldStep
from eisen._core.optional import is_torch
from eisen._core.types import Array, DataPoint, Geometry, meta_field
from eisen.io.itk import itk_geometry
from eisen.transforms.base import geometry_of
from eisen.transforms.functional.tensors import as_array, as_tensor

__all__ = ["ITKToNumpy", "NiftiToNumpy", "NumpyToNifti", "PilToNumpy", "ToTensor"]


class _ToNumpy(FieldStep):
    """A step from an image object to a float32 array.

    Args:
        fields: Names of the fields.
        multichannel: The last axis holds channels; move it to the front.
    """

    def __init__(self, fields: Sequence[str], multichannel: bool = False) -> None:
        super().__init__(fields)
        self.multichannel = multichannel


def _image(field: str, data: DataPoint, attribute: str, library: str, reader: str) -> Any:
    """Return the image in a field, told by an attribute that all images of a library have."""
    value = data[field]
    if hasattr(value, attribute):
        return value
    is_name = isinstance(value, str | os.PathLike)
    kind = "a file name" if is_name else f"{type(value).__module__}.{type(value).__qualname__}"
    raise DataError(
        f"the field '{field}' holds {kind}, not an image of {library}",
        expected=f"an image of {library}, as {reader} reads it",
        to_do=f"put {reader} for this field in front" if is_name else "leave this step out: it is an array already",
        field=field,
    )


class NiftiToNumpy(_ToNumpy):
    """Turn NIfTI images into float32 arrays with the axes (x, y, z).

    The geometry of a volume goes to ``<field>_meta`` unless a reader wrote it already. A 4-D image keeps it when its
    last axis is declared to be channels; otherwise it is dropped, since nothing says which axes are space.

    Args:
        fields: Names of the fields, images of nibabel.
        multichannel: The last axis holds channels; move it to the front.

    Example:
        >>> import nibabel
        >>> image = nibabel.Nifti1Image(np.zeros((5, 6, 7, 2), "int16"), np.eye(4))
        >>> NiftiToNumpy(["image"], multichannel=True)({"image": image})["image"].shape
        (2, 5, 6, 7)
    """

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Read the voxels of one image."""
        image = _image(field, data, "dataobj", "nibabel", "LoadNiftiFromFilename")
        array = _voxels(image)
        if self.multichannel and array.ndim > 1:
            array = np.moveaxis(array, -1, 0)
        geometry = geometry_of(field, data) or _nifti_geometry(image)
        is_volume = image.ndim == 3 + self.multichannel and geometry is not None
        if not is_volume:
            data.pop(meta_field(field), None)
        return {field: array, meta_field(field): geometry} if is_volume else {field: array}


class NumpyToNifti(FieldStep):
    """Turn arrays with the axes (x, y, z) into NIfTI images.

    Args:
        fields: Names of the fields.
        affine: 4 x 4, voxel index to RAS+ millimetres. None: the geometry of the field, and without one the identity.
        data_types: Field to data type, e.g. ``{"label": "uint8"}``. None: float32 for every field.
        multichannel: Move the first axis of the array to the end, where NIfTI has its channels.

    Raises:
        ArgumentError: If `data_types` is not a dict, or `affine` not 4 x 4.
        MissingFieldError: If `data_types` misses a field.

    Example:
        >>> NumpyToNifti(["image"])({"image": np.zeros((5, 6, 7))})["image"].shape
        (5, 6, 7)
    """

    def __init__(
        self,
        fields: Sequence[str],
        affine: Any = None,
        data_types: Mapping[str, Any] | None = None,
        *,
        multichannel: bool = False,
    ) -> None:
        super().__init__(fields)
        self.affine = None if affine is None else _checked_affine(affine)
        self.data_types = _checked_types(self.fields, data_types)
        self.multichannel = multichannel

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Make one image."""
        import nibabel

        array = as_array(data[field])
        affine = self.affine
        geometry = geometry_of(field, data)
        if affine is None:
            in_place = geometry is not None and array.ndim == 3 + self.multichannel
            affine = geometry.affine if geometry is not None and in_place else np.eye(4)
        if self.multichannel and array.ndim > 1:
            array = np.moveaxis(array, 0, -1)
        array = array.astype(self.data_types[field], copy=False)
        image = nibabel.Nifti1Image(array, affine, dtype=array.dtype)
        if geometry is not None and array.ndim >= 3 and self.affine is not None:
            return {field: image, meta_field(field): geometry.moved(affine, array.shape[:3], type(self).__name__)}
        return {field: image}


class ITKToNumpy(_ToNumpy):
    """Turn SimpleITK images into float32 arrays with the axes (z, y, x), the reverse of the NIfTI path.

    The geometry of a volume goes to ``<field>_meta``, for the axes as they are in the array.

    Args:
        fields: Names of the fields, images of SimpleITK.
        multichannel: The image has several values per voxel; move that last axis to the front.

    Example:
        >>> import SimpleITK
        >>> ITKToNumpy(["ct"])({"ct": SimpleITK.Image(5, 6, 7, SimpleITK.sitkInt16)})["ct"].shape
        (7, 6, 5)
    """

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Read the voxels of one image."""
        import SimpleITK

        image = _image(field, data, "GetSize", "SimpleITK", "LoadITKFromFilename")
        array = SimpleITK.GetArrayFromImage(image).astype(np.float32, copy=False)
        if self.multichannel:
            array = np.moveaxis(array, -1, 0)
        has_channels = image.GetNumberOfComponentsPerPixel() > 1
        if image.GetDimension() != 3 or has_channels != bool(self.multichannel):
            data.pop(meta_field(field), None)
            return {field: array}
        before, here = geometry_of(field, data), itk_geometry(image)
        shape, affine = here.shape[::-1], here.affine[:, [2, 1, 0, 3]]
        return {field: array, meta_field(field): (before or here).moved(affine, shape, type(self).__name__)}


class PilToNumpy(_ToNumpy):
    """Turn pictures into float32 arrays with the axes (row, column) or (row, column, colour), not scaled.

    Args:
        fields: Names of the fields, images of Pillow.
        multichannel: Give (colour, row, column); a grey picture has one colour.

    Example:
        >>> from PIL import Image
        >>> PilToNumpy(["photo"], multichannel=True)({"photo": Image.new("RGB", (4, 2))})["photo"].shape
        (3, 2, 4)
    """

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Read the pixels of one picture."""
        array = np.array(_image(field, data, "getbands", "Pillow", "LoadPILImageFromFilename"), dtype=np.float32)
        if self.multichannel:
            array = array[None] if array.ndim == 2 else np.moveaxis(array, -1, 0)
        return {field: array}


class ToTensor(FieldStep):
    """Turn arrays and numbers into torch tensors; memory is shared where torch can.

    Args:
        fields: Names of the fields.
        dtype: Name of a torch data type, e.g. "float32" or "int64" (or the type itself). None: as the value has it.

    Example:
        >>> ToTensor(["label"], dtype="int64")({"label": np.array([0.0, 2.0])})["label"]
        tensor([0, 2])
    """

    def __init__(self, fields: Sequence[str], dtype: Any = None) -> None:
        super().__init__(fields)
        self.dtype = None if dtype is None else str(dtype).removeprefix("torch.")
        if self.dtype is not None and not isinstance(_torch_type(self.dtype), _torch_type("dtype")):
            raise ArgumentError(
                f"ToTensor: dtype is {dtype!r}", expected="the name of a torch data type, e.g. 'float32'"
            )

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Convert one value."""
        value = data[field]
        tensor = value if is_torch(value) else as_tensor(np.asarray(value))
        return {field: tensor if self.dtype is None else tensor.to(_torch_type(self.dtype))}


def _voxels(image: Any) -> Array:
    """Return the voxels as float32 that can be written to, without a float64 copy in between if possible."""
    proxy = image.dataobj
    array = proxy.get_scaled(dtype=np.float32) if hasattr(proxy, "get_scaled") else proxy
    array = np.asarray(array, dtype=np.float32)
    return array if array.flags.writeable else array.copy(order="K")


def _nifti_geometry(image: Any) -> Geometry | None:
    return Geometry.of(image.affine, image.shape[:3]) if len(image.shape) >= 3 else None


def _checked_affine(affine: Any) -> Array:
    try:
        matrix = np.array(affine, dtype=np.float64)
    except (TypeError, ValueError):
        matrix = np.empty(0)
    if matrix.shape != (4, 4):
        raise ArgumentError(f"NumpyToNifti: affine is {affine!r}", expected="4 x 4 numbers, voxel index to RAS+ mm")
    return matrix


def _checked_types(fields: list[str], types: Any) -> dict[str, np.dtype[Any]]:
    types = dict.fromkeys(fields, "float32") if types is None else types
    if not isinstance(types, Mapping):
        raise ArgumentError(f"NumpyToNifti: data_types is {types!r}", expected="a dict from field to data type")
    missing = [field for field in fields if field not in types]
    if missing:
        raise MissingFieldError(
            f"NumpyToNifti: data_types has no entry for '{missing[0]}'",
            expected=f"one data type for each of {', '.join(fields)}",
            to_do=f"add e.g. '{missing[0]}': 'float32'",
        )
    try:
        return {field: np.dtype(types[field]) for field in fields}
    except TypeError as error:
        raise ArgumentError(f"NumpyToNifti: data_types is {types!r}: {error}", expected="names as in NumPy") from error


def _torch_type(name: str) -> Any:
    import torch

    return getattr(torch, name, None)
