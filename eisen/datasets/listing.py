"""Reading lists of cases from JSON files, with errors that name the line."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eisen._core.errors import CorruptFileError, EmptyDatasetError
from eisen.io.paths import existing_file

__all__ = ["checked_cases", "first_file", "listing_path", "read_json"]

_FILE_NAME = re.compile(r"\.[A-Za-z]\w{0,7}(\.gz)?$")


def listing_path(data_dir: str | os.PathLike[str], json_file: str | os.PathLike[str]) -> Path:
    """Return where the list of cases is: `json_file` inside `data_dir`, or itself when it is absolute."""
    return Path(os.path.normpath(Path(data_dir) / json_file))


def read_json(path: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        MissingFileError: If it is not there.
        CorruptFileError: If it is not JSON; the card says line and column.
    """
    try:
        return json.loads(existing_file(path).read_text(encoding="utf-8"))
    except json.JSONDecodeError as error:
        what = f"{path.name} is not valid JSON: {error.msg} in line {error.lineno}, column {error.colno}"
        raise CorruptFileError(what, expected="a JSON file", to_do="correct that line", file=str(path)) from error
    except UnicodeDecodeError as error:
        what = f"{path.name} is not text: {error.reason} at byte {error.start}"
        raise CorruptFileError(what, expected="a JSON file in UTF-8", file=str(path)) from error


def checked_cases(entries: Any, path: Path, where: str) -> list[dict[str, Any]]:
    """Return the entries as a list of dicts, or say which one is something else.

    Args:
        entries: What the file holds there.
        path: The file.
        where: The place in the file, for messages.
    """
    if not isinstance(entries, Sequence) or isinstance(entries, str):
        raise CorruptFileError(
            f"{path.name}: {where} holds {type(entries).__name__}",
            expected='a list with one object per case, e.g. [{"image": "a.nii.gz", "label": "b.nii.gz"}]',
            to_do="for a decathlon dataset.json use MSDDataset" if isinstance(entries, dict) else "correct the file",
            file=str(path),
        )
    if not entries:
        raise EmptyDatasetError(
            f"{path.name}: {where} lists no cases",
            expected="at least one case",
            to_do="check that this is the right file, and the right phase",
            file=str(path),
        )
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict):
            raise CorruptFileError(
                f"{path.name}: entry {number} of {where} is {type(entry).__name__}",
                expected="an object with the fields of the case",
                file=str(path),
            )
    return list(entries)


def first_file(case: Any) -> str:
    """Return the first value of a case that looks like a file name, or is a list that begins with one; else "".

    Example:
        >>> first_file({"id": "042", "image": "./imagesTr/a.nii.gz", "label": "./labelsTr/b.nii.gz"})
        './imagesTr/a.nii.gz'
    """
    values = case.values() if isinstance(case, dict) else ()
    firsts = (value[0] if isinstance(value, (list, tuple)) and value else value for value in values)
    return next((value for value in firsts if isinstance(value, str) and _FILE_NAME.search(value)), "")
