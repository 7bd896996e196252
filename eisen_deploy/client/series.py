"""A folder with a DICOM series, as a zip that is made while it is sent."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from eisen._core.errors import CorruptFileError, MissingFileError
from eisen_deploy.client.bodies import PIECE, Body

__all__ = ["is_series", "series_body"]

_HUGE = 2**30


def is_series(path: Path) -> bool:
    """Tell whether a path is a folder, or one DICOM file."""
    return path.is_dir() or (path.suffix.lower() in (".dcm", ".ima") and _is_dicom(path))


def series_body(path: str | Path, *, deflated: bool = False) -> Body:
    """Return the DICOM files of a folder and the folders in it as a zip.

    Names of files and folders may tell who was scanned: they become numbers, in the order of the names.

    Args:
        path: The folder, or one DICOM file.
        deflated: Whether the files are compressed.

    Raises:
        CorruptFileError: If there is no DICOM file.
    """
    path = Path(path)
    files = _files(path)
    if not files:
        raise CorruptFileError(
            f"there is no DICOM file in {path}",
            expected="a folder with a DICOM series",
            to_do="name the image itself if it is of another format",
            file=str(path),
        )
    how = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
    return Body(lambda: _zipped(files, how), None, "application/zip", name=f"{path.name} ({len(files)} DICOM files)")


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = [Path(folder, name) for folder, _, names in os.walk(path) for name in names if name != "DICOMDIR"]
    return sorted(file for file in found if _is_dicom(file))


def _is_dicom(path: Path) -> bool:
    if path.exists() and not path.is_file():  # a pipe or a device, which would never end
        return False
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError as error:
        raise MissingFileError(f"{path} cannot be read: {error.strerror}", file=str(path)) from error


class _Pipe(io.RawIOBase):
    """Takes what the zip writes and hands it on; as nobody can go back in it, sizes come after the files."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, piece: object) -> int:
        view = memoryview(piece)  # type: ignore[arg-type]
        self._kept += view
        return view.nbytes

    def taken(self, at_least: int = 1) -> Iterator[bytes]:
        """Yield what has come, once it is so much."""
        if len(self._kept) >= at_least:
            piece, self._kept = bytes(self._kept), bytearray()
            yield piece


def _zipped(files: list[Path], how: int) -> Iterator[bytes]:
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", how, compresslevel=1) as archive:
        for number, path in enumerate(files, 1):
            is_huge = path.stat().st_size > _HUGE
            with archive.open(f"{number:06}.dcm", "w", force_zip64=is_huge) as member:
                for piece in _pieces_of(path):
                    member.write(piece)
                    yield from pipe.taken(PIECE)
    yield from pipe.taken()


def _pieces_of(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield piece
    except OSError as error:  # must not look like an error of the network
        raise CorruptFileError(f"{path} cannot be read: {error.strerror}", file=str(path)) from error
