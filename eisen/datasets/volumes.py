"""Volumes in files: their shape from the header alone, and their voxels with the axes as in the file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.errors import CorruptFileError, EisenError, ShapeError
from eisen._core.types import Array, Geometry
from eisen.io.generic import format_of
from eisen.io.paths import existing_file

__all__ = ["Volume", "read_volume", "shape_of_volume"]


@dataclass(frozen=True)
class Volume:
    """A volume in memory.

    Args:
        voxels: Shape (x, y, z): the axes of the file.
        geometry: Where the voxels are; None when the file does not say.
    """

    voxels: Array
    geometry: Geometry | None


def shape_of_volume(path: Path) -> tuple[int, int, int]:
    """Return the shape of a volume without reading its voxels.

    Args:
        path: A NIfTI file, one of a format of ITK, or ``.npy``.

    Raises:
        MissingFileError: If it is not there.
        CorruptFileError: If it cannot be opened.
        ShapeError: If it has not three axes.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "ct.npy"
        >>> np.save(path, np.zeros((4, 5, 6)))
        >>> shape_of_volume(path), read_volume(path).voxels.shape
        ((4, 5, 6), (4, 5, 6))
    """
    existing_file(path)
    readers = {"nifti": _nifti_shape, "itk": _itk_shape, "numpy": _numpy_shape}
    try:
        shape = readers[_kind(path)](path)
    except EisenError:
        raise
    except Exception as error:
        raise CorruptFileError(f"{path.name} cannot be opened: {error}", file=str(path)) from error
    while len(shape) > 3 and shape[-1] == 1:
        shape = shape[:-1]
    if len(shape) != 3 or min(shape) < 1:
        raise ShapeError(f"{path.name} has the shape {shape}", expected="three axes", file=str(path))
    return shape[0], shape[1], shape[2]


def read_volume(path: Path) -> Volume:
    """Return a volume: all voxels, and where they are.

    Args:
        path: A NIfTI file, one of a format of ITK, or ``.npy``.

    Raises:
        MissingFileError: If it is not there.
        CorruptFileError: If it is damaged.
    """
    kind, shape = _kind(path), shape_of_volume(path)
    if kind == "nifti":
        from eisen.io.nifti import geometry_of, read_nifti

        image = read_nifti(path)
        return Volume(np.asanyarray(image.dataobj).reshape(shape), geometry_of(image, str(path)))
    if kind == "itk":
        from eisen.io.itk import LoadITKFromFilename

        point = LoadITKFromFilename(["volume"], path.parent)({"volume": path.name})
        return _of_itk(point["volume"], str(path))
    from eisen.io.arrays import LoadNumpyFromFilename

    return Volume(LoadNumpyFromFilename(["volume"], path.parent)({"volume": path.name})["volume"].reshape(shape), None)


def _kind(path: Path) -> str:
    kind = format_of(path)
    if kind not in ("nifti", "itk", "numpy") or path.suffix.lower() == ".npz":
        raise CorruptFileError(
            f"{path.name} is of the format {kind}, whose slices are not read one by one",
            expected="NIfTI, a format of ITK (.mha, .nrrd ...) or .npy",
            to_do="pictures are slices already; convert DICOM series to NIfTI",
            file=str(path),
        )
    return kind


def _nifti_shape(path: Path) -> tuple[int, ...]:
    import nibabel

    image: Any = nibabel.load(path)
    return tuple(int(n) for n in image.shape)


def _itk_shape(path: Path) -> tuple[int, ...]:
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    return tuple(int(n) for n in reader.GetSize())


def _numpy_shape(path: Path) -> tuple[int, ...]:
    shape: tuple[int, ...] = np.load(path, mmap_mode="r", allow_pickle=False).shape
    return shape


def _of_itk(image: Any, source: str) -> Volume:
    """Return an image of SimpleITK with the axes of the file, which its arrays have in reverse."""
    import SimpleITK

    from eisen.io.itk import itk_geometry

    geometry = itk_geometry(image, source)
    return Volume(SimpleITK.GetArrayFromImage(image).transpose(), geometry)
