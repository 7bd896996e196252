"""Listing folders: always sorted, so that a seed means the same on every machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeAlias

from eisen._core.errors import CorruptFileError, MissingFileError, nearest

__all__ = ["Folder", "existing_folder", "files_in", "folders_in", "not_text", "text_of"]

Folder: TypeAlias = str | os.PathLike[str]
"""What names a folder or file."""


def existing_folder(path: Path) -> Path:
    """Return the path if it is a folder, or say what is there instead.

    Raises:
        MissingFileError: If it is not a folder; the card names the nearest name beside it.
    """
    if path.is_dir():
        return path
    what = f"{path} is a file, not a folder" if path.exists() else f"the folder {path} does not exist"
    beside = [entry.name for entry in path.parent.iterdir() if entry.is_dir()] if path.parent.is_dir() else []
    raise MissingFileError(
        what, expected="a folder", to_do=nearest(path.name, beside) or "check data_dir", file=str(path)
    )


def files_in(folder: Path, *endings: str) -> list[str]:
    """Return the names in a folder that have one of the endings, sorted; hidden ones are left out.

    Args:
        folder: The folder, which must exist.
        endings: In small letters, e.g. ``".png"``; capital letters in file names do not matter. None: all files.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("b.png", "a.PNG", "._a.png", "notes_png.txt"):
        ...     (folder / name).touch()
        >>> files_in(folder, ".png")
        ['a.PNG', 'b.png']
    """
    names = (entry.name for entry in existing_folder(folder).iterdir() if not entry.name.startswith("."))
    return sorted(name for name in names if name.lower().endswith(endings or ("",)))


def folders_in(folder: Path) -> list[str]:
    """Return the names of the folders inside a folder, sorted; hidden ones are left out."""
    entries = existing_folder(folder).iterdir()
    return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))


def text_of(path: Path) -> str:
    """Return the content of a text file.

    Raises:
        CorruptFileError: If it is not text in UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise not_text(path, error) from error


def not_text(path: Path, error: UnicodeDecodeError) -> CorruptFileError:
    """Return the error for a file that is not text."""
    what = f"{path.name} is not text: {error.reason} at byte {error.start}"
    return CorruptFileError(what, expected="text in UTF-8", to_do="save it again as UTF-8", file=str(path))
