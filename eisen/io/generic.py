"""Reading a file with the reader made for its format, whatever that is."""

from __future__ import annotations

import gzip
import os
import zlib
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from eisen._core.fields import FieldStep
from eisen._core.types import DataPoint
from eisen.io.members import split_member
from eisen.io.paths import FileReader

__all__ = ["LoadImageFromFilename", "format_of"]

_READERS = {
    "nifti": ("eisen.io.nifti", "LoadNiftiFromFilename"),
    "itk": ("eisen.io.itk", "LoadITKFromFilename"),
    "dicom": ("eisen.io.dicom.single", "LoadDICOMFromFilename"),
    "dicom series": ("eisen.io.dicom.series", "LoadDICOMSeries"),
    "picture": ("eisen.io.pil", "LoadPILImageFromFilename"),
    "numpy": ("eisen.io.arrays", "LoadNumpyFromFilename"),
    "hdf5": ("eisen.io.hdf5", "LoadHDF5FromFilename"),
}
_TURNING = ("nifti", "dicom series")

_BEGINNINGS: tuple[tuple[int, bytes, str], ...] = (  # where in the file, what is there, what the file is then
    (344, b"n+1\0", "nifti"),
    (4, b"n+2\0", "nifti"),
    (128, b"DICM", "dicom"),
    (0, b"\x93NUMPY", "numpy"),
    (0, b"\x89HDF\r\n\x1a\n", "hdf5"),
    (0, b"NRRD", "itk"),
    (0, b"ObjectType", "itk"),
    (0, b"\x89PNG", "picture"),
    (0, b"\xff\xd8\xff", "picture"),
    (0, b"II*\0", "picture"),
    (0, b"MM\0*", "picture"),
    (0, b"GIF8", "picture"),
    (0, b"BM", "picture"),
)
_SUFFIXES = {
    **dict.fromkeys((".nii", ".nii.gz", ".hdr", ".img", ".img.gz", ".hdr.gz", ".mgz", ".mgh"), "nifti"),
    **dict.fromkeys((".dcm", ".dicom", ".ima"), "dicom"),
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".pgm", ".ppm"), "picture"),
    **dict.fromkeys((".npy", ".npz"), "numpy"),
    **dict.fromkeys((".h5", ".hdf5", ".hdf", ".he5"), "hdf5"),
}


class LoadImageFromFilename(FileReader):
    """Read images of any format that eisen reads: replace file names by what the reader for that format gives.

    The content of a file decides, then its suffix. A folder, or a list of files, is read as a DICOM series. For the
    options of a single format use its own reader.

    Args:
        fields: Names of the fields that hold file names.
        data_dir: Folder that the file names are relative to. A file name that is absolute ignores it.
        canonical: Reorder and flip the axes of NIfTI volumes and DICOM series so that they point right, anterior,
            superior as nearly as possible.

    Raises:
        MissingFileError: If a file is not there.
        CorruptFileError: If a file is damaged, or of no known format.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from eisen.io import write_image, write_nifti
        >>> folder = tempfile.mkdtemp()
        >>> write_nifti(f"{folder}/brain.nii.gz", np.ones((4, 5, 6), "int16"), np.eye(4))
        >>> write_image(f"{folder}/chest.png", np.ones((8, 6), "uint8"))
        >>> data = LoadImageFromFilename(["mr", "xray"], folder)({"mr": "brain.nii.gz", "xray": "chest.png"})
        >>> type(data["mr"]).__name__, type(data["xray"]).__name__
        ('Nifti1Image', 'PngImageFile')
    """

    def __init__(self, fields: Sequence[str], data_dir: str | os.PathLike[str], canonical: bool = False) -> None:
        super().__init__(fields, data_dir)
        self.canonical = canonical

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Return what the reader made for the format of one field gives."""
        kind = self._kind(field, data)
        module, name = _READERS[kind]
        options = {"canonical": self.canonical} if kind in _TURNING else {}
        reader: FieldStep = getattr(import_module(module), name)([field], self.data_dir, **options)
        return reader.apply(field, data)

    def _kind(self, field: str, data: DataPoint) -> str:
        value = data[field]
        if isinstance(value, (list, tuple)):
            return "dicom series"
        if isinstance(value, (str, os.PathLike)):
            path = Path(self.data_dir) / value
            if path.is_dir():
                return "dicom series"
            if not path.is_file() and isinstance(value, str) and split_member(value)[1] is not None:
                value = split_member(value)[0]
        return format_of(self.path_of(field, value))


def format_of(path: Path) -> str:
    """Return what kind of file this is: ``"nifti"``, ``"dicom"``, ``"picture"``, ``"numpy"``, ``"hdf5"`` or ``"itk"``.

    What the file begins with decides (inside gzip too), then its suffix; ITK gets the rest, as it knows most formats.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "scan.nii"
        >>> _ = path.write_bytes(bytes.fromhex("89504e470d0a1a0a"))  # a PNG with a wrong name
        >>> format_of(path)
        'picture'
    """
    start = _beginning(path)
    for place, mark, kind in _BEGINNINGS:
        if start[place : place + len(mark)] == mark:
            return kind
    name = path.name.lower()
    known = (kind for suffix, kind in sorted(_SUFFIXES.items(), key=lambda s: -len(s[0])) if name.endswith(suffix))
    return next(known, "itk")


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(2)
        file.seek(0)
        if start != b"\x1f\x8b":
            return file.read(352)
        try:
            with gzip.GzipFile(fileobj=file) as unpacked:
                return unpacked.read(352)
        except (OSError, EOFError, zlib.error):
            return start
