"""From the text in a data point to a file that is certain to be there."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eisen._core.errors import ArgumentError, DataError, MissingFileError, nearest
from eisen._core.fields import FieldStep

__all__ = ["FileReader", "existing_file"]


class FileReader(FieldStep):
    """A step that replaces file names by what is in the files.

    Args:
        fields: Names of the fields that hold file names.
        data_dir: Folder that the file names are relative to. A file name that is absolute ignores it.
    """

    def __init__(self, fields: Sequence[str], data_dir: str | os.PathLike[str]) -> None:
        super().__init__(fields)
        if not isinstance(data_dir, (str, os.PathLike)):
            raise ArgumentError(
                f"{type(self).__name__}: data_dir is {data_dir!r}",
                expected="the folder that the file names are relative to, as text or a path",
            )
        self.data_dir = data_dir

    def path_of(self, field: str, value: Any) -> Path:
        """Return the normalised path of the file that a field names.

        Raises:
            DataError: If the field holds something else than a file name.
            MissingFileError: If there is no such file.
        """
        if not isinstance(value, (str, os.PathLike)):
            raise DataError(
                f"the field '{field}' holds {type(value).__name__}, not a file name",
                expected="text that names a file, relative to data_dir",
                to_do="read each field once: take the field out of one of the readers that list it",
                field=field,
            )
        return existing_file(Path(os.path.normpath(Path(self.data_dir) / value)))


def existing_file(path: Path) -> Path:
    """Return the path if it is a file, or say what is there instead.

    Raises:
        MissingFileError: If it is not a file; the card names the nearest name in its folder.
    """
    if path.is_file():
        return path
    if path.is_dir():
        what, to_do = f"{path} is a folder, not a file", "name a file inside it"
    else:
        what = f"{path} does not exist"
        to_do = _nearest_name(path) or "check data_dir and the file name in the dataset"
    raise MissingFileError(what, expected="a file that can be read", to_do=to_do, file=str(path))


def _nearest_name(path: Path) -> str:
    """Return which part of the path is missing, with the closest name that is there instead."""
    missing = path
    while not missing.parent.is_dir() and missing.parent != missing:
        missing = missing.parent
    try:
        names = [entry.name for entry in missing.parent.iterdir()]
    except OSError:
        return ""
    hint = nearest(missing.name, names)
    if missing != path:
        return f"the folder {missing} does not exist" + (f" – {hint}" if hint else "; check data_dir")
    return hint
