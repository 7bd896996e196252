"""Which files a user means: a folder, one file of a series, or a list of files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from eisen._core.errors import DataError, MissingFileError
from eisen.io.dicom.headers import Plane, read_planes
from eisen.io.dicom.opening import check_is_dicom, is_dicom
from eisen.io.paths import existing_file

__all__ = ["files_in", "files_meant", "planes_of"]


def files_in(folder: Path, *, recursive: bool) -> Iterator[Path]:
    """Yield the DICOM files of a folder, sorted by name; DICOMDIR indices and all other files are passed over."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(folders) if recursive else []
        yield from (path for name in sorted(names) if is_dicom(path := Path(root) / name))


def files_meant(value: Any, data_dir: str | os.PathLike[str]) -> tuple[list[Path], bool]:
    """Return the files that a field names, and whether one file stands for its whole series.

    Args:
        value: Name of a folder, of a file, or a list of names of files.
        data_dir: Folder that the names are relative to.

    Raises:
        MissingFileError: If a file or folder is not there, or the folder has no DICOM file.
        DataError: If the value is something else.
    """
    if isinstance(value, Sequence) and not isinstance(value, str) and value:
        if all(isinstance(name, (str, os.PathLike)) for name in value):
            return [existing_file(_joined(name, data_dir)) for name in value], False
    elif isinstance(value, (str, os.PathLike)):
        path = _joined(value, data_dir)
        if not path.is_dir():
            return [existing_file(path)], True
        return list(files_in(path, recursive=False)) or _nothing_in(path), False
    raise DataError(
        f"the field holds {type(value).__name__}, not the name of a folder or file",
        expected="a folder with one DICOM series, one of its files, or the list of its files",
        to_do="read each field once: take the field out of one of the readers that list it",
    )


def planes_of(value: Any, data_dir: str | os.PathLike[str] = ".") -> list[Plane]:
    """Return the images that a field names: those of a folder, of a list of files, or of the series of one file.

    Raises:
        MissingFileError: If there is no such file or folder, or no image in it.
        CorruptFileError: If a file is damaged, or was named and is not DICOM.
    """
    files, one_stands_for_all = files_meant(value, data_dir)
    for path in files:
        check_is_dicom(path)
    planes = [plane for path in files for plane in read_planes(path)]
    if one_stands_for_all and planes:
        siblings = [path for path in files_in(files[0].parent, recursive=False) if path != files[0]]
        uid = planes[0].uids["series"]
        planes += [p for path in siblings for p in read_planes(path) if p.uids["series"] == uid]
    if not planes:
        raise MissingFileError(
            f"there is no DICOM image in {value}: what it holds is something else",
            expected="image slices; a segmentation is read by LoadDICOMSegmentation",
            file=str(files[0]),
        )
    return planes


def _joined(name: str | os.PathLike[str], data_dir: str | os.PathLike[str]) -> Path:
    return Path(os.path.normpath(Path(data_dir) / name))


def _nothing_in(folder: Path) -> list[Path]:
    inside = sorted({path.parent for path in files_in(folder, recursive=True)})
    hint = f"name one of its sub-folders, e.g. {inside[0].relative_to(folder)}" if inside else ""
    raise MissingFileError(
        f"there is no DICOM file in {folder}",
        expected="a folder with the files of one series",
        to_do=hint or "check data_dir and the folder name in the dataset",
        file=str(folder),
    )
