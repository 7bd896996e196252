"""A checksum inside a file of weights, so that a damaged file is noticed before it is used.

PyTorch writes a zip archive and does not look at the checksums in it when it reads one. The seal is the comment at the
end of the archive, which every program that reads zip archives skips: such a file is still an ordinary one.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import IO, Any

from eisen._core.errors import CorruptFileError

__all__ = ["SealingWriter", "check_seal"]

_MARK = b"eisen sha256 "
_LENGTH = len(_MARK) + 64
_NO_COMMENT = b"\0\0"
_CHUNK = 1 << 20


class SealingWriter:
    """Passes the bytes of a zip archive on to a file, and ends it with their checksum.

    Args:
        file: The file, open for writing.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._tail = b""

    def write(self, data: Any) -> int:
        """Write some bytes; the last two are held back, for they say how long the comment is."""
        view = memoryview(data).cast("B")
        keep = len(_NO_COMMENT)
        if len(view) < keep:
            waiting = self._tail + bytes(view)
            self._pass_on(waiting[:-keep])
            self._tail = waiting[-keep:]
        else:
            self._pass_on(self._tail)
            self._pass_on(view[:-keep])
            self._tail = bytes(view[-keep:])
        return len(view)

    def flush(self) -> None:
        """Do nothing: the end is not known yet."""

    def seal(self) -> None:
        """Write the end: the length of the comment, and the checksum of all before as the comment."""
        if self._tail != _NO_COMMENT:
            self._pass_on(self._tail)  # no archive, or one with a comment of its own: left as it is
            return
        self._file.write(_LENGTH.to_bytes(2, "little") + _MARK + self._digest.hexdigest().encode())

    def _pass_on(self, data: bytes | memoryview) -> None:
        self._digest.update(data)
        self._file.write(data)


def check_seal(path: Path) -> bool:
    """Compare a file with its seal.

    Returns:
        Whether there is one; files of other programs have none.

    Raises:
        CorruptFileError: If the file is not what was sealed.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _LENGTH))
        comment = file.read()
        if _MARK in comment and not comment.startswith(_MARK):
            raise CorruptFileError(f"{path} is damaged: its end is missing", file=str(path))
        if not comment.startswith(_MARK):
            return False
        file.seek(0)
        digest, left = hashlib.sha256(), size - _LENGTH - len(_NO_COMMENT)
        while left > 0 and (chunk := file.read(min(_CHUNK, left))):
            digest.update(chunk)
            left -= len(chunk)
    if digest.hexdigest().encode() != comment.removeprefix(_MARK):
        raise CorruptFileError(f"{path} is damaged: its checksum is another one", file=str(path))
    return True
