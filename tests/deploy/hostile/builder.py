"""Zip files made record by record, so that every field of every record can lie."""

from __future__ import annotations

import stat
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

FILE = (stat.S_IFREG | 0o644) << 16


def deflated(content: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -15)
    return stream.compress(content) + stream.flush()


@dataclass
class Part:
    """A member. `local` and `central` replace fields of its two headers; `data` its bytes in the archive."""

    name: bytes
    content: bytes = b""
    method: int = 8
    flags: int = 0
    attributes: int = FILE
    extra: bytes = b""
    data: bytes | None = None
    local: Mapping[str, Any] = field(default_factory=dict)
    central: Mapping[str, Any] = field(default_factory=dict)
    before: bytes = b""
    behind: bytes = b""
    comment: bytes = b""

    def fields(self) -> dict[str, Any]:
        data = self.packed()
        return {
            "name": self.name,
            "flags": self.flags,
            "method": self.method,
            "crc": zlib.crc32(self.content),
            "packed": len(data),
            "size": len(self.content),
            "extra": self.extra,
            "magic": None,
            "attributes": self.attributes,
            "disk": 0,
        }

    def packed(self) -> bytes:
        if self.data is not None:
            return self.data
        return deflated(self.content) if self.method == 8 else self.content

    def local_header(self) -> bytes:
        f = {**self.fields(), **self.local}
        head = (f["magic"] or b"PK\x03\x04", 20, f["flags"], f["method"], 0, 33, f["crc"], f["packed"], f["size"])
        return struct.pack("<4s5H3L2H", *head, len(f["name"]), len(f["extra"])) + f["name"] + f["extra"]

    def central_row(self, offset: int) -> bytes:
        f = {"offset": offset, **self.fields(), **self.central}
        head = (
            f["magic"] or b"PK\x01\x02",
            0x314,
            20,
            f["flags"],
            f["method"],
            0,
            33,
            f["crc"],
            f["packed"],
            f["size"],
        )
        tail = (len(f["name"]), len(f["extra"]), len(self.comment), f["disk"], 0, f["attributes"], f["offset"])
        return struct.pack("<4s6H3L5H2L", *head, *tail) + f["name"] + f["extra"] + self.comment


def build(
    parts: Sequence[Part],
    *,
    prefix: bytes = b"",
    shift: int = 0,
    between: bytes = b"",
    wide: bytes = b"",
    comment: bytes = b"",
    suffix: bytes = b"",
    **end: int,
) -> bytes:
    """Return an archive.

    Args:
        parts: Members in their order.
        prefix: Bytes in front; offsets take no account of them but for `shift`.
        shift: Added to all offsets.
        between: Bytes between the last member and the table of contents.
        wide: Records between the table of contents and the end.
        comment: Of the archive.
        suffix: Bytes behind the end.
        **end: Replaces fields of the end: disk, table_disk, here, count, size, place.
    """
    body, rows = bytearray(), bytearray()
    for part in parts:
        body += part.before
        offset = len(body)
        body += part.local_header() + part.packed() + part.behind
        rows += part.central_row(offset + shift)
    body += between
    values = {"disk": 0, "table_disk": 0, "here": len(parts), "count": len(parts), "size": len(rows)}
    values = {**values, "place": len(body) + shift, **end}
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", *values.values(), len(comment)) + comment
    return prefix + bytes(body) + bytes(rows) + wide + tail + suffix


def wide_end(place: int, *, count: int, size: int, table: int, **changes: int) -> bytes:
    """Return the two records of an end with 64 bits that begin at `place`."""
    f = {"length": 44, "disk": 0, "n_disks": 1, "at": place, **changes}
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", f["length"], 45, 45, f["disk"], 0, count, count, size, table)
    return record + struct.pack("<4sLQL", b"PK\x06\x07", 0, f["at"], f["n_disks"])


def extra(kind: int, content: bytes) -> bytes:
    return struct.pack("<2H", kind, len(content)) + content
