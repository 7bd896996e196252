"""Writing a volume as a DICOM series."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.atomic import atomic_write
from eisen._core.errors import ArgumentError, nearest
from eisen._core.types import Array
from eisen.io.dicom.stacks import LPS_TO_RAS

__all__ = ["write_dicom_series"]

_CLASSES = {  # what a slice of each modality is called in the standard
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
}


def write_dicom_series(
    folder: str | os.PathLike[str],
    array: Any,
    affine: Any,
    modality: str = "CT",
    *,
    attributes: Mapping[str, Any] | None = None,
) -> list[str]:
    """Write a volume as a DICOM series, one file per slice along the last axis.

    Whole numbers of 16 bits are stored as they are. Other values are stored in 16 bits with a slope and an intercept
    for each slice, which changes them by at most half a step, 1/131070 of the range of their slice.

    Args:
        folder: Where to; it is made if it is not there. The files are called ``000.dcm``, ``001.dcm``, ...
        array: Voxel values with the axes (column, row, slice), e.g. what a NIfTI file holds.
        affine: 4 x 4, voxel index to RAS+ mm. The first two axes must be at a right angle; the third need not.
        modality: "CT", "MR" or "PT".
        attributes: More DICOM attributes of every file by their keyword, e.g. ``{"PatientID": "7"}``; UIDs that are
            not given are new ones.

    Returns:
        The paths of the files, in the order of the slices.

    Raises:
        ArgumentError: If the array is not a volume of finite numbers, the affine does not fit DICOM, or the modality is
            another.
        ArtifactError: If a file cannot be written.

    Source: DICOM PS3.3, C.7.6.2 (image plane).

    Example:
        >>> import tempfile
        >>> files = write_dicom_series(tempfile.mkdtemp(), np.zeros((4, 5, 2)), np.diag([-1.0, -1.0, 2.5, 1.0]))
        >>> [Path(file).name for file in files]
        ['000.dcm', '001.dcm']
    """
    voxels, lps = _checked_array(np.asarray(array)), LPS_TO_RAS @ _checked_affine(affine)
    if modality not in _CLASSES:
        hint = nearest(str(modality), _CLASSES)
        raise ArgumentError(
            f"write_dicom_series: modality is {modality!r}", expected="'CT', 'MR' or 'PT'", **_to_do(hint)
        )
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    common = _common(lps, modality) | dict(attributes or {})
    paths = [target / f"{k:03d}.dcm" for k in range(voxels.shape[2])]
    for k, path in enumerate(paths):
        _write_slice(path, voxels[:, :, k].T, common, {"ImagePositionPatient": _ds(lps[:3, 3] + k * lps[:3, 2])}, k)
    return [str(path) for path in paths]


def _to_do(hint: str) -> dict[str, str]:
    return {"to_do": hint} if hint else {}


def _checked_array(array: Array) -> Array:
    if array.ndim != 3 or array.size == 0 or array.dtype.kind not in "biuf" or not np.isfinite(array).all():
        raise ArgumentError(
            f"write_dicom_series: the array is {array.shape} {array.dtype}",
            expected="three axes (column, row, slice) of finite numbers",
        )
    return array.astype(np.uint8) if array.dtype.kind == "b" else array


def _checked_affine(affine: Any) -> Array:
    matrix = np.asarray(affine, dtype=np.float64)
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:3, :3])) < 1e-12:
        raise ArgumentError("write_dicom_series: the affine does not span space", expected="4 x 4, index to RAS+ mm")
    x, y = matrix[:3, :2].T / np.linalg.norm(matrix[:3, :2], axis=0)[:, None]
    if abs(x @ y) > 1e-4:
        angle = np.degrees(np.arccos(x @ y))
        raise ArgumentError(
            f"write_dicom_series: the first two axes are at {angle:.2f} degrees to each other",
            expected="a right angle: DICOM has no other pixels than rectangles",
            to_do="resample the volume to a grid with right angles",
        )
    return matrix


def _ds(values: Any) -> list[Any]:
    from pydicom.valuerep import DSfloat

    return [DSfloat(float(value), auto_format=True) for value in values]


def _common(lps: Array, modality: str) -> dict[str, Any]:
    """Return what all files of the series have in common."""
    from pydicom.uid import generate_uid

    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    normal = np.cross(lps[:3, 0], lps[:3, 1]) / (spacing[0] * spacing[1])
    return {
        "SOPClassUID": _CLASSES[modality],
        "Modality": modality,
        "ImageType": ["DERIVED", "SECONDARY", "AXIAL"],
        "PatientName": "",
        "PatientID": "",
        "PatientBirthDate": "",
        "PatientSex": "",
        "StudyInstanceUID": generate_uid(),
        "SeriesInstanceUID": generate_uid(),
        "FrameOfReferenceUID": generate_uid(),
        "StudyDate": "",
        "StudyTime": "",
        "StudyID": "",
        "AccessionNumber": "",
        "ReferringPhysicianName": "",
        "PositionReferenceIndicator": "",
        "Manufacturer": "eisen",
        "SeriesNumber": 1,
        "ImageOrientationPatient": _ds(np.concatenate([lps[:3, 0] / spacing[0], lps[:3, 1] / spacing[1]])),
        "PixelSpacing": _ds([spacing[1], spacing[0]]),
        "SliceThickness": _ds([abs(lps[:3, 2] @ normal)])[0],
    }


def _write_slice(path: Path, pixels: Array, common: Mapping[str, Any], own: Mapping[str, Any], number: int) -> None:
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    stored, slope, intercept = _stored(pixels)
    dataset = Dataset()
    for keyword, value in {**common, **own}.items():
        setattr(dataset, keyword, value)
    dataset.SOPInstanceUID = generate_uid()
    dataset.InstanceNumber = number + 1
    dataset.Rows, dataset.Columns = stored.shape
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, int(stored.dtype == np.int16)
    dataset.RescaleSlope, dataset.RescaleIntercept = _ds([slope, intercept])
    dataset.PixelData = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    with atomic_write(path) as file:
        dataset.save_as(file, enforce_file_format=True)


def _stored(pixels: Array) -> tuple[Array, float, float]:
    """Return the pixels in 16 bits, with the slope and intercept that bring the values back."""
    low, high = float(pixels.min()), float(pixels.max())
    whole = pixels.dtype.kind in "iu" or bool((pixels == np.rint(pixels)).all())
    for kind in (np.int16, np.uint16):
        limits = np.iinfo(kind)
        if whole and limits.min <= low and high <= limits.max:
            return pixels.astype(kind), 1.0, 0.0
    # the file keeps 16 characters of each number: the pixels must be made with what it keeps
    slope, intercept = (float(str(number)) for number in _ds([max(high - low, 1e-12) / 65535, low]))
    return np.clip(np.rint((pixels - intercept) / slope), 0, 65535).astype(np.uint16), slope, intercept
