"""Where a prediction belongs: the grid of a volume, or the pixels of a picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError, GeometryError, ShapeError, nearest
from eisen._core.types import Array, Geometry
from eisen.transforms.functional.restore import restore_label_map, restore_to_native

__all__ = ["FORMATS", "Picture", "Place", "Volume", "checked_format", "is_volume_file", "picture_size", "source_of"]

FORMATS = ("nii.gz", "nii", "mha", "nrrd", "dcm")
"""What volumes are written as; ``"dcm"`` is a DICOM segmentation (SEG) of the series that was read."""


_PICTURES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", ".pgm", ".ppm")
_ARRAYS = (".npy", ".npz", ".h5", ".hdf5")


@dataclass(frozen=True)
class Volume:
    """The grid of a file in space.

    Args:
        geometry: Where the voxels are now, and the grid of the file.
        file_format: Ending of the files that are written, one of `FORMATS`.
    """

    geometry: Geometry
    file_format: str = "nii.gz"

    @property
    def suffix(self) -> str:
        """Ending of label maps."""
        return f".{self.file_format}"

    @property
    def float_suffix(self) -> str:
        """Ending of probabilities and images."""
        return self.suffix

    def labels(self, likely: Array, values: list[int] | None) -> Array:
        """Return the label map (I, J, K) on the grid of the file, for probabilities (C, ...)."""
        return np.asarray(restore_label_map(self._as_volume(likely), self.geometry, values))

    def restored(self, values: Array) -> Array:
        """Return channels (C, I, J, K) on the grid of the file; 0 where the model has not looked."""
        restored: Array = restore_to_native(self._as_volume(values).astype(np.float32, copy=False), self.geometry)
        return restored

    def _as_volume(self, values: Array) -> Array:
        """Return (C, I, J, K) also for a picture that was cut out of a volume of one slice."""
        if values.ndim == 3 and self.geometry.shape.count(1) >= 1:
            return np.asarray(np.expand_dims(values, 1 + self.geometry.shape.index(1)))
        return values


def checked_format(file_format: str, *, has_numbers: bool = False) -> str:
    """Return the format of predicted volumes if there is one of this name.

    Args:
        file_format: One of `FORMATS`, with a dot or without.
        has_numbers: Whether probabilities or images are to be written, too.

    Raises:
        ArgumentError: If there is none, or it cannot hold what is to be written.

    Example:
        >>> checked_format(".mha")
        'mha'
    """
    name = str(file_format).lower().removeprefix(".")
    if name not in FORMATS:
        raise ArgumentError(
            f"predictions cannot be written as {file_format!r}",
            expected=f"one of {', '.join(FORMATS)}",
            to_do=nearest(name, FORMATS),
        )
    if name == "dcm" and has_numbers:
        raise ArgumentError(
            "a DICOM segmentation holds label maps, no probabilities and no images",
            expected="nii.gz, nii, mha or nrrd for these",
            to_do="leave --probabilities out, or choose another --format",
        )
    return name


@dataclass(frozen=True)
class Picture:
    """The pixels of a picture, which has no place in space.

    Args:
        shape: Rows and columns the model saw.
        source: The file, if it is known.
    """

    shape: tuple[int, int]
    source: str = ""
    suffix = ".png"
    float_suffix = ".npy"

    def labels(self, likely: Array, values: list[int] | None) -> Array:
        """Return the label map (rows, columns) for probabilities (C, rows, columns)."""
        grid = Geometry.of(np.eye(4), (1, *self.shape))
        slab: Array = np.asarray(restore_label_map(self.restored(likely)[:, None], grid, values))
        return np.asarray(slab[0])

    def restored(self, values: Array) -> Array:
        """Return channels (C, rows, columns) as they are, certain that their pixels are those of the file.

        Raises:
            GeometryError: If the file has another size: nothing tells how the picture was cut or scaled.
        """
        if values.shape[1:] != self.shape:
            raise ShapeError(
                f"the model returned {values.shape[1:]} pixels for a picture of {self.shape}",
                expected="one value for every pixel",
            )
        size = picture_size(self.source)
        if size is not None and size != self.shape:
            raise GeometryError(
                f"the model saw {self.shape[0]} x {self.shape[1]} pixels of a picture of {size[0]} x {size[1]}",
                expected="as many as in the file: pictures do not tell how they were cut or scaled",
                to_do="leave Resize, CropOrPad and the like out of the phase that is predicted",
                file=self.source,
            )
        return values


Place = Volume | Picture
"""Where a prediction belongs."""


def picture_size(source: str) -> tuple[int, int] | None:
    """Return rows and columns of a picture file, without decoding it; None when it is none or not there."""
    path = Path(source)
    if path.suffix.lower() not in _PICTURES or not path.is_file():
        return None
    from PIL import Image

    with Image.open(path) as image:
        return image.height, image.width


def source_of(dataset: Any, number: int, field: str, data_dir: Path) -> str:
    """Return the file that a field of a case was read from; empty when that is not known."""
    peek = getattr(dataset, "peek", None)
    case = peek(number) if peek is not None else None
    value = case.get(field) if isinstance(case, dict) else None
    return str(data_dir / value) if isinstance(value, str) else ""


def is_volume_file(source: str) -> bool:
    """Tell whether a file has a grid in space: it is neither a picture nor an array.

    Example:
        >>> is_volume_file("la_003.nii.gz"), is_volume_file("chest.png"), is_volume_file("")
        (True, False, False)
    """
    name = source.rpartition(":")[0] if ".npz:" in source or ".h5:" in source else source
    return Path(name).suffix.lower() not in ("", *_PICTURES, *_ARRAYS)
