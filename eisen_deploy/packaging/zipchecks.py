"""What each member of an archive from strangers must be like, before anything of it is unpacked."""

from __future__ import annotations

import stat
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import IO

from eisen._core.errors import ArgumentError
from eisen_deploy.packaging.names import clashes, problem_of
from eisen_deploy.packaging.zipfields import DESCRIPTOR, EXTRA_64, FULL, Entry, extras, read_at, refused

__all__ = ["Limits", "Member", "members_of"]

_LOCAL = struct.Struct("<4s5H3L2H")
_UTF8, _LEVEL, _ENCRYPTED = 0x0800, 0x0006, 0x2041
_KNOWN_EXTRAS = frozenset({EXTRA_64, 0x000A, 0x5455, 0x5855, 0x7855, 0x7875, 0xCAFE})
"""Sizes of 64 bits, times, owners, and the mark of Java; others could give a member a second name or a password."""

_LONGEST_EXTRA = 256


@dataclass(frozen=True)
class Limits:
    """How much an archive may hold.

    Args:
        max_members: Number of members.
        max_member_bytes: Size of one, unpacked.
        max_total_bytes: Size of all, unpacked.
        max_ratio: Unpacked size by packed size, of members and archives that unpack to more than `free_bytes`.
        free_bytes: Up to this size the ratio does not matter: a label map of one value is a thousand times smaller.

    Example:
        >>> Limits(max_members=100).max_members
        100
    """

    max_members: int = 10_000
    max_member_bytes: int = 16 << 30
    max_total_bytes: int = 32 << 30
    max_ratio: float = 250.0
    free_bytes: int = 64 << 20

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise ArgumentError(f"Limits: {name} is {value!r}", expected="a number above 0")


@dataclass(frozen=True)
class Member:
    """A member that was checked.

    Args:
        name: As a path with ``/``; of folders without it at the end.
        size: Bytes of the content.
        packed: Bytes in the archive.
        is_folder: Whether it is a folder, which has no content.
        crc: Checksum that the content must have.
        is_deflated: Whether it is compressed.
        start: Where its local header begins.
        data: Where its bytes begin.
        end: Where they, and what follows them, end.
    """

    name: str
    size: int
    packed: int
    is_folder: bool
    crc: int
    is_deflated: bool
    start: int
    data: int
    end: int


def members_of(file: IO[bytes], entries: Sequence[Entry], table: int, limits: Limits) -> list[Member]:
    """Check the rows of the table of contents against each other and against the header of each member.

    Args:
        file: The archive.
        entries: The rows.
        table: Where the table of contents begins.
        limits: How much is allowed.

    Returns:
        The members, in the order of the table.

    Raises:
        CorruptFileError: If anything is not as it must be; nothing was unpacked.
    """
    names = {entry: _name(entry) for entry in entries}
    if len(names) != len(entries):
        raise refused("two of its members are the same", expected="members with names of their own")
    for entry in entries:
        _check_kind(entry, names[entry])
        _check_size(entry, names[entry], limits)
    _check_total(entries, table, limits)
    _check_clashes([(names[entry], _is_folder(entry)) for entry in entries])
    ends = _ends(entries, names, table)
    return [_member(file, entry, names[entry], ends[entry]) for entry in entries]


def _name(entry: Entry) -> str:
    try:
        name = entry.raw_name.decode("utf-8" if entry.flags & _UTF8 else "ascii")
    except UnicodeDecodeError as error:
        raise refused("its name is not in UTF-8, or does not say so", entry.raw_name, "a name in UTF-8") from error
    if problem := problem_of(name.removesuffix("/") or name):
        raise refused(f"its name is not allowed: {problem}", name, "a name such as 'weights/0.safetensors'")
    return name.removesuffix("/")


def _is_folder(entry: Entry) -> bool:
    return entry.raw_name.endswith(b"/")


def _check_kind(entry: Entry, name: str) -> None:
    if unknown := entry.flags & ~(_UTF8 | _LEVEL | DESCRIPTOR):
        what = "it is encrypted" if unknown & _ENCRYPTED else f"its flags are unknown ({unknown:#x})"
        raise refused(what, name, "a plain member")
    if entry.method not in (0, 8):
        raise refused(f"it is compressed with method {entry.method}", name, "deflate (8), or stored (0)")
    if entry.flags & DESCRIPTOR and entry.method == 0:
        raise refused("nobody can tell where it ends: stored, with its size behind it", name, "its size before it")
    kinds = {0: "", stat.S_IFREG: "", stat.S_IFDIR: "a folder", stat.S_IFLNK: "a link"}
    kind = kinds.get(stat.S_IFMT(entry.attributes >> 16), "a device, pipe or socket")
    folder = kind == "a folder" or bool(entry.attributes & 0x10)
    if kind not in ("", "a folder"):
        raise refused(f"it is {kind}", name, "a file")
    if folder and not _is_folder(entry):
        raise refused("it is a folder, and its name is that of a file", name, "a name that ends with '/'")
    found = extras(entry.extra, entry.raw_name)
    if not found.keys() <= _KNOWN_EXTRAS or len(entry.extra) > _LONGEST_EXTRA:
        raise refused("it has extra fields that are unknown, or too long", name, "times, owners and sizes")


