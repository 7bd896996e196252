"""From a nibabel image to the bytes of a NIfTI file.

nibabel writes the header; voxels that are stored as they are go from their array into the file without a detour.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.atomic import atomic_write
from eisen.io.inflate import Deflater

__all__ = ["encode", "encoded"]


def encode(image: Any, path: Path) -> None:
    """Write an image to a file that appears when it is complete: the bytes nibabel would write, gzipped for ``.gz``.

    Args:
        image: A nibabel image of a format that is one file.
        path: Where to.

    Raises:
        ArtifactError: If the file cannot be written.
    """
    with atomic_write(path) as file:
        file.writelines(_pieces(image, zipped=path.name.lower().endswith(".gz")))


def encoded(image: Any, *, zipped: bool) -> bytes:
    """Return the bytes that `encode` writes.

    Args:
        image: A nibabel image of a format that is one file.
        zipped: Whether they are gzipped.
    """
    return b"".join(_pieces(image, zipped=zipped))


def _pieces(image: Any, *, zipped: bool) -> Iterator[Any]:
    if not zipped:
        yield from _parts(image)
        return
    deflater = Deflater()
    for part in _parts(image):
        yield deflater.compress(part)
    yield deflater.flush()


def _parts(image: Any) -> tuple[Any, ...]:
    """Return the bytes of the file, in one or two pieces."""
    voxels = np.asanyarray(image.dataobj)
    if not _stored_as_they_are(image, voxels):
        return (image.to_bytes(),)
    image.update_header()
    header, start = image.header.copy(), io.BytesIO()
    header.set_slope_inter(1.0, 0.0)
    header.write_to(start)
    gap = header.get_data_offset() - start.tell()
    return start.getvalue() + bytes(gap), np.ascontiguousarray(voxels.T).reshape(-1).view(np.uint8)


def _stored_as_they_are(image: Any, voxels: Any) -> bool:
    """Tell whether the file holds the very bytes of the voxels, with no scaling."""
    header = image.header
    return bool(
        hasattr(header, "single_vox_offset")
        and header.is_single
        and voxels.dtype == header.get_data_dtype()
        and voxels.dtype.kind in "iuf"
        and voxels.size
        and np.isnan([header["scl_slope"], header["scl_inter"]]).all()
    )
