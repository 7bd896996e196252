"""Which files a case is made of, and whether they are still what they were.

A file whose size, time of change and inode are as they were is taken to be the same. Where one of them differs, the
content decides: copied, restored or touched files are still the same files.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from eisen._core.digest import file_digest
from eisen.io.members import split_member

__all__ = ["changed_files", "file_facts", "named_files"]

_HEADERS = (".mhd", ".hdr", ".nhdr", ".img")
"""Files of these kinds have their voxels, or their header, in another file of the same name."""
_LONGEST = 1024

Facts = dict[str, Any]


def named_files(value: Any, folders: Sequence[str]) -> list[Path]:
    """Return the files that a listed case names, sorted: by name, in lists, all files of a folder.

    Args:
        value: What is listed: a dict, or a value of one.
        folders: What file names are relative to; without any, the working folder.

    Example:
        >>> named_files({"image": "no/such/file.nii.gz", "age": 61}, ["."])
        []
    """
    found = {path for text in _texts(value) for folder in folders or ("",) for path in _files(text, folder)}
    return sorted(found)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, (str, os.PathLike)):
        text = os.fspath(value)
        if isinstance(text, str) and 0 < len(text) < _LONGEST and "\n" not in text and "\0" not in text:
            yield text
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)


def _files(text: str, folder: str) -> list[Path]:
    path = os.path.abspath(os.path.join(folder, split_member(text)[0]))  # noqa: PTH100, PTH118  # links stay
    if os.path.isfile(path):  # noqa: PTH113
        return [Path(path), *_beside(Path(path))]
    if text.strip("./\\") and os.path.isdir(path):  # noqa: PTH112
        return [Path(entry.path) for entry in os.scandir(path) if entry.is_file()]
    return []


def _beside(path: Path) -> list[Path]:
    if path.suffix.lower() not in _HEADERS:
        return []
    return [other for other in path.parent.glob(f"{path.stem}.*") if other != path and other.is_file()]


def file_facts(path: Path) -> Facts:
    """Return what tells a file from what it may become: size, time of change, inode and SHA-256.

    Args:
        path: The file. Where it cannot be read, the entries are empty.
    """
    try:
        stat = path.stat()
        digest = _digest(path, (stat.st_size, stat.st_mtime_ns, stat.st_ino))
    except OSError:
        return {"path": str(path), "stat": [], "sha256": ""}
    return {"path": str(path), "stat": [stat.st_size, stat.st_mtime_ns, stat.st_ino], "sha256": digest}


def changed_files(known: Sequence[Facts], now: Sequence[Path], *, verify: bool = False) -> tuple[str, list[Facts]]:
    """Return what has changed, in words, and the facts as they are now where nothing has.

    Args:
        known: Facts of the files a case was made of.
        now: The files it would be made of now.
        verify: Whether to compare the content of all files; else of those whose size, time or inode differ.

    Returns:
        A sentence, ``""`` when nothing has changed; and new facts when only times or inodes have, else an empty list.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.txt"
        >>> _ = path.write_text("one")
        >>> facts = [file_facts(path)]
        >>> _ = path.write_text("three")
        >>> changed_files(facts, [path])[0].endswith("a.txt has changed: 3 bytes before, 5 now")
        True
    """
    before = {facts["path"]: facts for facts in known}
    names = {str(path) for path in now}
    for name in sorted(names.symmetric_difference(before)):
        return f"{name} {'is new' if name in names else 'is gone'}", []
    fresh = [_compared(before[str(path)], path, verify) for path in now]
    for facts in fresh:
        if facts["sha256"] != before[facts["path"]]["sha256"]:
            return _words(before[facts["path"]], facts), []
    touched = any(facts["stat"] != before[facts["path"]]["stat"] for facts in fresh)
    return "", fresh if touched else []


def _compared(before: Facts, path: Path, verify: bool) -> Facts:
    try:
        stat = path.stat()
    except OSError:
        return file_facts(path)
    if before["stat"] == [stat.st_size, stat.st_mtime_ns, stat.st_ino] and not verify:
        return before
    if verify:
        _digest.cache_clear()
    return file_facts(path)


def _words(before: Facts, now: Facts) -> str:
    if not now["stat"] or not before["stat"]:
        return f"{now['path']} could not be read before or cannot be now"
    size, new_size = before["stat"][0], now["stat"][0]
    sizes = f"{size} bytes before, {new_size} now" if size != new_size else "other content"
    return f"{now['path']} has changed: {sizes}"


@lru_cache(1 << 14)
def _digest(path: Path, stat: tuple[int, ...]) -> str:  # noqa: ARG001  # many cases may be in one large file
    return file_digest(path)
