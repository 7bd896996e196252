"""Opening DICOM files: what pydicom does, with errors that name the file."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from eisen._core.errors import CorruptFileError, EisenError

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

__all__ = ["check_is_dicom", "corrupt", "explained", "is_dicom", "quiet", "read_header", "read_open_header"]

_AGAIN = "copy or export the file again; if it was damaged when it was made, take the case out of the dataset"


def is_dicom(path: Path) -> bool:
    """Tell whether a file begins like a DICOM file and is no DICOMDIR, without reading further."""
    if path.name.upper() == "DICOMDIR" or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def check_is_dicom(path: Path) -> None:
    """Raise if a file that was named as DICOM does not begin like it."""
    if not is_dicom(path):
        raise CorruptFileError(
            f"{path.name} is not a DICOM file: it has no 'DICM' after its first 128 bytes",
            expected="a complete DICOM file",
            to_do="use the reader made for its format (LoadImageFromFilename finds it)",
            file=str(path),
        )


def read_header(path: Path) -> FileDataset:
    """Return the header of a DICOM file without the pixels."""
    with path.open("rb") as file:
        return read_open_header(file)


class _Hush:
    """Changes the filters of warnings, which all threads share, with the first who enters, and back with the last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._n_inside = 0
        self._saved = warnings.catch_warnings()

    def enter(self) -> None:
        with self._lock:
            self._n_inside += 1
            if self._n_inside == 1:
                self._saved = warnings.catch_warnings()
                self._saved.__enter__()
                warnings.filterwarnings("ignore", module="pydicom")

    def leave(self) -> None:
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0:
                self._saved.__exit__(None, None, None)


_hush = _Hush()


@contextmanager
def quiet() -> Iterator[None]:
    """Keep pydicom from warning about values that break a rule of the standard and can be read all the same."""
    _hush.enter()
    try:
        yield
    finally:
        _hush.leave()


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn what pydicom raises for a damaged file into one card that names the file."""
    try:
        yield
    except (EisenError, MemoryError):
        raise
    except Exception as error:
        raise corrupt(path, f"{path.name} cannot be read as DICOM: {error}") from error


def corrupt(path: Path, what: str) -> CorruptFileError:
    """Return the card for a file that is DICOM and damaged."""
    return CorruptFileError(what, expected="a complete DICOM file", to_do=_AGAIN, file=str(path))


def read_open_header(file: IO[bytes], tags: list[Any] | None = None) -> FileDataset:
    """Return the header of an open file, or only some of its attributes; the file stays where the pixels begin."""
    import pydicom

    return pydicom.dcmread(file, stop_before_pixels=True, specific_tags=tags)
