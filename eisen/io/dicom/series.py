"""Reading a DICOM series as a volume."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from eisen._core.errors import ArgumentError, GeometryError
from eisen._core.fields import FieldStep
from eisen._core.types import DataPoint, meta_field
from eisen.io.dicom.find import planes_of
from eisen.io.dicom.grouping import stacks_of
from eisen.io.dicom.pixels import voxels_of
from eisen.io.dicom.refusal import chosen, refusal
from eisen.io.dicom.stacks import SHEAR_DEGREES, Stack

if TYPE_CHECKING:
    import nibabel

__all__ = ["LoadDICOMSeries", "read_dicom_series"]

_SAME_GRID_MM = 0.1


class LoadDICOMSeries(FieldStep):
    """Read DICOM series as volumes: replace folder names by images that know where their voxels are.

    The result is the same kind of image that `LoadNiftiFromFilename` gives, with the same entries beside it
    (``f_affines``, ``f_orientations``, ``f_meta``), so every transform for NIfTI images works on it. The axes of the
    voxels are (column, row, slice); slices are in order of their position along the normal, whatever the files
    are called and however they are numbered. Values are rescaled (CT: Hounsfield units, int16), see
    `read_dicom_series`.

    A folder whose images are not one volume is refused, with the names of the files: a scout among the slices, a gap,
    two slices at one position, several series, b-values or echoes. `split` says what to do instead. Position,
    orientation and spacing come from the files alone; where they are missing, that is an error. A gantry tilt stays in
    the affine as a shear and is warned about, with its angle.

    Args:
        fields: Names of the fields that hold the name of a folder, of one file (its series is read), or the list of
            the files.
        data_dir: Folder that the names are relative to. A name that is absolute ignores it.
        canonical: Reorder and flip the axes so that they point right, anterior, superior as nearly as possible.
        split: What to do with a folder that holds several volumes. None: refuse. "largest": take the one with most
            slices. "channels": stack them along a fourth axis, named in the text ``f_channels``; they must lie on one
            grid (`NiftiToNumpy` with ``multichannel=True`` moves the axis to the front). Any other text: the name of
            the volume as the refusal lists it, e.g. ``"b=800"``.

    Raises:
        GeometryError: If the files are not one volume, or do not say where they are.
        MissingFileError: If the folder or a file is not there, or no image is in it.
        CorruptFileError: If a file is truncated or damaged.
        MissingExtraError: If the files are compressed and the decoder (extra ``dicom``) is not installed.

    Source: DICOM PS3.3, C.7.6.2 (image plane), C.7.6.16 (multi-frame), C.11.1 (modality LUT).

    Example:
        >>> import tempfile
        >>> from eisen.io import write_dicom_series
        >>> folder = tempfile.mkdtemp()
        >>> _ = write_dicom_series(folder, np.full((4, 5, 6), -1000), np.diag([-1.0, -1.0, 2.5, 1.0]), modality="CT")
        >>> data = LoadDICOMSeries(["image"], folder)({"image": "."})
        >>> data["image"].shape, data["image"].get_data_dtype().name, data["image_meta"].spacing
        ((4, 5, 6), 'int16', (1.0, 1.0, 2.5))
    """

    def __init__(
        self,
        fields: Sequence[str],
        data_dir: str | os.PathLike[str],
        canonical: bool = False,
        *,
        split: str | None = None,
    ) -> None:
        super().__init__(fields)
        if not isinstance(data_dir, (str, os.PathLike)):
            raise ArgumentError(f"LoadDICOMSeries: data_dir is {data_dir!r}", expected="a folder, as text or a path")
        self.data_dir, self.canonical, self.split = data_dir, canonical, checked_split(split)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Return the volume of one field and what is known about its grid."""
        import nibabel

        stacks = chosen(stacks_of(planes_of(data[field], self.data_dir)), self.split)
        geometry, image = stacks[0].geometry, _image(stacks)
        _warn_about_shear(stacks[0])
        entries: DataPoint = {meta_field(field): geometry}
        if self.canonical:
            image = nibabel.as_closest_canonical(image)
            entries[meta_field(field)] = geometry.moved(image.affine, image.shape[:3], "closest canonical")
        if self.split == "channels":
            entries[f"{field}_channels"] = "; ".join(stack.name for stack in stacks)
        affine = np.array(image.affine)
        orientations = nibabel.aff2axcodes(affine)
        return {field: image, f"{field}_affines": affine, f"{field}_orientations": orientations, **entries}


def read_dicom_series(
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]], *, split: str | None = None
) -> nibabel.Nifti1Image:
    """Read a DICOM series as one volume.

    Whole numbers stay whole: uint8 where the file has 8 bits and no slope, else int16 where all values fit (CT), else
    int32. What is rescaled by a fraction becomes float32 (PET; slope and intercept are those of each slice). Colours
    are a last axis of length 3.

    Args:
        source: A folder, one file of the series, or the list of its files.
        split: What to do when there are several volumes, see `LoadDICOMSeries`.

    Returns:
        A nibabel image: axes (column, row, slice), affine in RAS+ mm.

    Raises:
        GeometryError: If the files are not one volume, or do not say where they are.
        MissingFileError: If the folder or a file is not there, or no image is in it.
        CorruptFileError: If a file is truncated or damaged.

    Example:
        >>> import tempfile
        >>> from eisen.io import write_dicom_series
        >>> files = write_dicom_series(tempfile.mkdtemp(), np.ones((4, 5, 6), "int16"), np.diag([-1.0, -1, 2, 1]))
        >>> read_dicom_series(files[::-1]).affine.diagonal()
        array([-1., -1.,  2.,  1.])
    """
    stacks = chosen(stacks_of(planes_of(source)), checked_split(split))
    _warn_about_shear(stacks[0])
    return _image(stacks)


def checked_split(split: Any) -> str | None:
    """Return the argument if it can be one."""
    if split is None or (isinstance(split, str) and split):
        return split
    raise ArgumentError(
        f"LoadDICOMSeries: split is {split!r}",
        expected="None, 'largest', 'channels', or the name of a volume as the refusal lists it, e.g. 'b=800'",
    )


def _image(stacks: Sequence[Stack]) -> nibabel.Nifti1Image:
    """Return one stack as an image, or several as its fourth axis."""
    import nibabel

    grids = [stack.geometry for stack in stacks]
    for grid in grids:
        if grid.shape != grids[0].shape or grid.displacement_mm(grids[0]) > _SAME_GRID_MM:
            why = "the volumes cannot be channels of one image: they are not on one grid"
            raise refusal(stacks, why)
    volumes = [voxels_of(stack.planes) for stack in stacks]
    if len(volumes) > 1 and volumes[0].ndim > 3:
        raise GeometryError("volumes in colour cannot be channels of one image", file=stacks[0].source)
    voxels = volumes[0] if len(volumes) == 1 else np.stack(volumes, axis=-1)
    image = nibabel.Nifti1Image(voxels, grids[0].affine)
    image.set_sform(grids[0].affine, code="scanner")
    image.set_qform(grids[0].affine, code="scanner")
    image.header.set_xyzt_units("mm")
    return image


def _warn_about_shear(stack: Stack) -> None:
    if stack.shear_degrees > SHEAR_DEGREES:
        warnings.warn(
            f"the slices in {stack.source} are sheared by {stack.shear_degrees:.1f} degrees (gantry tilt); the affine "
            "keeps the shear, programs that know right angles only will show the volume distorted",
            stacklevel=2,
        )
