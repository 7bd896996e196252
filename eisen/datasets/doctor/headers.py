"""What files say about themselves, without reading their voxels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eisen._core.errors import CorruptFileError, EisenError
from eisen._core.types import Affine, Geometry
from eisen.datasets.doctor.names import NIFTI, PICTURES
from eisen.io.itk import itk_geometry

if TYPE_CHECKING:
    from eisen.datasets.doctor.facts import Header
    from eisen.datasets.doctor.study import Study

__all__ = ["format_of", "read_header"]

_ITK_TYPES = {"8-bit": "int8", "16-bit": "int16", "32-bit": "int32", "64-bit": "int64"}


def format_of(path: Path, study: Study) -> str:
    """Return how a file is read: ``"nifti"``, ``"itk"``, ``"picture"`` or ``"dicom"``."""
    name = path.name.lower()
    if path in study.series or path.is_dir() or name.endswith(".dcm"):
        return "dicom"
    return "nifti" if name.endswith(NIFTI) else "picture" if name.endswith(PICTURES) else "itk"


def read_header(path: Path, study: Study) -> Header:
    """Return what a file says about itself.

    Args:
        path: The file, or the folder of a DICOM series.
        study: The data set it belongs to.

    Raises:
        EisenError: If the header cannot be read.
    """
    readers: dict[str, Callable[[Path, Study], Header]] = {
        "nifti": _of_nifti,
        "itk": _of_itk,
        "picture": _of_picture,
        "dicom": _of_dicom,
    }
    try:
        return readers[format_of(path, study)](path, study)
    except EisenError:
        raise
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        raise CorruptFileError(f"{path.name} cannot be opened: {lines[-1]}", file=str(path)) from error


def _of_nifti(path: Path, _: Study) -> Header:
    import nibabel

    from eisen.datasets.doctor.facts import Header

    image: Any = nibabel.load(path)
    header, shape = image.header, tuple(int(n) for n in image.shape)
    _demand_voxels(path, shape, header)
    unit = header.get_xyzt_units()[0] if hasattr(header, "get_xyzt_units") else "mm"
    sform, qform = _coded(image, "sform"), _coded(image, "qform")
    return Header(
        "nifti",
        (*shape[:3], 1, 1, 1)[:3],
        int(np.prod(shape[3:], dtype=int)),
        str(header.get_data_dtype().newbyteorder("=")),
        np.asarray(image.affine, np.float64),
        "" if unit in ("unknown", "mm") else unit,
        _conflict_mm(sform, qform, shape),
        sform is not None or qform is not None or not hasattr(image, "get_sform"),
    )


def _demand_voxels(path: Path, shape: tuple[int, ...], header: Any) -> None:
    """Stop at a file that cannot hold the voxels it promises; of a packed file only reading tells."""
    if not shape or min(shape) < 1:
        raise CorruptFileError(f"{path.name} has no voxels: its shape is {shape}", file=str(path))
    if path.name.lower().endswith(".nii"):
        needed = int(header.get_data_offset()) + int(np.prod(shape)) * header.get_data_dtype().itemsize
        if (size := path.stat().st_size) < needed:
            what = f"{path.name} is truncated: it has {size:,} bytes and needs {needed:,}"
            raise CorruptFileError(what, file=str(path))


def _coded(image: Any, form: str) -> Affine | None:
    """Return the sform or qform of an image if its code says that it means something."""
    if not hasattr(image, f"get_{form}"):
        return None
    matrix = getattr(image, f"get_{form}")(coded=True)[0]
    return None if matrix is None else np.asarray(matrix, np.float64)


def _conflict_mm(sform: Affine | None, qform: Affine | None, shape: tuple[int, ...]) -> float:
    if sform is None or qform is None:
        return 0.0
    size = (*shape[:3], 1, 1, 1)[:3]
    try:
        return Geometry.of(sform, size).displacement_mm(Geometry.of(qform, size))
    except EisenError:
        return 0.0  # the affine itself is looked at elsewhere


def _of_itk(path: Path, _: Study) -> Header:
    import SimpleITK

    from eisen.datasets.doctor.facts import Header

    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    size, channels = reader.GetSize(), reader.GetNumberOfComponents()
    dtype = _numpy_type(SimpleITK.GetPixelIDValueAsString(reader.GetPixelID()))
    if len(size) < 3:
        return Header("itk", tuple(int(n) for n in size), channels, dtype)
    extra = int(np.prod(size[3:], dtype=int))
    affine = itk_geometry(reader, str(path)).affine
    return Header("itk", tuple(int(n) for n in size[:3]), channels * extra, dtype, affine)


def _numpy_type(words: str) -> str:
    """Return the NumPy name of a pixel type of ITK, e.g. ``"vector of 16-bit signed integer"``."""
    words = words.replace("vector of ", "")
    if "float" in words:
        return "float64" if words.startswith("64") else "float32"
    base = next((name for bits, name in _ITK_TYPES.items() if words.startswith(bits)), words)
    return f"u{base}" if "unsigned" in words else base


def _of_picture(path: Path, _: Study) -> Header:
    from PIL import Image

    from eisen.datasets.doctor.facts import Header

    with Image.open(path) as image:
        mode = {"1": "bool", "I": "int32", "F": "float32", "I;16": "uint16", "I;16B": "uint16"}.get(image.mode, "uint8")
        return Header("picture", image.size, len(image.getbands()), mode)


def _of_dicom(path: Path, study: Study) -> Header:
    from eisen.datasets.doctor.series import header_of_series

    return header_of_series(path, study)
