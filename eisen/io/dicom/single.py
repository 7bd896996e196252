"""Reading single DICOM files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eisen._core.types import DataPoint, meta_field
from eisen.io.dicom.headers import read_planes
from eisen.io.dicom.opening import check_is_dicom, corrupt, explained, quiet
from eisen.io.dicom.pixels import decoded
from eisen.io.dicom.stacks import Stack
from eisen.io.paths import FileReader

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

__all__ = ["LoadDICOMFromFilename"]


class LoadDICOMFromFilename(FileReader):
    """Read single DICOM files (a radiograph, one slice, an ultrasound clip): replace file names by pydicom data sets.

    The pixels of field `f` are put beside it as the array ``f_pixel_array``, in the type and order of the file: (row,
    column), with frames first and colours last where there are any. Slope and intercept are not applied. Where the
    file says position, orientation and spacing, ``f_meta`` is the `Geometry` of its images in the order (column, row,
    slice), the transpose of the array's. Use `LoadDICOMSeries` to read the slices of a scan as a volume.

    Args:
        fields: Names of the fields that hold file names.
        data_dir: Folder that the file names are relative to. A file name that is absolute ignores it.
        store_data_array: Write ``f_pixel_array``. False leaves the pixels packed in the data set.

    Raises:
        MissingFileError: If a file is not there.
        CorruptFileError: If a file is truncated, damaged or not DICOM.
        MissingExtraError: If it is compressed and the decoder (extra ``dicom``) is not installed.

    Source: pydicom, https://pydicom.github.io.

    Example:
        >>> import tempfile, numpy as np
        >>> from eisen.io import write_dicom_series
        >>> folder = tempfile.mkdtemp()
        >>> files = write_dicom_series(folder, np.zeros((4, 5, 6), "int16"), np.diag([-1.0, -1.0, 2.5, 1.0]))
        >>> data = LoadDICOMFromFilename(["slice"], folder)({"slice": files[0]})
        >>> data["slice"].Modality, data["slice_pixel_array"].shape, data["slice_meta"].shape
        ('CT', (5, 4), (4, 5, 1))
    """

    def __init__(self, fields: Sequence[str], data_dir: str | os.PathLike[str], store_data_array: bool = True) -> None:
        super().__init__(fields, data_dir)
        self.store_data_array = store_data_array

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Return the data set of one field, its pixels, and where they are."""
        path = self.path_of(field, data[field])
        content = _read(path)
        entries: DataPoint = {field: content}
        if self.store_data_array and _has_pixels(content):
            entries[f"{field}_pixel_array"] = decoded(path, content)
        planes = tuple(read_planes(path)) if "Rows" in content else ()
        if planes and not any(plane.lacks for plane in planes) and not Stack(planes).problem:
            entries[meta_field(field)] = Stack(planes).geometry
        return entries


def _read(path: Path) -> FileDataset:
    import pydicom

    check_is_dicom(path)
    with quiet(), explained(path):
        content = pydicom.dcmread(path)
    if not len(content):
        raise corrupt(path, f"{path.name} is truncated: nothing follows its first bytes")
    return content


def _has_pixels(content: FileDataset) -> bool:
    return any(name in content for name in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"))
