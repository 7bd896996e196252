"""Reading an archive from a stranger: all members are checked when it is opened, and all content while it is read."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from eisen._core.errors import CorruptFileError, EisenError, MissingFileError
from eisen_deploy.packaging.layout import MANIFEST
from eisen_deploy.packaging.manifest import problem_of_manifest, strict_json
from eisen_deploy.packaging.zipchecks import Limits, Member, members_of
from eisen_deploy.packaging.zipfields import read_at, read_entries, refused

__all__ = ["Archive", "opened"]

_CHUNK = 1 << 20
_LARGEST_DOCUMENT = 16 << 20


class Archive:
    """An open archive whose members were checked; see `opened`.

    Args:
        file: The open file.
        limits: How much is allowed.

    Raises:
        CorruptFileError: If it is not an archive that can be trusted to be what it says.
    """

    def __init__(self, file: IO[bytes], limits: Limits) -> None:
        self._file = file
        members = members_of(file, *read_entries(file, limits.max_members), limits)
        self.members: dict[str, Member] = {member.name: member for member in members if not member.is_folder}
        self.all_members = members
        self.manifest: dict[str, Any] = self._checked_manifest()

    def chunks(self, member: Member) -> Iterator[bytes]:
        """Yield the content of a member in parts; size and checksum are counted on the way.

        Raises:
            CorruptFileError: If it is not what the archive says; at the latest behind the last part.
        """
        crc = size = 0
        for chunk in _inflated(self._file, member) if member.is_deflated else _stored(self._file, member):
            crc, size = zlib.crc32(chunk, crc), size + len(chunk)
            if size > member.size:
                raise refused(f"it unpacks to more than the {member.size} bytes it says", member.name, "its true size")
            yield chunk
        if size != member.size:
            raise refused(f"it unpacks to {size} bytes and says {member.size}", member.name, "its true size")
        if crc != member.crc:
            raise refused("its content is damaged (CRC-32 differs)", member.name, "what was packed")

    def read(self, name: str, limit: int = _LARGEST_DOCUMENT) -> bytes:
        """Return the content of a member.

        Args:
            name: Of the member.
            limit: The largest size that is read.

        Raises:
            CorruptFileError: If it is not there, too large, or damaged.
        """
        if name not in self.members:
            raise refused(f"it has no {name}", expected=f"a member {name}")
        member = self.members[name]
        if member.size > limit:
            raise refused(f"it has {member.size} bytes", name, f"at most {limit}")
        return b"".join(self.chunks(member))

    def window(self, member: Member) -> io.RawIOBase:
        """Return the bytes of a member that is not compressed as a file to read from, without a copy."""
        return _Window(self._file, member)

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each member."""
        found = {}
        for name, member in self.members.items():
            digest = hashlib.sha256()
            for chunk in self.chunks(member):
                digest.update(chunk)
            found[name] = digest.hexdigest()
        return found

    def _checked_manifest(self) -> dict[str, Any]:
        content = self.read(MANIFEST)
        try:
            manifest = strict_json(content)
        except ValueError as error:
            raise refused(f"it is not JSON: {error}", MANIFEST, "an object") from error
        if problem := problem_of_manifest(manifest, self.members):
            raise refused(problem, MANIFEST, "names of members, as eisen pack writes them")
        return dict(manifest)


@contextmanager
def opened(path: str | os.PathLike[str], limits: Limits | None = None) -> Iterator[Archive]:
    """Open an archive from a stranger; nothing in it is executed.

    Args:
        path: The archive.
        limits: How much is allowed; None: `Limits()`.

    Yields:
        The archive, all members checked.

    Raises:
        MissingFileError: If there is no such file.
        CorruptFileError: If it is refused; the card says which member, and why.

    Example:
        >>> import tempfile
        >>> from eisen_deploy.packaging.archive import write_archive
        >>> path = Path(tempfile.mkdtemp()) / "small.mar"
        >>> model = {"modelName": "small", "modelVersion": "1.0", "handler": "handlers.py"}
        >>> write_archive(path, {"handlers.py": b"pass"}, manifest={"runtime": "python", "model": model})
        >>> with opened(path) as archive:
        ...     archive.read("handlers.py")
        b'pass'
    """
    try:
        with _plain_file(Path(path)) as file:
            yield Archive(file, limits or Limits())
    except CorruptFileError as error:
        raise error.note(file=str(path)) from error.__cause__


@contextmanager
def _plain_file(path: Path) -> Iterator[IO[bytes]]:
    try:
        kind = path.stat().st_mode
        if not stat.S_ISREG(kind):
            what = f"{path} is {'a folder' if stat.S_ISDIR(kind) else 'no file'}"
            raise CorruptFileError(what, expected="a .mar, which is one file", file=str(path))
        file = path.open("rb")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingFileError(f"there is no archive {path}", file=str(path)) from error
    except OSError as error:
        if isinstance(error, EisenError):
            raise
        raise CorruptFileError(f"{path} cannot be read: {error.strerror}", file=str(path)) from error
    with file:
        yield file


class _Window(io.RawIOBase):
    """A part of a file."""

    def __init__(self, file: IO[bytes], member: Member) -> None:
        self._file, self._member, self._place = file, member, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self._member.size}[whence]
        if start + offset < 0:
            raise ValueError("a place in front of the first byte")
        self._place = start + offset
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Any) -> int:
        size = max(min(len(buffer), self._member.size - self._place), 0)
        buffer[:size] = read_at(self._file, self._member.data + self._place, size)
        self._place += size
        return size


def _stored(file: IO[bytes], member: Member) -> Iterator[bytes]:
    for start in range(0, member.packed, _CHUNK):
        yield read_at(file, member.data + start, min(_CHUNK, member.packed - start))


def _inflated(file: IO[bytes], member: Member) -> Iterator[bytes]:
    stream, rest = zlib.decompressobj(-zlib.MAX_WBITS), b""
    try:
        for rest in _stored(file, member):
            while rest and not stream.eof:
                yield stream.decompress(rest, _CHUNK)
                rest = stream.unconsumed_tail
            if rest:
                break
        while chunk := b"" if stream.eof else stream.decompress(b"", _CHUNK):
            yield chunk
    except zlib.error as error:
        raise refused("its content is damaged (deflate)", member.name, "what was packed") from error
    if not stream.eof or stream.unused_data or stream.unconsumed_tail or rest:
        raise refused("its packed size is not its true one", member.name, "the end of its content there")
