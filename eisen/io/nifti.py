"""Reading NIfTI volumes: the image, and where its voxels are in the body."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from eisen._core.types import DataPoint, Geometry, meta_field
from eisen.io.paths import FileReader, existing_file

if TYPE_CHECKING:
    from nibabel.spatialimages import SpatialImage

__all__ = ["LoadNiftiFromFilename", "geometry_of", "read_nifti"]


class LoadNiftiFromFilename(FileReader):
    """Read NIfTI volumes: replace file names by images that know where their voxels are.

    The whole file is decoded and its checksum verified, so a damaged file is found here and nowhere later. Voxel
    values are those nibabel gives, bit for bit. The affine comes from the sform if it is coded, else from the
    qform if it is coded, else from the voxel size alone (nibabel's rule); a header that counts in metres or micrometres
    is converted to mm.

    Beside each field `f` three entries are written: ``f_affines`` (4 x 4, voxel index to RAS+ mm), ``f_orientations``
    (three letters, e.g. ``('R', 'A', 'S')``) and ``f_meta``, the `Geometry` record that spatial transforms keep up
    to date (volumes of three or more axes; the first three count).

    Args:
        fields: Names of the fields that hold file names (``.nii`` or ``.nii.gz``).
        data_dir: Folder that the file names are relative to. A file name that is absolute ignores it.
        canonical: Reorder and flip the axes so that they point right, anterior, superior as nearly as possible.
            No voxel is interpolated. The record still knows the grid of the file.

    Raises:
        MissingFileError: If a file is not there.
        CorruptFileError: If a file is truncated, fails its checksum, or is not a NIfTI file.
        GeometryError: If the affine of a file does not span space.

    Source: The NIfTI-1 data format, https://nifti.nimh.nih.gov/nifti-1.

    Example:
        >>> import tempfile
        >>> from eisen.io import write_nifti
        >>> folder = tempfile.mkdtemp()
        >>> write_nifti(f"{folder}/brain.nii.gz", np.ones((4, 5, 6), "int16"), np.diag([1.0, 1.0, 2.0, 1.0]))
        >>> data = LoadNiftiFromFilename(["image"], folder)({"image": "brain.nii.gz"})
        >>> data["image"].shape, data["image_orientations"], data["image_meta"].spacing
        ((4, 5, 6), ('R', 'A', 'S'), (1.0, 1.0, 2.0))
    """

    def __init__(self, fields: Sequence[str], data_dir: str | os.PathLike[str], canonical: bool = False) -> None:
        super().__init__(fields, data_dir)
        self.canonical = canonical

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Return the image of one field and what is known about its grid."""
        import nibabel

        path = self.path_of(field, data[field])
        image = read_nifti(path)
        entries: DataPoint = {}
        if image.ndim >= 3:
            entries[meta_field(field)] = geometry = geometry_of(image, str(path))
        if self.canonical:
            image = nibabel.as_closest_canonical(image)
            if image.ndim >= 3:
                entries[meta_field(field)] = geometry.moved(image.affine, image.shape[:3], "closest canonical")
        affine = np.array(image.affine)
        return {
            field: image,
            f"{field}_affines": affine,
            f"{field}_orientations": _axis_codes(affine[:3, :3].tobytes()),
            **entries,
        }


@lru_cache(maxsize=1024)
def _axis_codes(axes: bytes) -> tuple[str | None, ...]:
    """Return the three letters of an affine, whose three axes are given as bytes; those of most cases are alike."""
    import nibabel

    affine = np.eye(4)
    affine[:3, :3] = np.frombuffer(axes).reshape(3, 3)
    return tuple(nibabel.aff2axcodes(affine))


def read_nifti(path: str | os.PathLike[str]) -> SpatialImage:
    """Read one NIfTI volume completely, and verify it on the way.

    Args:
        path: The file, ``.nii`` or ``.nii.gz`` (``.hdr``/``.img`` pairs and ``.mgz`` are left to nibabel).

    Returns:
        A nibabel image whose voxels are in memory; scaling of the header is applied when they are asked for.

    Raises:
        MissingFileError: If the file is not there.
        CorruptFileError: If it is truncated, fails its checksum, or is not a NIfTI file.

    Example:
        >>> import tempfile
        >>> from eisen.io import write_nifti
        >>> path = f"{tempfile.mkdtemp()}/label.nii.gz"
        >>> write_nifti(path, np.ones((4, 5, 6), "uint8"), np.eye(4))
        >>> int(np.asanyarray(read_nifti(path).dataobj).sum())
        120
    """
    from eisen.io.decode import decode

    return decode(existing_file(Path(path)))


def geometry_of(image: SpatialImage, source: str = "") -> Geometry:
    """Return where the voxels of an image are in the body.

    Args:
        image: A nibabel image. Of more than three axes the first three are spatial; missing ones are one voxel thick.
        source: The file it came from, for error messages.

    Raises:
        GeometryError: If the affine does not span space.

    Example:
        >>> import nibabel
        >>> geometry_of(nibabel.Nifti1Image(np.zeros((4, 5, 6, 2), "uint8"), np.eye(4))).shape
        (4, 5, 6)
    """
    shape = (*image.shape[:3], 1, 1, 1)[:3]
    return Geometry.of(image.affine, shape, source)
