"""One cached case in one file: a checked header, then the arrays as they lie in memory.

=======  =====================================================
bytes    what
=======  =====================================================
0 - 8    ``EISENCA1``
8 - 32   length of the header, where arrays begin, length of the file (little-endian, 8 bytes each)
32 - 64  SHA-256 of these 32 bytes and the header
64 -     the header: JSON
...      the arrays, those of 64 KiB and more at whole pages
=======  =====================================================
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eisen._core.atomic import atomic_write
from eisen._core.errors import CorruptFileError
from eisen.storage.cache.values import Packed, unpack

try:
    from isal.isal_zlib import crc32
except ImportError:  # slower, and the same number
    from zlib import crc32

__all__ = ["CachedCase", "mapped", "read_case", "read_facts", "write_case"]

_MAGIC = b"EISENCA1"
_FIXED = 64
_FIRST_READ = 8192
_PAGE = mmap.ALLOCATIONGRANULARITY
_SMALL = 1 << 17
"""Up to this size copying is faster than mapping."""


@dataclass
class CachedCase:
    """A case as it was found in its file.

    Args:
        value: The data point; its arrays may be written to, which changes neither the file nor anybody else's copy.
        facts: What was written about it.
    """

    value: Any
    facts: dict[str, Any]


def write_case(path: Path, packed: Packed, facts: Mapping[str, Any]) -> int:
    """Write a case; the file appears when it is complete.

    Args:
        path: Where; its folder must exist.
        packed: The data point, without strangers.
        facts: What else is to be known about it, as JSON.

    Returns:
        Bytes written.

    Raises:
        ArtifactError: If it cannot be written.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from eisen.storage.cache.values import pack
        >>> path = Path(tempfile.mkdtemp()) / "anna.case"
        >>> _ = write_case(path, pack({"image": np.ones(3)}), {"case": "anna"})
        >>> read_case(path).value
        {'image': array([1., 1., 1.])}
    """
    check = 0
    for piece in packed.pieces():
        check = crc32(piece, check)
    head = {"tree": packed.tree, "table": packed.table, "check": check, "facts": dict(facts)}
    text = json.dumps(head, separators=(",", ":")).encode()
    start = -(-(_FIXED + len(text)) // 4096) * 4096
    size = start + packed.size
    fixed = _MAGIC + struct.pack("<QQQ", len(text), start, size)
    with atomic_write(path) as file:
        file.write(fixed + hashlib.sha256(fixed + text).digest() + text)
        file.write(bytes(start - _FIXED - len(text)))
        for piece in packed.pieces():
            file.write(piece)
    return size


def read_case(path: Path, *, verify: bool = False) -> CachedCase:
    """Return a case; large arrays are mapped, not read.

    Args:
        path: The file.
        verify: Whether to check the bytes of the arrays as well, which reads them all.

    Raises:
        FileNotFoundError: If there is no such file.
        CorruptFileError: If it is not as it was written.
    """
    file = os.open(path, os.O_RDONLY)
    try:
        head, start, size = _read_head(file, path)
        buffer = mapped(file, 0, size)
    finally:
        os.close(file)
    if verify and crc32(memoryview(buffer)[start:size]) != head["check"]:
        raise _damaged(path, "its voxels are not those that were written")
    return CachedCase(unpack(head["tree"], head["table"], (), buffer, start), head["facts"])


def read_facts(path: Path) -> dict[str, Any]:
    """Return what is known about a case, without its arrays.

    Args:
        path: The file.

    Raises:
        CorruptFileError: If it is not as it was written.
    """
    file = os.open(path, os.O_RDONLY)
    try:
        facts: dict[str, Any] = _read_head(file, path)[0]["facts"]
    finally:
        os.close(file)
    return facts


def mapped(file: int, offset: int, size: int) -> Any:
    """Return a part of a file as memory that may be written to; what is written stays private.

    Args:
        file: Number of the open file.
        offset: First byte; for more than 128 KiB a multiple of the size of a page.
        size: Number of bytes.
    """
    if size > _SMALL and offset % _PAGE == 0:
        with suppress(OSError):  # too many maps or open files: a copy does as well
            return mmap.mmap(file, size, access=mmap.ACCESS_COPY, offset=offset)
    buffer = bytearray(size)
    done = 0
    while done < size:
        part = os.pread(file, min(size - done, 1 << 30), offset + done)
        if not part:
            raise OSError(f"a file ends {size - done} bytes too early")
        buffer[done : done + len(part)] = part
        done += len(part)
    return buffer


def _read_head(file: int, path: Path) -> tuple[dict[str, Any], int, int]:
    """Return the header, where arrays begin, and the length of the file; every bit of it is checked."""
    raw = os.pread(file, _FIRST_READ, 0)
    if len(raw) < _FIXED or raw[:8] != _MAGIC:
        raise _damaged(path, "it does not begin like one")
    length, start, size = struct.unpack("<QQQ", raw[8:32])
    actual = os.fstat(file).st_size
    if not _FIXED + length <= start <= size == actual:
        raise _damaged(path, f"it has {actual} bytes of {size}")
    text = raw[_FIXED : _FIXED + length]
    if len(text) < length:
        text += os.pread(file, length - len(text), _FIXED + len(text))
    if hashlib.sha256(raw[:32] + text).digest() != raw[32:64]:
        raise _damaged(path, "its header is damaged")
    return json.loads(text), start, size


def _damaged(path: Path, why: str) -> CorruptFileError:
    return CorruptFileError(
        f"{path.name} is no complete file of the cache: {why}",
        expected="a file as eisen wrote it",
        to_do="nothing: the case is computed again",
        file=str(path),
    )
