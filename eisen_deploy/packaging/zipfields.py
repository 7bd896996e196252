"""The records of a zip file, read one by one: nothing is searched for, skipped or guessed.

Python's reader forgives a lot (bytes in front, names cut at a NUL, two headers that differ), Java's reads the headers
in front of the members instead of the table at the end. An archive that the two understand differently could be
checked as one thing and served as another, so every record must say the same and no byte may be left over.

Source: PKWARE, APPNOTE.TXT 6.3, sections 4.3 to 4.5.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import IO

from eisen._core.errors import CorruptFileError

__all__ = ["DESCRIPTOR", "EXTRA_64", "FULL", "Entry", "extras", "read_at", "read_entries", "refused", "shown"]

FULL, _FULL_SHORT = 0xFFFFFFFF, 0xFFFF
DESCRIPTOR, EXTRA_64 = 0x0008, 0x0001
_END, _END_64, _END_64_PLACE = struct.Struct("<4s4H2LH"), struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
_CENTRAL = struct.Struct("<4s6H3L5H2L")
_LONGEST_RECORD = 2048
_FORMATS = {
    b"\x1f\x8b": "a gzip file (.tar.gz)",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!": "a RAR archive",
    b"\xfd7zXZ": "an xz file",
    b"BZh": "a bzip2 file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
}


@dataclass(frozen=True)
class Entry:
    """A row of the table of contents.

    Args:
        raw_name: The name as it stands there.
        flags: General purpose bits.
        method: Of compression: 0 stored, 8 deflated.
        crc: Checksum of the content.
        packed: Bytes in the archive.
        size: Bytes of the content.
        offset: Where its local header is.
        attributes: Of the file, for the system that made it; the upper half is a Unix mode.
        extra: Extra fields.
    """

    raw_name: bytes
    flags: int
    method: int
    crc: int
    packed: int
    size: int
    offset: int
    attributes: int = 0
    extra: bytes = field(default=b"", repr=False)


def refused(what: str, name: str | bytes | None = None, expected: str = "") -> CorruptFileError:
    """Return the card for an archive that is not unpacked.

    Args:
        what: What is wrong.
        name: The member it is about.
        expected: What would have been right.

    Example:
        >>> refused("it is encrypted", "model.pt").card.what
        "member 'model.pt' is refused: it is encrypted"
    """
    return CorruptFileError(
        f"the archive is refused: {what}" if name is None else f"member {shown(name)} is refused: {what}",
        expected=expected,
        to_do="do not use it; get the archive again from whoever made it",
    )


def shown(name: str | bytes) -> str:
    r"""Return a name from a stranger so that it can be put on a screen.

    Example:
        >>> print(shown("a" + chr(9) + ".py"))
        'a\t.py'
    """
    text = ascii(name[:80]) + ("..." if len(name) > 80 else "")
    return text.removeprefix("b")


def read_at(file: IO[bytes], place: int, size: int) -> bytes:
    """Return exactly so many bytes from a place of the file.

    Raises:
        CorruptFileError: If the file ends before.
    """
    file.seek(place)
    content = file.read(size)
    if len(content) != size:
        raise refused("it is cut off", expected="a complete file")
    return content


def read_entries(file: IO[bytes], max_members: int) -> tuple[list[Entry], int]:
    """Read the table of contents.

    Args:
        file: The archive.
        max_members: How many there may be.

    Returns:
        Its rows, and where it begins.

    Raises:
        CorruptFileError: If it is no zip file, or its records contradict each other.
    """
    size = file.seek(0, os.SEEK_END)
    _check_format(file, size)
    end = size - _END.size
    count, table_size, table = _table(file, end)
    if count > max_members or table_size > max_members * _LONGEST_RECORD:
        raise refused(f"it has {count} members", expected=f"at most {max_members}")
    entries = list(_rows(read_at(file, table, table_size)))
    if len(entries) != count:
        raise refused(f"it says that it has {count} members, and has {len(entries)}", expected="numbers that agree")
    return entries, table


def extras(extra: bytes, name: bytes) -> dict[int, bytes]:
    """Take extra fields apart.

    Raises:
        CorruptFileError: If they are damaged, or one is there twice.
    """
    found: dict[int, bytes] = {}
    while extra:
        kind, size = struct.unpack_from("<2H", extra) if len(extra) >= 4 else (0, len(extra))
        if len(extra) < 4 + size or kind in found:
            raise refused("its extra fields are damaged", name)
        found[kind], extra = extra[4 : 4 + size], extra[4 + size :]
    return found


def _check_format(file: IO[bytes], size: int) -> None:
    file.seek(0)
    start = file.read(262)
    kind = next((kind for magic, kind in _FORMATS.items() if start.startswith(magic)), "")
    kind = kind or ("a tar archive" if start[257:262] == b"ustar" else "")
    if kind or not start:
        raise refused(f"it is {kind or 'empty'}", expected="a .mar that is a zip file, as eisen pack writes it")
    file.seek(max(size - 65557, 0))
    tail = file.read()
    if b"PK\x05\x06" not in tail:
        cut = start.startswith(b"PK\x03\x04")
        raise refused("it is cut off" if cut else "it is no zip file", expected="a complete .mar")
    if len(tail) < _END.size or tail[-_END.size :][:4] != b"PK\x05\x06" or tail[-2:] != b"\0\0":
        raise refused("there is something after its end", expected="nothing behind the table of contents, no comment")


def _table(file: IO[bytes], end: int) -> tuple[int, int, int]:
    """Return number of rows, size and place of the table of contents."""
    _, *values, _ = _END.unpack(read_at(file, end, _END.size))
    stop, wide = _wide_table(file, end)
    limits = (_FULL_SHORT,) * 4 + (FULL,) * 2
    if wide:
        if any(value not in (big, limit) for value, big, limit in zip(values, wide, limits, strict=True)):
            raise refused("its two ends (32 and 64 bits) contradict each other", expected="equal numbers")
        values = list(wide)
    elif any(value == limit for value, limit in zip(values, limits, strict=True)):
        raise refused("it says that numbers of 64 bits follow, and there are none", expected="numbers that agree")
    disk, table_disk, here, count, size, place = values
    if disk or table_disk or here != count:
        raise refused("it is one part of several", expected="an archive in one file")
    if place + size != stop:
        what = "its table of contents is not where its end says: bytes were put in front, taken out or added"
        raise refused(what, expected="a table of contents right before the end")
    return count, size, place


def _wide_table(file: IO[bytes], end: int) -> tuple[int, tuple[int, ...]]:
    """Return where the table of contents stops, and the numbers of the end with 64 bits, if there is one."""
    place = end - _END_64_PLACE.size
    if place < 0 or read_at(file, place, 4) != b"PK\x06\x07":
        return end, ()
    _, disk, wide, n_disks = _END_64_PLACE.unpack(read_at(file, place, _END_64_PLACE.size))
    if wide + _END_64.size != place or disk or n_disks != 1:
        raise refused("its end with 64 bits is not where it should be", expected="it right before the end")
    magic, length, _, _, *values = _END_64.unpack(read_at(file, wide, _END_64.size))
    if magic != b"PK\x06\x06" or length != _END_64.size - 12:
        raise refused("its end with 64 bits is damaged", expected="a record of 56 bytes")
    return wide, tuple(values)


def _rows(table: bytes) -> Iterator[Entry]:
    place = 0
    while place < len(table):
        if len(table) - place < _CENTRAL.size or table[place : place + 4] != b"PK\x01\x02":
            raise refused("its table of contents is damaged", expected="one record per member and nothing else")
        fields = _CENTRAL.unpack_from(table, place)
        flags, method, crc, packed, size = fields[3], fields[4], *fields[7:10]
        n_name, n_extra, n_comment, disk, _, attributes, offset = fields[10:]
        place += _CENTRAL.size
        name, extra = table[place : place + n_name], table[place + n_name : place + n_name + n_extra]
        place += n_name + n_extra
        if place > len(table):
            raise refused("its table of contents is damaged", name, "records that are complete")
        if n_comment or disk:
            raise refused("it has a comment, or is in another part", name, "neither")
        yield _widened(Entry(name, flags, method, crc, packed, size, offset, attributes, extra))


def _widened(entry: Entry) -> Entry:
    """Return a row with the numbers of 64 bits that stand in its extra field."""
    full = [key for key in ("size", "packed", "offset") if getattr(entry, key) == FULL]
    wide = extras(entry.extra, entry.raw_name).get(EXTRA_64, b"")
    if len(wide) != 8 * len(full):
        raise refused("its numbers of 64 bits do not fit those of 32 bits", entry.raw_name, "one for each that is full")
    return replace(entry, **dict(zip(full, struct.unpack(f"<{len(full)}Q", wide), strict=True)))
