"""From the bytes of a NIfTI file to a nibabel image whose voxels are in memory.

nibabel understands the header; the voxels go from the file into their array without a detour.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import nibabel
import numpy as np
from nibabel.arrayproxy import ArrayProxy
from nibabel.spatialimages import SpatialImage

from eisen._core.errors import CorruptFileError, EisenError
from eisen._core.types import Array
from eisen.io.inflate import ByteSource, fill, open_bytes

__all__ = ["decode"]

_SIZES = {  # the first four bytes of a file: the size of its header, in either byte order
    size.to_bytes(4, order): kind
    for size, kind in ((348, nibabel.Nifti1Image), (540, nibabel.Nifti2Image))
    for order in ("little", "big")
}
_MM = {"meter": 1000.0, "micron": 0.001}  # a header that names no unit means mm
_HIGHEST_RATIO = 1032  # what deflate can do at best: a header that promises more is damaged
_AGAIN = "copy or download the file again; if it was damaged when it was made, take the case out of the dataset"


class _VoxelsInMemory(ArrayProxy):
    """nibabel's view on the voxels of a file (scaled when they are asked for), with the voxels at hand."""

    def __init__(self, voxels: Array, spec: Any) -> None:
        super().__init__(io.BytesIO(), spec)  # type: ignore[no-untyped-call]
        self._voxels = voxels

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:  # type: ignore[override]
        array = np.asarray(super().__array__(dtype))  # type: ignore[no-untyped-call]
        return array.copy(order="K") if copy and np.may_share_memory(array, self._voxels) else array

    def _get_unscaled(self, slicer: Any) -> Array:
        return np.asarray(self._voxels[slicer])

    def _of(self, voxels: Array) -> Self:
        return type(self)(voxels, (voxels.shape, self._dtype, self._offset, self._slope, self._inter))

    def copy(self) -> Self:
        """Return a proxy of the same voxels."""
        return self._of(self._voxels)

    def reshape(self, shape: tuple[int, ...]) -> Self:
        """Return a proxy of the same voxels in another shape."""
        return self._of(self._voxels.reshape(shape, order="F"))


def decode(path: Path) -> SpatialImage:
    """Return the image in a file, decoded completely.

    Args:
        path: The file: NIfTI-1 or NIfTI-2, either byte order, gzipped or not. A name that does not end in ``.nii``
            or ``.nii.gz`` is left to nibabel (``.hdr``/``.img`` pairs, ``.mgz``).

    Raises:
        CorruptFileError: If it cannot be decoded, ends early, or its checksum is wrong.
    """
    with _explained(path):
        if not path.name.lower().endswith((".nii", ".nii.gz")):
            return _left_to_nibabel(path)
        with open_bytes(path) as (source, zipped):
            capacity = path.stat().st_size * (_HIGHEST_RATIO if zipped else 1)
            kind, header = _read_header(source, path, capacity)
            voxels = _read_voxels(source, header, path)
            if zipped:
                _finish(source)
        slope, inter = header.get_slope_inter()
        scale = (1.0 if slope is None else slope, 0.0 if inter is None else inter)
        proxy = _VoxelsInMemory(voxels, (voxels.shape, voxels.dtype, header.get_data_offset(), *scale))
        affine = _to_mm(header)
    return kind(
        proxy,
        affine,
        header,
        file_map=kind.filespec_to_file_map(str(path)),
    )


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong with the content of a file into one card that names the file."""
    try:
        yield
    except (EisenError, MemoryError):
        raise
    except EOFError as error:
        raise _corrupt(path, f"{path.name} is truncated: the gzip stream ends early") from error
    except Exception as error:
        raise _corrupt(path, f"{path.name} cannot be decoded: {error}") from error


def _corrupt(path: Path, what: str, expected: str = "a complete NIfTI file, gzipped or not") -> CorruptFileError:
    return CorruptFileError(what, expected=expected, to_do=_AGAIN, file=str(path))


def _left_to_nibabel(path: Path) -> SpatialImage:
    image = nibabel.load(path)
    if not isinstance(image, SpatialImage):
        raise _corrupt(path, f"{path.name} is {type(image).__name__}, not a volume")
    return type(image)(np.asanyarray(image.dataobj).copy(), image.affine, image.header)


def _read_header(source: ByteSource, path: Path, capacity: int) -> tuple[type[nibabel.Nifti1Image], Any]:
    """Read everything before the voxels, header and extensions, and check what it promises against the file."""
    start = _take(source, 352, path)
    kind = _SIZES.get(start[:4])
    if kind is None:
        raise _corrupt(path, f"{path.name} is not a NIfTI file: it begins with {start[:16]!r}")
    if kind is nibabel.Nifti2Image:
        start += _take(source, 192, path)
    header = kind.header_class(start[:-4], check=False)
    offset = header.get_data_offset()
    if not len(start) <= offset <= capacity:
        raise _corrupt(path, f"{path.name} is damaged: its header says that the voxels begin at byte {offset}")
    extensions = _take(source, offset - len(start), path)
    if start[-4]:
        header = kind.header_class.from_fileobj(io.BytesIO(start + extensions))
    else:
        header.check_fix()
    shape = header.get_data_shape()
    if not shape or min(shape) < 1:
        expected = "a NIfTI file with at least one voxel along every axis"
        raise _corrupt(path, f"{path.name} has no voxels: its header says the shape is {tuple(shape)}", expected)
    dtype = header.get_data_dtype()
    if offset + _n_bytes(shape, dtype) > capacity:
        what = f"{path.name} is truncated or damaged: {shape} voxels of {dtype} cannot be in it"
        raise _corrupt(path, what, f"a file that holds {_n_bytes(shape, dtype)} bytes of voxels")
    return kind, header


def _take(source: ByteSource, count: int, path: Path) -> bytes:
    buffer = bytearray(count)
    if (done := fill(source, buffer)) < count:
        raise _corrupt(path, f"{path.name} is truncated or not a NIfTI file: it ends {count - done} bytes too early")
    return bytes(buffer)


def _n_bytes(shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    return math.prod(int(n) for n in shape) * dtype.itemsize


def _read_voxels(source: ByteSource, header: Any, path: Path) -> Array:
    """Read the voxels into one new array, in the order and type of the file."""
    shape, dtype = header.get_data_shape(), header.get_data_dtype()
    buffer = np.empty(_n_bytes(shape, dtype), np.uint8)
    if (done := fill(source, buffer)) < buffer.size:
        what = f"{path.name} is truncated: it holds {done} bytes of voxels"
        raise _corrupt(path, what, f"{buffer.size} bytes for {shape} {dtype}")
    return np.ndarray(shape, dtype, buffer, order="F")


def _to_mm(header: Any) -> Array:
    """Return the affine in mm, and let the header say mm, where it counted in metres or in micrometres."""
    affine, (space, time) = header.get_best_affine(), header.get_xyzt_units()
    if space in _MM:
        header.set_xyzt_units("mm", time)
        affine = np.diag([_MM[space]] * 3 + [1.0]) @ affine
    return np.asarray(affine)


def _finish(source: ByteSource) -> None:
    """Read a gzip stream to its end, which is where its checksum and length are verified."""
    rest = bytearray(65536)
    while fill(source, rest):
        pass
