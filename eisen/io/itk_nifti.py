"""NIfTI files as SimpleITK images, with the voxels and the place that every other reader of eisen gives them.

ITK's own NIfTI reader gives a truncated file without complaint, reads ``x.nii`` when it is asked for ``x.nii.gz`` and
both are there, and prefers the qform where eisen and nibabel prefer the sform.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.errors import GeometryError, VoxelValueError
from eisen._core.types import Array, Geometry
from eisen.io.nifti import geometry_of, read_nifti

__all__ = ["check_right_angles", "nifti_as_itk", "place"]

_MOST_SHEAR = 0.1  # degrees: more is no rounding, less is nothing that ITK's own filters would notice
_VECTOR_INTENTS = range(1004, 1008)  # matrices and vectors, whose last axis is no axis
_MOST_AXES = 5


def nifti_as_itk(path: Path) -> Any:
    """Return a NIfTI file as a SimpleITK image of 32-bit floats.

    Args:
        path: A ``.nii`` or ``.nii.gz`` file. Exactly this file is read, completely, and verified.

    Raises:
        CorruptFileError: If it is truncated, fails its checksum, or is not a NIfTI file.
        GeometryError: If its axes are not at right angles, which ITK cannot express, or do not span space.
        VoxelValueError: If values are too large for 32-bit floats.
    """
    source = read_nifti(path)
    geometry = geometry_of(source, str(path))
    check_right_angles(geometry, f"read {path.name} with LoadNiftiFromFilename")
    image = _from_voxels(_floats(source, path)) if _is_plain(source) else _alone(path)
    place(image, geometry.affine, source.header.get_zooms()[3:])
    return image


def check_right_angles(geometry: Geometry, to_do: str) -> None:
    """Make sure that ITK can hold a grid.

    Raises:
        GeometryError: If two axes are sheared by more than 0.1 degrees; the card says by how much.
    """
    if geometry.shear_degrees > _MOST_SHEAR:
        raise GeometryError(
            f"the axes of {geometry.source or 'the image'} are sheared by {geometry.shear_degrees:.1f} degrees",
            expected="axes at right angles: ITK only supports orthonormal direction cosines",
            to_do=to_do,
            file=geometry.source,
        )


def place(image: Any, affine: Array, extra_spacing: Any = ()) -> None:
    """Put a SimpleITK image where a RAS affine says.

    Args:
        image: Of 2 to 5 dimensions, of which the first 3 are space. Changed in place.
        affine: 4 x 4, index (x, y, z) to RAS+ mm.
        extra_spacing: Steps along the dimensions after the third; 0 means unknown and becomes 1.
    """
    n = image.GetDimension()
    lps = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    spacing = np.linalg.norm(lps[:3, :3], axis=0)
    m = min(n, 3)
    direction = np.eye(n)
    direction[:m, :m] = (lps[:3, :3] / spacing)[:m, :m]
    steps = [float(step) or 1.0 for step in extra_spacing][: n - 3] if n > 3 else []
    image.SetSpacing([*spacing[:m], *steps])
    image.SetOrigin([*lps[:m, 3], *[0.0] * (n - m)])
    if n > 2 or abs(np.linalg.det(direction)) > 1e-6:  # a sagittal picture has no direction in two dimensions
        image.SetDirection(direction.ravel())


def _is_plain(source: Any) -> bool:
    """Tell whether the file holds one real number per voxel."""
    intent = int(source.header["intent_code"])
    return source.get_data_dtype().kind in "iuf" and intent not in _VECTOR_INTENTS and source.ndim <= _MOST_AXES


def _floats(source: Any, path: Path) -> Array:
    try:
        with np.errstate(over="raise"):
            return np.asarray(source.dataobj, np.float32)
    except FloatingPointError as error:
        raise VoxelValueError(
            f"values of {path.name} are too large for 32-bit floats",
            expected="values up to 3.4e38",
            to_do="repair the scale of the header (scl_slope, scl_inter), or read it with LoadNiftiFromFilename",
            file=str(path),
        ) from error


def _from_voxels(voxels: Array) -> Any:
    import SimpleITK

    while voxels.ndim > 3 and voxels.shape[-1] == 1:
        voxels = voxels[..., 0]
    if voxels.ndim == 1:
        voxels = voxels[:, None]
    return SimpleITK.GetImageFromArray(voxels.T, isVector=False)


def _alone(path: Path) -> Any:
    """Let ITK read a file from a folder where no other file can be taken for it."""
    from eisen.io.itk import read_as_floats

    with tempfile.TemporaryDirectory(prefix="eisen-") as folder:
        only = Path(folder) / ("image.nii.gz" if path.name.lower().endswith(".gz") else "image.nii")
        try:
            only.symlink_to(path.absolute())
        except OSError:  # a system or a disk without links
            shutil.copyfile(path, only)
        return read_as_floats(only)