def _check_size(entry: Entry, name: str, limits: Limits) -> None:
    if _is_folder(entry) and (entry.size or entry.crc or entry.packed > 2):
        raise refused("it is a folder with content", name, "a folder, or a file")
    if entry.method == 0 and entry.size != entry.packed:
        raise refused("it is stored, and its two sizes differ", name, "equal sizes")
    if entry.size > limits.max_member_bytes:
        raise refused(f"it unpacks to {entry.size} bytes", name, f"at most {limits.max_member_bytes}")
    if entry.size > max(limits.free_bytes, limits.max_ratio * entry.packed):
        raise refused(f"it unpacks from {entry.packed} to {entry.size} bytes", name, f"{limits.max_ratio:g} to 1")


def _check_total(entries: Iterable[Entry], table: int, limits: Limits) -> None:
    total = sum(entry.size for entry in entries)
    if total > limits.max_total_bytes:
        raise refused(f"it unpacks to {total} bytes", expected=f"at most {limits.max_total_bytes}")
    if total > max(limits.free_bytes, limits.max_ratio * table):
        raise refused(f"it unpacks from {table} to {total} bytes", expected=f"{limits.max_ratio:g} to 1")


def _check_clashes(names: Sequence[tuple[str, bool]]) -> None:
    files = [name for name, is_folder in names if not is_folder]
    for one, other, why in clashes(files):
        raise refused(f"it and {other!r} {why}", one, "names that differ on every system")
    folders = {"/".join(name.split("/")[:n]) for name in files for n in range(1, name.count("/") + 1)}
    for name, is_folder in names:
        if is_folder and name not in folders:
            raise refused("it is a folder without files, or clashes with a file", name, "folders of files only")


def _ends(entries: Iterable[Entry], names: dict[Entry, str], table: int) -> dict[Entry, int]:
    """Return where each member ends: where the next one, or the table, begins."""
    ordered = sorted(entries, key=lambda entry: entry.offset)
    if not ordered:
        raise refused("there is nothing in it", expected="a packed model")
    if ordered[0].offset != 0:
        raise refused("there is something in front of its first member", expected="nothing")
    for one, other in pairwise(ordered):
        if other.offset < one.offset + _LOCAL.size + len(one.raw_name) + one.packed:
            raise refused("it lies over another member", names[other], "members one after the other")
    if ordered[-1].offset + _LOCAL.size > table:
        raise refused("it is not in the archive", names[ordered[-1]], "a place in front of the table of contents")
    return dict(zip(ordered, [*(entry.offset for entry in ordered[1:]), table], strict=True))


def _member(file: IO[bytes], entry: Entry, name: str, end: int) -> Member:
    header = _LOCAL.unpack(read_at(file, entry.offset, _LOCAL.size))
    magic, flags, method, n_name, n_extra = header[0], header[2], header[3], *header[9:]
    rest = read_at(file, entry.offset + _LOCAL.size, n_name + n_extra)
    raw_name, extra = rest[:n_name], extras(rest[n_name:], entry.raw_name)
    if magic != b"PK\x03\x04" or (flags, method, raw_name) != (entry.flags, entry.method, entry.raw_name):
        raise refused("its header and the table of contents differ", name, "the same name, method and flags")
    if not extra.keys() <= _KNOWN_EXTRAS or n_extra > _LONGEST_EXTRA:
        raise refused("its header has extra fields that are unknown, or too long", name, "times, owners and sizes")
    _check_numbers(entry, name, header[6:9], extra.get(EXTRA_64))
    data = entry.offset + _LOCAL.size + n_name + n_extra
    gap = read_at(file, data + entry.packed, max(end - data - entry.packed, 0))
    if data + entry.packed > end or gap not in _tails(entry):
        raise refused("there are bytes behind it that belong to no member, or too few", name, "nothing in between")
    return Member(
        name, entry.size, entry.packed, _is_folder(entry), entry.crc, entry.method == 8, entry.offset, data, end
    )


def _check_numbers(entry: Entry, name: str, local: Sequence[int], wide: bytes | None) -> None:
    crc, packed, size = local
    if wide is not None:
        if len(wide) != 16 or (packed, size) != (FULL, FULL):
            raise refused("its numbers of 64 bits do not fit those of 32 bits", name, "both sizes, or none")
        size, packed = struct.unpack("<2Q", wide)
    told = (crc, packed, size)
    later = entry.flags & DESCRIPTOR and told == (0, 0, 0)
    if not later and told != (entry.crc, entry.packed, entry.size):
        raise refused("its header and the table of contents differ in its size or checksum", name, "equal numbers")


def _tails(entry: Entry) -> Iterator[bytes]:
    """Yield what may follow the bytes of a member: nothing, or its numbers once more."""
    if not entry.flags & DESCRIPTOR:
        yield b""
        return
    for numbers in ("<3L", "<L2Q"):
        if numbers == "<L2Q" or max(entry.packed, entry.size) < FULL:
            tail = struct.pack(numbers, entry.crc, entry.packed, entry.size)
            yield from (tail, b"PK\x07\x08" + tail)
