"""Writing predictions to files, each on the grid of its input."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.errors import GeometryError
from eisen._core.types import Array, Geometry
from eisen.experiments.prediction.places import Place, Volume

__all__ = ["write_channels", "write_labels"]

_TOLERANCE_MM = 1e-3
_NO_DICOM = (".nii", ".nii.gz", ".mha", ".mhd", ".nrrd", ".npy", ".npz", ".h5", ".hdf5")


def write_labels(folder: Path, name: str, labels: Array, place: Place, names: Mapping[int, str] | None = None) -> Path:
    """Write a label map, a volume in the format of its place or a PNG for a picture, and return its path.

    Args:
        folder: Where to.
        name: Of the file, without ending.
        labels: On the grid of the file that was read.
        place: Where that is.
        names: Names of the label values, for formats that keep them.

    Raises:
        GeometryError: If what was written is not where its input is; it is not kept.
    """
    path = folder / f"{name}{place.suffix}"
    if isinstance(place, Volume):
        return _write_volume(path, labels, place, names)
    from eisen.io import write_image

    write_image(path, labels)
    return path


def write_channels(folder: Path, name: str, values: Array, place: Place) -> Path:
    """Write channels (C, ...) of numbers: a volume with the channels last, or .npy for a picture.

    A single channel has no channel axis.

    Raises:
        GeometryError: If what was written is not where its input is; it is not kept.
    """
    path = folder / f"{name}{place.float_suffix}"
    values = values.astype(np.float32, copy=False)
    if isinstance(place, Volume):
        return _write_volume(path, values[0] if len(values) == 1 else values, place)
    from eisen.io import write_numpy

    write_numpy(path, values[0] if len(values) == 1 else values)
    return path


def _write_volume(path: Path, voxels: Array, place: Volume, names: Mapping[int, str] | None = None) -> Path:
    geometry = place.geometry
    if place.file_format == "dcm":
        return _write_segmentation(path, voxels, geometry, names)
    if place.file_format in ("mha", "nrrd"):
        from eisen.io import write_itk

        write_itk(path, voxels, geometry.native)
    else:
        from eisen.io import write_nifti

        write_nifti(path, voxels if voxels.ndim == 3 else np.moveaxis(voxels, 0, -1), geometry.native_affine)
    try:
        _demand_same_grid(path, geometry)
    except GeometryError:
        path.unlink()
        raise
    return path


def _write_segmentation(path: Path, labels: Array, geometry: Geometry, names: Mapping[int, str] | None) -> Path:
    """Write a DICOM segmentation, which is compared voxel by voxel with its series before it gets its name."""
    from eisen.io import write_dicom_seg

    source = Path(geometry.source)
    if not geometry.source or not source.exists() or source.name.lower().endswith(_NO_DICOM):
        raise GeometryError(
            "a DICOM segmentation belongs to a DICOM series, and the input was none",
            expected="cases that were read with LoadDICOMSeries",
            to_do="choose another --format, e.g. nii.gz",
            file=geometry.source,
        )
    found = [int(value) for value in np.unique(labels) if value]
    known = {int(value): name for value, name in (names or {}).items() if int(value) != 0}
    write_dicom_seg(path, labels, geometry.native, source, {v: f"label {v}" for v in found} | known)
    return path


def _demand_same_grid(path: Path, geometry: Geometry) -> None:
    """Read the headers of result and input again: they must be the same grid."""
    written = _header(path)
    source = Path(geometry.source)
    is_nifti = source.name.endswith((".nii", ".nii.gz")) and source.is_file()
    wanted = _header(source) if is_nifti else geometry.native
    gap = written.displacement_mm(wanted) if written.shape == wanted.shape else math.inf
    if gap > _TOLERANCE_MM + 1e-5 * float(np.abs(wanted.corners()).max()):
        raise GeometryError(
            f"the prediction would have been {gap:.4g} mm away from its input, so it was not kept",
            expected=f"shape {wanted.shape}, spacing {wanted.spacing} of the input; got {written.shape}",
            to_do="this is a fault of eisen or of a transform that writes a wrong geometry; please report it",
            file=str(path),
        )


def _header(path: Path) -> Geometry:
    if path.name.endswith((".mha", ".nrrd")):
        return _itk_header(path)
    import nibabel

    image: Any = nibabel.load(path)
    return Geometry.of(image.affine, image.shape[:3])


def _itk_header(path: Path) -> Geometry:
    import SimpleITK

    reader = SimpleITK.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    turn = np.array(reader.GetDirection()).reshape(3, 3)
    affine = np.eye(4)
    affine[:3, :3] = turn * np.array(reader.GetSpacing())
    affine[:3, 3] = reader.GetOrigin()
    to_ras = np.diag([-1.0, -1.0, 1.0, 1.0])  # ITK counts towards left and posterior
    return Geometry.of(to_ras @ affine, reader.GetSize())
