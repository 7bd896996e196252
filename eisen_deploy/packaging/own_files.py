"""Files that somebody wants in a package beside its own."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from eisen._core.errors import ArgumentError

__all__ = ["members_of"]


def members_of(files: Iterable[str | os.PathLike[str]] | None, members: dict[str, bytes | Path]) -> None:
    """Add files to the members of an archive, at its root; of folders everything in them.

    Args:
        files: Names of files and folders. One name alone counts as a list of one.
        members: What is in the archive so far; it is added to.

    Raises:
        ArgumentError: If one is not there, or has the name of another.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "labels, final.txt").write_text("liver", encoding="utf-8")
        >>> members = {"metadata.json": b"{}"}
        >>> members_of([folder / "labels, final.txt"], members)
        >>> list(members)
        ['metadata.json', 'labels, final.txt']
    """
    listed = [files] if isinstance(files, (str, os.PathLike)) else files or []
    for given in listed:
        for name, path in _files(Path(given)):
            if name in members:
                raise ArgumentError(
                    f"additional_files: two files would be {name!r} in the archive",
                    to_do="rename one of them, or put them into folders of a folder",
                    file=str(path),
                )
            members[name] = path


def _files(path: Path) -> Iterator[tuple[str, Path]]:
    if path.is_file():
        yield path.name, path
    elif path.is_dir():
        inside = sorted(entry for entry in path.rglob("*") if entry.is_file() and "__pycache__" not in entry.parts)
        yield from ((entry.relative_to(path).as_posix(), entry) for entry in inside)
    else:
        raise ArgumentError(f"additional_files: there is no file {path}", to_do="correct the name", file=str(path))
