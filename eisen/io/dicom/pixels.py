"""The pixels of a stack as one array: decompressed, rescaled, in a type that holds every value."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.errors import MissingExtraError
from eisen._core.types import Array
from eisen.io.dicom.headers import Plane
from eisen.io.dicom.opening import corrupt, explained, quiet

__all__ = ["check_decoder", "decoded", "voxels_of"]


def voxels_of(planes: Sequence[Plane]) -> Array:
    """Return the voxels of a stack with the axes (column, row, slice), then colour if there is any.

    Slope and intercept are applied slice by slice. Whole numbers stay whole: uint8 where the file has 8 bits and no
    slope, else int16 where all values fit (Hounsfield units), else int32. All else becomes float32 (PET, whose slices
    have slopes of their own).

    Args:
        planes: The images of one stack, in order.

    Raises:
        CorruptFileError: If the pixels of a file cannot be decoded.
        MissingExtraError: If they are compressed in a way that needs a package which is not installed.
    """
    wanted = _type_for(planes)
    columns, rows, values = planes[0].shape
    shape = (columns, rows, len(planes), *((values,) if values > 1 else ()))
    voxels: Array = np.empty(shape, wanted, order="F")
    for k, (plane, pixels) in enumerate(zip(planes, _each(planes), strict=True)):
        if pixels.shape[:2] != (rows, columns):
            raise corrupt(plane.path, f"{plane.name} has {pixels.shape} pixels, its header says {(rows, columns)}")
        voxels[:, :, k] = _scaled(pixels, plane, wanted).swapaxes(0, 1)
    return _narrowed(voxels) if wanted == np.int32 else voxels


def decoded(path: Path, header: Any) -> Array:
    """Return the pixels of a data set as stored, decompressed, colours as RGB.

    Raises:
        MissingExtraError: If a decoder is missing.
        CorruptFileError: If the pixels are damaged or missing.
    """
    from pydicom.pixels.processing import apply_color_lut, apply_modality_lut
    from pydicom.pixels.utils import pixel_array

    check_decoder(path, header)
    with quiet(), explained(path):
        pixels = pixel_array(header)
        if header.get("PhotometricInterpretation") == "PALETTE COLOR":
            pixels = apply_color_lut(pixels, header)
            pixels = (pixels >> 8).astype(np.uint8) if pixels.dtype == np.uint16 else pixels
        if header.get("ModalityLUTSequence"):
            pixels = apply_modality_lut(pixels, header)
    return np.asarray(pixels)


def check_decoder(path: Path, header: Any) -> None:
    """Raise if nothing is installed that can decompress the pixels of a data set."""
    from pydicom.pixels.decoders.base import get_decoder

    syntax = header.file_meta.get("TransferSyntaxUID")
    try:
        missing = bool(syntax and syntax.is_compressed and not get_decoder(syntax).is_available)
    except NotImplementedError as error:
        raise corrupt(path, f"{path.name} is compressed as {syntax.name}, no format of still images") from error
    if missing:
        raise MissingExtraError(
            f"{path.name} is compressed ({syntax.name}), and the decoder for it is not installed",
            to_do="pip install 'eisen[dicom]'",
            file=str(path),
        )


def _each(planes: Sequence[Plane]) -> Iterator[Array]:
    """Yield the pixels of each plane; a file is decoded once for neighbours that share it."""
    import pydicom

    open_file: tuple[Path | None, Array] = (None, np.empty(0))
    for plane in planes:
        if open_file[0] != plane.path:
            with quiet(), explained(plane.path):
                header = pydicom.dcmread(plane.path)
            open_file = (plane.path, decoded(plane.path, header))
        yield open_file[1][plane.frame] if plane.n_frames > 1 else open_file[1]


def _type_for(planes: Sequence[Plane]) -> np.dtype[Any]:
    """Return the type that the headers ask for; int32 may turn out to be more than the values need."""
    if not all(number.is_integer() for plane in planes for number in plane.scale):
        return np.dtype(np.float32)
    if any(plane.stored[2] == "float" for plane in planes):
        return np.dtype(np.float32 if all(plane.stored[0] <= 32 for plane in planes) else np.float64)
    if all(plane.scale == (1.0, 0.0) and plane.stored[0] <= 8 and not plane.stored[1] for plane in planes):
        return np.dtype(np.uint8)
    bounds = [bound for plane in planes for bound in _bounds(plane)]
    if min(bounds) >= -(2**15) and max(bounds) < 2**15:
        return np.dtype(np.int16)
    return np.dtype(np.int32 if min(bounds) >= -(2**31) and max(bounds) < 2**31 else np.float64)


def _bounds(plane: Plane) -> tuple[float, float]:
    bits, signed, _ = plane.stored
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    ends = [value * plane.scale[0] + plane.scale[1] for value in (low, high)]
    return min(ends), max(ends)


def _scaled(pixels: Array, plane: Plane, wanted: np.dtype[Any]) -> Array:
    if plane.scale == (1.0, 0.0):
        return pixels
    if wanted.kind == "i":
        return pixels.astype(np.int32) * np.int32(plane.scale[0]) + np.int32(plane.scale[1])
    return pixels * np.float64(plane.scale[0]) + plane.scale[1]


def _narrowed(voxels: Array) -> Array:
    """Return int32 voxels as int16 if none needs more."""
    fits = voxels.size and voxels.min() >= -32768 and voxels.max() <= 32767
    return voxels.astype(np.int16, order="F") if fits else voxels
