"""DICOM series of requests: what is in a zip gets numbers for names, so none of its own can do harm."""

from __future__ import annotations

import io
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path

from eisen_deploy.serving.messages import Refusal
from eisen_deploy.serving.volumes.limits import Limits, too_large

__all__ = ["unpack_series"]

_BEFORE_MARK = 128
_END, _END_64_PLACE, _END_64 = b"PK\x05\x06", b"PK\x06\x07", b"PK\x06\x06"
_BYTES_PER_MEMBER = 512
_CHUNK = 1 << 20


def unpack_series(content: bytes | bytearray | memoryview, field: str, folder: Path, limits: Limits) -> int:
    """Write the DICOM files of a zip, found in any of its folders, to a folder as 000000.dcm, 000001.dcm, ...

    Everything else in the zip is passed over: indices (DICOMDIR), viewers, notes.

    Args:
        content: The zip.
        field: Whose it is.
        folder: Where to; it must be there.
        limits: How much there may be.

    Returns:
        How many files were written.

    Raises:
        Refusal: If the zip is damaged, encrypted or hostile, too large when it is unpacked, or has no DICOM file.
    """
    _demand_few(memoryview(content), field, limits)
    room, number = limits.unpacked, 0
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as file:
            for member in _members(file, field, limits):
                size = _written(file, member, folder / f"{number:06d}.dcm", field, room)
                room, number = room - size, number + bool(size)
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError) as error:
        raise _wrong(field, f"it is damaged: {error}", "a complete zip file") from error
    if not number:
        raise _wrong(field, "there is no DICOM file in it", "the files of one DICOM series, in any folder of the zip")
    return number


def _demand_few(content: memoryview, field: str, limits: Limits) -> None:
    """Look at the end of a zip, before Python reads its whole list of members."""
    tail = bytes(content[-66000:])
    place = len(tail) - 22 if tail[-22:-18] == _END and tail[-2:] == b"\0\0" else tail.rfind(_END)  # like zipfile
    if place < 0 or len(tail) < place + 22:
        raise _wrong(field, "it is truncated: a zip ends with its list of members", "a complete zip file")
    count, size = struct.unpack_from("<HI", tail, place + 10)
    if tail[place - 20 : place - 16] == _END_64_PLACE and place >= 20:
        (start,) = struct.unpack_from("<Q", tail, place - 12)
        record = bytes(content[start : start + 56])
        if record[:4] != _END_64 or len(record) < 56:
            raise _wrong(field, "it is damaged: its list of members is not where it should be", "a complete zip file")
        count, size = struct.unpack_from("<QQ", record, 32)
    if count > limits.members or size > limits.members * _BYTES_PER_MEMBER:
        raise Refusal(
            f"'{field}' is a zip with too many members",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "TooLarge",
            field=field,
            expected=f"at most {limits.members}",
            got=str(count),
        )


def _members(file: zipfile.ZipFile, field: str, limits: Limits) -> Iterator[zipfile.ZipInfo]:
    """Yield the files of a zip in the order of their names; all of them are looked at before the first."""
    members = [member for member in file.infolist() if not member.is_dir()]
    if len(members) > limits.members:
        raise _wrong(field, f"it has {len(members)} members", f"at most {limits.members}")
    for member in members:
        _demand_harmless(member, field)
    total = sum(member.file_size for member in members)
    if total > limits.unpacked:
        raise too_large(field, limits.unpacked, f"{total} bytes in {len(members)} files")
    yield from sorted(members, key=lambda member: member.filename)


def _demand_harmless(member: zipfile.ZipInfo, field: str) -> None:
    name = member.filename.replace("\\", "/")
    if name.startswith("/") or name[1:2] == ":" or ".." in name.split("/"):
        raise _wrong(field, f"it has a member {member.filename[:80]!r}", "names inside the zip")
    if stat.S_ISLNK(member.external_attr >> 16):
        raise _wrong(field, f"its member {member.filename[:80]!r} is a link", "files and folders only")
    if member.flag_bits & 0x1:
        raise _wrong(field, "it is encrypted", "a zip without a password")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _wrong(field, f"{member.filename[:80]!r} is packed in an unusual way", "a zip that is stored or deflated")


def _written(file: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, field: str, room: int) -> int:
    """Write a member if it is a DICOM file and no index, and return how many bytes it has."""
    if member.filename.rpartition("/")[2].upper() == "DICOMDIR":
        return 0
    with file.open(member) as source:
        start = source.read(_BEFORE_MARK + 4)
        if start[_BEFORE_MARK:] != b"DICM":
            return 0
        with path.open("wb") as target:
            size = target.write(start)
            while piece := source.read(_CHUNK):
                size += target.write(piece)
                if size > room:
                    raise too_large(field, room, f"more in {member.filename[:80]!r}")
    return size


def _wrong(field: str, what: str, expected: str) -> Refusal:
    return Refusal(
        f"'{field}' is a zip that cannot be used: {what}",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Damaged",
        field=field,
        expected=expected,
        to_do="zip the folder of one DICOM series, e.g. 'zip -r series.zip folder'",
    )
