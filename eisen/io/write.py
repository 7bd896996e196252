"""Writing NIfTI volumes: complete or not at all, and the same bytes for the same volume."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.errors import ArgumentError, DataError
from eisen._core.types import Array, DataPoint
from eisen.io.encode import encode
from eisen.io.naming import FileWriter, checked_suffix

__all__ = ["WriteNiftiToFile", "nifti_of", "write_nifti"]

_SUFFIXES = (".nii.gz", ".nii")


class WriteNiftiToFile(FileWriter):
    """Write the NIfTI images of a data point to files; the data point itself stays as it is.

    The file of field `f` is called ``<filename_prefix>_<f>.nii.gz``, or ``<filename_prefix>_<f>_<name>.nii.gz`` when
    a field with a name is given. A file appears only when it is complete.

    Args:
        fields: Names of the fields that hold nibabel images (`NumpyToNifti` makes them from arrays).
        name_fields: One field per entry of `fields` whose value ends the file name, e.g. a patient number. Of a
            value that is a path, the last part counts, without ``.nii.gz``. None: no such ending.
        filename_prefix: What all file names begin with, folders included.

    Raises:
        ArtifactError: If a file cannot be written.

    Example:
        >>> import nibabel, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> image = nibabel.Nifti1Image(np.zeros((4, 5, 6), "uint8"), np.eye(4))
        >>> write = WriteNiftiToFile(["label"], name_fields=["case"], filename_prefix=f"{folder}/result")
        >>> _ = write({"label": image, "case": "007"})
        >>> [path.name for path in Path(folder).iterdir()]
        ['result_label_007.nii.gz']
    """

    def __init__(
        self, fields: Sequence[str], name_fields: Sequence[str] | None = None, filename_prefix: str = "./"
    ) -> None:
        super().__init__(fields, name_fields, filename_prefix, ".nii.gz")

    def write(self, path: Path, value: Any, field: str, data: DataPoint) -> None:  # noqa: ARG002
        """Write the image of one field."""
        if not hasattr(value, "to_bytes") or not hasattr(value, "affine"):
            raise DataError(
                f"the field '{field}' holds {type(value).__name__}, not a NIfTI image",
                expected="a nibabel image",
                to_do="put NumpyToNifti before WriteNiftiToFile",
            )
        encode(value, path)


def write_nifti(path: str | os.PathLike[str], array: Any, affine: Any, dtype: npt.DTypeLike | None = None) -> None:
    """Write an array as a NIfTI volume that every viewer shows in the same place.

    The affine is stored as sform and as qform, the unit is mm. The same input gives the same bytes.

    Args:
        path: Where to, ending in ``.nii.gz`` or ``.nii``.
        array: Voxel values, axes in the order of the affine's columns.
        affine: 4 x 4, voxel index to RAS+ mm.
        dtype: Type of the voxels in the file; floats are rounded when it is an integer type. None keeps the type of
            the array (bool becomes uint8, 64-bit integers int32, float16 float32, which every program can read).

    Raises:
        ArgumentError: If the name has another ending, the affine another shape, or the values do not fit the type.
        ArtifactError: If the file cannot be written.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> write_nifti(f"{folder}/label.nii.gz", np.zeros((4, 5, 6), "int64"), np.eye(4))
    """
    target = Path(path)
    checked_suffix(target.name, _SUFFIXES, "write_nifti")
    encode(nifti_of(array, affine, dtype), target)


def nifti_of(array: Any, affine: Any, dtype: npt.DTypeLike | None = None, *, exact: bool = False) -> Any:
    """Return the nibabel image that `write_nifti` writes.

    Args:
        array: See `write_nifti`.
        affine: See `write_nifti`.
        dtype: See `write_nifti`.
        exact: Keep all digits of the affine, in NIfTI-2, which fewer programs read; NIfTI-1 has 32-bit floats.

    Raises:
        ArgumentError: If the affine has another shape, or the values do not fit the type.

    Example:
        >>> nifti_of(np.zeros((4, 5, 6), "int64"), np.eye(4)).get_data_dtype().name
        'int32'
    """
    import nibabel

    matrix = np.asarray(affine, dtype=np.float64)
    if matrix.shape != (4, 4):
        raise ArgumentError(
            f"write_nifti: the affine has shape {matrix.shape}", expected="4 x 4, voxel index to RAS+ mm"
        )
    voxels = _stored(np.asarray(array), dtype)
    is_long = exact or max(voxels.shape, default=0) > 32767
    kind: Any = nibabel.Nifti2Image if is_long else nibabel.Nifti1Image
    image = kind(voxels, matrix)
    image.set_sform(matrix, code="scanner")
    image.set_qform(matrix, code="scanner")
    image.header.set_xyzt_units("mm")
    return image


def _stored(array: Array, dtype: npt.DTypeLike | None) -> Array:
    """Return the array in the type it has in the file, certain that no value changes but by rounding."""
    common = {"bool": "uint8", "int64": "int32", "uint64": "int32", "float16": "float32"}
    wanted = np.dtype(dtype if dtype is not None else common.get(array.dtype.name, array.dtype))
    if wanted == array.dtype:
        return array
    if wanted.kind in "iu" and array.dtype.kind in "iuf" and array.size:
        array = np.rint(array) if array.dtype.kind == "f" else array
        low, high, limits = array.min(), array.max(), np.iinfo(wanted)
        if not (limits.min <= low and high <= limits.max):
            raise ArgumentError(
                f"write_nifti: values from {low} to {high} do not fit into {wanted}",
                expected=f"values from {limits.min} to {limits.max}",
                to_do="choose a wider dtype",
            )
    return array.astype(wanted, copy=False)
