"""Writing volumes in the formats of ITK: MetaImage, NRRD, NIfTI."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError, ArtifactError, DataError, GeometryError
from eisen._core.types import DataPoint, Geometry, meta_field
from eisen.io.itk import itk_geometry
from eisen.io.naming import FileWriter, checked_suffix
from eisen.io.staging import staged

__all__ = ["WriteITKToFile", "write_itk"]

_SUFFIXES = (".mha", ".mhd", ".nrrd", ".nii.gz", ".nii")


class WriteITKToFile(FileWriter):
    """Write volumes in a format of ITK; the data point itself stays as it is.

    The file of field `f` is called ``<filename_prefix>_<f>.mha``, or ``<filename_prefix>_<f>_<name>.mha`` when a field
    with a name is given. A file appears only when it is complete.

    Args:
        fields: Names of the fields that hold SimpleITK images, or arrays with their geometry in ``<field>_meta``.
        name_fields: One field per entry of `fields` whose value ends the file name. None: no such ending.
        filename_prefix: What all file names begin with, folders included.
        file_format: ``"mha"``, ``"mhd"`` (a header and a file of voxels), ``"nrrd"``, ``"nii.gz"`` or ``"nii"``.
        compress: Pack the voxels. ``"nii.gz"`` always does, ``"nii"`` never.

    Raises:
        ArtifactError: If a file cannot be written.
        GeometryError: If an array has no geometry, or axes that are not at right angles.

    Example:
        >>> import SimpleITK, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> image = SimpleITK.Image(4, 5, 6, SimpleITK.sitkInt16)
        >>> _ = WriteITKToFile(["ct"], filename_prefix=f"{folder}/out", file_format="nrrd")({"ct": image})
        >>> [path.name for path in Path(folder).iterdir()]
        ['out_ct.nrrd']
    """

    def __init__(
        self,
        fields: Sequence[str],
        name_fields: Sequence[str] | None = None,
        filename_prefix: str = "./",
        *,
        file_format: str = "mha",
        compress: bool = True,
    ) -> None:
        if f".{file_format}" not in _SUFFIXES:
            choices = ", ".join(repr(suffix[1:]) for suffix in _SUFFIXES)
            raise ArgumentError(f"WriteITKToFile: file_format is {file_format!r}", expected=f"one of: {choices}")
        super().__init__(fields, name_fields, filename_prefix, f".{file_format}")
        self.file_format = file_format
        self.compress = compress

    def write(self, path: Path, value: Any, field: str, data: DataPoint) -> None:
        """Write the volume of one field."""
        grid = data.get(meta_field(field))
        write_itk(path, value, grid if isinstance(grid, Geometry) else None, compress=self.compress)


def write_itk(
    path: str | os.PathLike[str], image: Any, geometry: Geometry | None = None, *, compress: bool = True
) -> None:
    """Write a volume in a format of ITK, pixel type as it is.

    Args:
        path: Where to, ending in ``.mha``, ``.mhd`` (with the voxels in ``.raw`` or ``.zraw`` beside it), ``.nrrd``,
            ``.nii.gz`` or ``.nii``.
        image: A SimpleITK image, which knows its place itself; or an array with the axes of the geometry, preceded by
            one axis of channels or none.
        geometry: Where the voxels of the array are. Must be None for a SimpleITK image.
        compress: Pack the voxels. ``.nii.gz`` always does, ``.nii`` never.

    Raises:
        ArgumentError: If the name has another ending, or ITK has no such pixel type.
        GeometryError: If the geometry is missing, of another shape, or has axes that are not at right angles.
        ArtifactError: If the file cannot be written.

    Example:
        >>> import tempfile
        >>> grid = Geometry.of(np.diag([1.0, 1.0, 2.0, 1.0]), (4, 5, 6))
        >>> write_itk(f"{tempfile.mkdtemp()}/label.mha", np.zeros((4, 5, 6), "uint8"), grid)
    """
    import SimpleITK

    target = Path(path)
    suffix = checked_suffix(target.name, _SUFFIXES, "write_itk")
    volume = image if isinstance(image, SimpleITK.Image) else _as_itk(image, geometry)
    _check_angles(volume, target)
    with staged(target) as place:
        try:
            SimpleITK.WriteImage(
                volume, str(place), useCompression=suffix == ".nii.gz" or (compress and suffix != ".nii")
            )
        except RuntimeError as error:
            reason = str(error).strip().splitlines()[-1]
            raise ArtifactError(
                f"{target} could not be written: {reason}",
                to_do="check the space on the disk and the permissions of the folder",
                file=str(target),
            ) from error


def _as_itk(array: Any, geometry: Geometry | None) -> Any:
    """Return an array as a SimpleITK image: (x, y, z) or (channel, x, y, z)."""
    import SimpleITK

    from eisen.io.itk_nifti import place

    values = np.asarray(array.detach().cpu() if hasattr(array, "detach") else array)
    if geometry is None:
        raise GeometryError(
            "write_itk: an array does not know where its voxels are",
            expected="a Geometry record, in <field>_meta or as an argument",
            to_do="keep the record that the reader wrote, or make one with Geometry.of(affine, shape)",
        )
    if values.ndim not in (3, 4) or values.shape[-3:] != geometry.shape:
        raise GeometryError(
            f"write_itk: the array has shape {values.shape}, its geometry {geometry.shape}",
            expected="the shape of the geometry, preceded by one axis of channels or none",
            to_do="pass the geometry of this array",
        )
    stored = values.astype(np.uint8) if values.dtype == bool else values
    if stored.dtype.kind not in "iuf" or stored.dtype.itemsize > 8 or stored.dtype == np.float16:
        raise ArgumentError(
            f"write_itk: ITK has no pixel type for {values.dtype}",
            expected="whole numbers of 8 to 64 bits, float32 or float64",
        )
    channels_last = np.moveaxis(stored, 0, -1) if stored.ndim == 4 else stored
    order = (2, 1, 0, 3)[: stored.ndim]
    contiguous = np.ascontiguousarray(channels_last.transpose(order), stored.dtype.newbyteorder("="))
    image = SimpleITK.GetImageFromArray(contiguous, isVector=stored.ndim == 4)
    place(image, geometry.affine)
    return image


def _check_angles(image: Any, target: Path) -> None:
    """NIfTI made by ITK would silently be turned to right angles, and the other formats be refused by many programs."""
    if not hasattr(image, "GetDirection"):
        raise DataError(f"write_itk: {type(image).__name__} is not an image of SimpleITK", file=str(target))
    if image.GetDimension() >= 3:
        from eisen.io.itk_nifti import check_right_angles

        check_right_angles(itk_geometry(image, target.name), "write it with write_nifti, which keeps any affine")
