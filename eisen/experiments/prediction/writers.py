"""Writing predictions to files, each on the grid of its input."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.errors import GeometryError
from eisen._core.types import Array, Geometry
from eisen.experiments.prediction.places import Place, Volume

__all__ = ["write_channels", "write_labels"]

_TOLERANCE_MM = 1e-3


def write_labels(folder: Path, name: str, labels: Array, place: Place) -> Path:
    """Write a label map, NIfTI for a volume and PNG for a picture, and return its path.

    Raises:
        GeometryError: If what was written is not where its input is; it is not kept.
    """
    path = folder / f"{name}{place.suffix}"
    if isinstance(place, Volume):
        return _write_volume(path, labels, place.geometry)
    from eisen.io import write_image

    write_image(path, labels)
    return path


def write_channels(folder: Path, name: str, values: Array, place: Place) -> Path:
    """Write channels (C, ...) of numbers, NIfTI with the channels last for a volume and .npy for a picture.

    A single channel has no channel axis.

    Raises:
        GeometryError: If what was written is not where its input is; it is not kept.
    """
    path = folder / f"{name}{place.float_suffix}"
    values = values.astype(np.float32, copy=False)
    if isinstance(place, Volume):
        return _write_volume(path, values[0] if len(values) == 1 else np.moveaxis(values, 0, -1), place.geometry)
    from eisen.io import write_numpy

    write_numpy(path, values[0] if len(values) == 1 else values)
    return path


def _write_volume(path: Path, voxels: Array, geometry: Geometry) -> Path:
    from eisen.io import write_nifti

    write_nifti(path, voxels, geometry.native_affine)
    try:
        _demand_same_grid(path, geometry)
    except GeometryError:
        path.unlink()
        raise
    return path


def _demand_same_grid(path: Path, geometry: Geometry) -> None:
    """Read the headers of result and input again: they must be the same grid."""
    import nibabel

    written = _header(nibabel.load(path))
    source = Path(geometry.source)
    is_nifti = source.name.endswith((".nii", ".nii.gz")) and source.is_file()
    wanted = _header(nibabel.load(source)) if is_nifti else geometry.native
    gap = written.displacement_mm(wanted) if written.shape == wanted.shape else math.inf
    if gap > _TOLERANCE_MM + 1e-5 * float(np.abs(wanted.corners()).max()):
        raise GeometryError(
            f"the prediction would have been {gap:.4g} mm away from its input, so it was not kept",
            expected=f"shape {wanted.shape}, spacing {wanted.spacing} of the input; got {written.shape}",
            to_do="this is a fault of eisen or of a transform that writes a wrong geometry; please report it",
            file=str(path),
        )


def _header(image: Any) -> Geometry:
    return Geometry.of(image.affine, image.shape[:3])
