"""Reading files that another process is writing, as little of them as possible."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

__all__ = ["FollowedJson", "FollowedLines"]

_MARK = 128
_CHUNK = 2**22

Stamp = tuple[int, int, int]


class FollowedJson:
    """A JSON file that is replaced as a whole; it is only read when its size, time or number on disk have changed.

    Args:
        path: The file; it may not exist yet.

    Attributes:
        content: What was last read; empty before there is something, and after the file was removed.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.content: dict[str, Any] = {}
        self._stamp: Stamp | None = None

    def poll(self) -> bool:
        """Read the file if it has changed; return whether the content is another one."""
        stamp = _stamp(self.path)
        if stamp == self._stamp:
            return False
        content = _json(self.path) if stamp is not None else {}
        if content is None:  # caught while it was written in place; the next look will find it whole
            return False
        changed, self.content, self._stamp = content != self.content, content, stamp
        return changed


class FollowedLines:
    """A text file that grows at its end: every line is read once, an unfinished one is left for later.

    A file that was replaced by a longer one with the same beginning goes on where it was; any other replacement, or a
    file that has become shorter, starts anew.

    Args:
        path: The file; it may not exist yet.
        last: Begin with so many bytes before the end when the file is longer; 0: with its first byte.

    Attributes:
        restarts: How often the file has begun anew.
    """

    def __init__(self, path: Path, last: int = 0) -> None:
        self.path, self.restarts = path, 0
        self._last, self._offset, self._mark = last, 0, b""
        self._stamp: Stamp | None = None

    def poll(self) -> list[str]:
        """Return the lines that are new, without their ends."""
        stamp = _stamp(self.path)
        if stamp == self._stamp:
            return []
        if stamp is None:
            self._restart()
            self._stamp = None
            return []
        try:
            with self.path.open("rb") as file:
                self._seek(file)
                lines = self._rest(file)
        except OSError:
            return []
        self._stamp = stamp
        return lines

    def _seek(self, file: Any) -> None:
        size = os.fstat(file.fileno()).st_size
        if self._offset:
            file.seek(self._offset - len(self._mark))
            if size < self._offset or file.read(len(self._mark)) != self._mark:
                self._restart()
        if not self._offset and self._last and size > self._last:
            file.seek(size - self._last)
            self._offset = size - self._last + len(file.readline())
        file.seek(self._offset)

    def _rest(self, file: Any) -> list[str]:
        lines: list[str] = []
        left = b""
        while chunk := file.read(_CHUNK):
            whole, end, left = (left + chunk).rpartition(b"\n")
            if end:
                self._offset += len(whole) + 1
                self._mark = (self._mark + whole + b"\n")[-_MARK:]
                lines += whole.decode("utf-8", errors="replace").split("\n")
        return lines

    def _restart(self) -> None:
        self.restarts += bool(self._offset)
        self._offset, self._mark = 0, b""


def _stamp(path: Path) -> Stamp | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino


def _json(path: Path) -> dict[str, Any] | None:
    """Return what is in a JSON file; None when it cannot be read now."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else {}
