"""One image of a request: a file that was looked at, or an array."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.errors import CorruptFileError, EisenError, GeometryError
from eisen._core.types import Array, Geometry

__all__ = ["Sent", "Voxels"]


@dataclass(frozen=True)
class Voxels:
    """The voxels of an image, as numbers.

    Args:
        array: Axes in the order of the affine's columns; the channels come last, if there are some.
        geometry: Where they are; None: nothing tells, as in pictures.
    """

    array: Array
    geometry: Geometry | None


@dataclass(frozen=True)
class Sent:
    """An image as a client sent it, checked as far as its header tells.

    Args:
        field: The input of the package it is for.
        kind: ``"nifti"``, ``"nrrd"``, ``"mha"``, ``"dicom"``, ``"picture"`` or ``"array"``.
        path: The file, unpacked, or the folder with the files of a DICOM series; None: an array.
        came_as: What an answer in the same format is, e.g. ``"nii.gz"``.
        array: The array, channels first if there are some.
        geometry: Where its voxels are.
        shape: Of a NIfTI file.
        notes: What the client should be warned about.
    """

    field: str
    kind: str
    came_as: str
    path: Path | None = None
    array: Array | None = None
    geometry: Geometry | None = None
    shape: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of_array(cls, array: Any, affine: Any, field: str, came_as: str = "msgpack") -> Sent:
        """Return voxels in memory as if they had been sent.

        Args:
            array: Channels first, if there are some.
            affine: Voxel to world matrix; None for pictures.
            field: The input of the package it is for.
            came_as: See the class.

        Example:
            >>> Sent.of_array(np.zeros((4, 5, 6)), np.eye(4), "image").voxels.geometry.shape
            (4, 5, 6)
        """
        values = np.asarray(array)
        geometry = None if affine is None else Geometry.of(affine, values.shape[-3:])
        return cls(field, "array", came_as, array=values, geometry=geometry)

    @property
    def file(self) -> Path:
        """The file, or the folder of a DICOM series.

        Raises:
            GeometryError: If it is an array.
        """
        if self.path is None:
            raise GeometryError(f"'{self.field}' was sent as an array", expected="a file")
        return self.path

    @cached_property
    def voxels(self) -> Voxels:
        """The voxels, read when they are first asked for.

        Raises:
            EisenError: If the file is damaged, or does not say where its voxels are.
        """
        if self.array is not None:
            n_space = 3 if self.geometry is not None else 2
            has_channels = self.array.ndim > n_space
            return Voxels(np.moveaxis(self.array, 0, -1) if has_channels else self.array, self.geometry)
        try:
            return _READERS.get(self.kind, _read_itk)(self.file)
        except EisenError as error:
            raise error.note(field=self.field) from error.__cause__


def _read_nifti(path: Path) -> Voxels:
    from eisen.io import geometry_of, read_nifti

    image = read_nifti(path)
    return Voxels(np.asanyarray(image.dataobj), geometry_of(image, path.name))


def _read_series(path: Path) -> Voxels:
    from eisen.io import geometry_of, read_dicom_series

    image = read_dicom_series(path)
    return Voxels(np.asanyarray(image.dataobj), geometry_of(image, path.name))


def _read_picture(path: Path) -> Voxels:
    from PIL import Image

    with Image.open(path) as picture:
        return Voxels(np.asarray(picture), None)


def _read_itk(path: Path) -> Voxels:
    """Read NRRD or MetaImage with the type that the file has."""
    import SimpleITK

    from eisen.io.itk import itk_geometry
    from eisen.io.metaimage import verify_metaimage

    if path.suffix == ".mha":
        verify_metaimage(path)
    try:
        image = SimpleITK.ReadImage(str(path))
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[-1]
        raise CorruptFileError(f"{path.name} cannot be read by ITK: {reason}", expected="a complete file") from error
    array = SimpleITK.GetArrayFromImage(image)
    n_axes = image.GetDimension()
    axes = (*range(n_axes)[::-1], *range(n_axes, array.ndim))
    return Voxels(array.transpose(axes), itk_geometry(image, path.name) if n_axes >= 3 else None)


_READERS = {"nifti": _read_nifti, "dicom": _read_series, "picture": _read_picture}
