"""What is compared: arrays, tensors, images of SimpleITK, nibabel and Pillow, files, folders of DICOM slices."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError, EisenError
from eisen._core.types import Array, Geometry

__all__ = ["Opened", "describe", "opened", "opened_pair"]

_SEG = "1.2.840.10008.5.1.4.1.1.66.4"
"""Class of DICOM segmentation objects."""


@dataclass(frozen=True)
class Opened:
    """An array, and what is known about where its voxels are.

    Args:
        values: In the axes of the library that read it: nibabel (x, y, z), SimpleITK (z, y, x), Pillow (row, column).
        geometry: Where the voxels are, for these axes; None where that is not known.
        name: The file, or what was given instead.
        n_axes: How many of its axes are space; None where that is not known.
        is_reversed: Whether the axes are in the order (z, y, x).
    """

    values: Array
    geometry: Geometry | None = None
    name: str = ""
    n_axes: int | None = None
    is_reversed: bool = False

    def turned(self) -> Opened:
        """Return it with the axes in the other order."""
        geometry = self.geometry
        if geometry is not None:
            affine, shape = geometry.affine[:, [2, 1, 0, 3]], geometry.shape[::-1]
            geometry = Geometry.of(affine, shape, geometry.source)
        return replace(self, values=self.values.T, geometry=geometry, is_reversed=not self.is_reversed)


def opened_pair(prediction: Any, reference: Any) -> tuple[Opened | None, Opened]:
    """Open a prediction and its reference; axes of both in one order.

    A DICOM segmentation holds the slices in which something is marked; it is put on the grid of the other image.

    Args:
        prediction: An array, tensor, image or file; None: there is none.
        reference: The same, but not None.
    """
    if prediction is None:
        return None, opened(reference, "reference")
    if is_segmentation_object(reference):
        found = opened(prediction, "prediction")
        given = opened(reference, "reference", found.geometry)
    else:
        given = opened(reference, "reference")
        found = opened(prediction, "prediction", given.geometry)
    if found.geometry is None or given.geometry is None:
        return found, given
    if found.is_reversed != given.is_reversed:  # (x, y, z) is what files say
        return (found.turned(), given) if found.is_reversed else (found, given.turned())
    return found, given


def opened(value: Any, role: str, grid: Geometry | None = None) -> Opened:
    """Return the array of whatever holds one.

    Args:
        value: A NumPy array, a torch tensor, an image of SimpleITK, nibabel or Pillow, a file name, or a folder with
            the slices of a DICOM series.
        role: What it is, for messages: "prediction" or "reference".
        grid: Where the slices of a DICOM segmentation are put.

    Raises:
        ArgumentError: If it is something else.
        DataError: If a file cannot be read.

    Example:
        >>> opened([[0, 1], [1, 1]], "prediction").values.shape
        (2, 2)
    """
    if isinstance(value, (str, os.PathLike)):
        return _from_file(Path(value), role, grid)
    if hasattr(value, "detach"):
        return Opened(_from_tensor(value), name=f"the {role} (a tensor)")
    if hasattr(value, "dataobj") and hasattr(value, "affine"):
        return _from_nibabel(value, f"the {role} (an image of nibabel)")
    if hasattr(value, "GetDirection") and hasattr(value, "GetSize"):
        return _from_itk(value, f"the {role} (an image of SimpleITK)")
    if hasattr(value, "getbands"):
        return Opened(np.asarray(value), name=f"the {role} (a picture)")
    if isinstance(value, (np.ndarray, list, tuple, int, float, np.generic)) or hasattr(value, "__array__"):
        return Opened(np.asarray(value), name=f"the {role} (an array)")
    raise ArgumentError(
        f"the {role} is {type(value).__name__}",
        expected="an array, a tensor, an image of SimpleITK or nibabel, or a file name",
    )


def describe(value: Any) -> str:
    """Return the file of a prediction or reference; "" if it was none.

    Example:
        >>> describe("seg/p7.nii.gz"), describe([[1]])
        ('seg/p7.nii.gz', '')
    """
    return str(value) if isinstance(value, (str, os.PathLike)) else ""


def is_segmentation_object(value: Any) -> bool:
    """Tell whether something is the name of a DICOM segmentation."""
    if not isinstance(value, (str, os.PathLike)) or not Path(value).is_file():
        return False
    from eisen.io.generic import format_of

    if format_of(Path(value)) != "dicom":
        return False
    import pydicom

    header = pydicom.dcmread(value, stop_before_pixels=True, specific_tags=["SOPClassUID"], force=True)
    return str(header.get("SOPClassUID", "")) == _SEG


def _from_file(path: Path, role: str, grid: Geometry | None) -> Opened:
    try:
        return replace(_read(path, role, grid), name=str(path))
    except EisenError as error:
        raise error.note(file=str(path), field=role) from None


def _read(path: Path, role: str, grid: Geometry | None) -> Opened:
    from eisen.io.generic import LoadImageFromFilename, format_of

    if is_segmentation_object(path):
        from eisen.io import read_dicom_seg

        return _from_nibabel(read_dicom_seg(path, grid=grid).image, str(path))
    name: Any = path
    if path.is_file() and format_of(path) == "dicom":
        name = [str(path)]  # one slice is a short series
    data = LoadImageFromFilename([role], ".")({role: name if isinstance(name, list) else str(name)})
    return opened(data[role], role)


def _from_tensor(value: Any) -> Array:
    value = value.detach().cpu()
    try:
        return np.asarray(value.numpy())
    except TypeError:  # bfloat16, which NumPy does not know
        return np.asarray(value.float().numpy())


def _from_nibabel(image: Any, name: str) -> Opened:
    from eisen.io import geometry_of

    values = np.asanyarray(image.dataobj)
    return Opened(values, geometry_of(image, name), name, n_axes=min(3, values.ndim))


def _from_itk(image: Any, name: str) -> Opened:
    import SimpleITK

    n = image.GetDimension()
    affine = np.eye(4)
    affine[:n, :n] = (np.reshape(image.GetDirection(), (n, n)) * np.asarray(image.GetSpacing()))[:3, :3]
    affine[:n, 3] = image.GetOrigin()[:3]
    size = (*image.GetSize(), 1, 1)[:3]
    geometry = Geometry.of(np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine, size, name)  # ITK: left, back; eisen: right, front
    straight = Opened(SimpleITK.GetArrayFromImage(image).T, geometry, name, n_axes=min(n, 3))
    return straight.turned()
