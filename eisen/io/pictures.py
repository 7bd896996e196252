"""Writing 2-D pictures whose every pixel is the value that was given."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.atomic import atomic_write
from eisen._core.errors import ArgumentError, ShapeError, VoxelValueError
from eisen._core.types import Array, DataPoint
from eisen.io.naming import FileWriter, checked_suffix

__all__ = ["WriteImageToFile", "write_image"]

_FORMATS = {".png": "PNG", ".tif": "TIFF", ".tiff": "TIFF"}
_COLOURS = {1: "grey", 3: "RGB", 4: "RGBA"}


class WriteImageToFile(FileWriter):
    """Write 2-D arrays as PNG pictures; the data point itself stays as it is.

    The file of field `f` is called ``<filename_prefix>_<f>.png``, or ``<filename_prefix>_<f>_<name>.png`` when a field
    with a name is given. Values are stored as they are, never clipped or rescaled.

    Args:
        fields: Names of the fields that hold arrays or tensors, (row, column) or (channel, row, column).
        name_fields: One field per entry of `fields` whose value ends the file name. None: no such ending.
        filename_prefix: What all file names begin with, folders included.
        file_format: ``"png"`` or ``"tif"``.

    Raises:
        VoxelValueError: If values are not whole numbers from 0 to 255 (grey: to 65535).
        ShapeError: If the array is no picture.
        ArtifactError: If a file cannot be written.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> label = np.eye(4, dtype="uint8")
        >>> _ = WriteImageToFile(["label"], filename_prefix=f"{folder}/out")({"label": label})
        >>> [path.name for path in Path(folder).iterdir()]
        ['out_label.png']
    """

    def __init__(
        self,
        fields: Sequence[str],
        name_fields: Sequence[str] | None = None,
        filename_prefix: str = "./",
        *,
        file_format: str = "png",
    ) -> None:
        if f".{file_format}" not in _FORMATS:
            raise ArgumentError(f"WriteImageToFile: file_format is {file_format!r}", expected="'png' or 'tif'")
        super().__init__(fields, name_fields, filename_prefix, f".{file_format}")
        self.file_format = file_format

    def write(self, path: Path, value: Any, field: str, data: DataPoint) -> None:  # noqa: ARG002
        """Write the picture of one field."""
        write_image(path, value)


def write_image(path: str | os.PathLike[str], array: Any) -> None:
    """Write an array as a picture with exactly these values, 8 bits per pixel, or 16 for grey values above 255.

    Args:
        path: Where to, ending in ``.png``, ``.tif`` or ``.tiff`` (JPEG would change values).
        array: (row, column) or (channel, row, column) with 1 (grey), 3 (RGB) or 4 (RGBA) channels; whole numbers of any
            type, or truth values. An array of 16-bit numbers stays one of 16 bits.

    Raises:
        ArgumentError: If the name has another ending.
        ShapeError: If the array is no picture.
        VoxelValueError: If values are not whole numbers from 0 to 255 (grey: to 65535).
        ArtifactError: If the file cannot be written.

    Example:
        >>> import tempfile
        >>> write_image(f"{tempfile.mkdtemp()}/chest.png", np.full((1, 8, 6), 1000))
    """
    from PIL import Image

    target = Path(path)
    suffix = checked_suffix(target.name, tuple(_FORMATS), "write_image")
    picture = Image.fromarray(_pixels(np.asarray(array.detach().cpu() if hasattr(array, "detach") else array)))
    with atomic_write(target) as file:
        picture.save(file, format=_FORMATS[suffix])


def _pixels(array: Array) -> Array:
    """Return (row, column) or (row, column, colour), of 8 or 16 bits."""
    channels = array.shape[0] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in _COLOURS or not array.size:
        raise ShapeError(
            f"an array of shape {array.shape} is no picture",
            expected="(row, column) or (channel, row, column) with 1, 3 or 4 channels",
            to_do="take one slice of a volume, and put the channels first",
        )
    if array.dtype == bool:
        array = array.astype(np.uint8)
    if array.dtype.kind not in "iu":
        raise VoxelValueError(
            f"values of type {array.dtype} cannot be the pixels of a picture as they are",
            expected="whole numbers, 0 to 255 or (grey) 0 to 65535",
            to_do="say how intensities become grey values: scale, round and convert to uint8 before writing",
        )
    stored = _fitting(array, 1 if channels > 1 else 2)
    return np.ascontiguousarray(np.moveaxis(stored, 0, -1) if channels > 1 else stored.reshape(stored.shape[-2:]))


def _fitting(array: Array, most_bytes: int) -> Array:
    """Return the array in the narrowest type of a picture; 16-bit numbers keep their width."""
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= 256**most_bytes:
        raise VoxelValueError(
            f"values from {low} to {high} do not fit into a picture",
            expected=f"values from 0 to {256**most_bytes - 1}",
            to_do="scale the intensities before writing; a picture never clips or rescales by itself",
        )
    wide = most_bytes == 2 and (high > 255 or array.dtype.itemsize == 2)
    return array.astype(np.uint16 if wide else np.uint8)
