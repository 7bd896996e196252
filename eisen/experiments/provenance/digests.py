"""Digests of values, files and arrays: short numbers that change when the content does."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from eisen._core.digest import bytes_digest, text_digest
from eisen._core.optional import is_torch

__all__ = ["array_digest", "digest_of", "file_digests", "is_array", "same_file", "short"]

_WHOLE_BYTES = 1 << 16
"""Files up to this size are read whole."""

_PART_BYTES = 1 << 12
_BLOCK = 1 << 16
_BUDGET = 1 << 29
"""How much of the files without a checksum of their own is read: half a second from memory."""

_CHECKED = (".gz", ".png")
"""The last bytes of these hold a checksum of everything before."""

_SHORT = 12
_MANY, _THREADS = 64, 8


def digest_of(value: Any) -> str:
    """Return the SHA-256 of anything JSON can hold; the order of keys does not matter.

    Example:
        >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
        True
    """
    text = json.dumps(value, sort_keys=True, default=str, ensure_ascii=False)
    return text_digest(text)


def short(digest: str) -> str:
    """Return the first 12 characters of a digest: enough to tell versions of one thing apart."""
    return digest[:_SHORT]


def file_digests(paths: Sequence[Path]) -> tuple[dict[Path, str], int]:
    """Return a short digest of the content of each file, and which part of the large ones was read.

    Of files above 64 KiB the size, the head and the tail count. gzip and PNG keep a checksum of everything there; of
    all others the content counts as well, whole while they are 512 MiB together, else every second (fourth, eighth
    ...) block of 64 KiB. Modification times never count.

    Args:
        paths: The files; those that cannot be read get the digest ``"unreadable"``.

    Returns:
        The digests, ``head`` or ``head.content``; and 1 when whole contents were read, n when every n-th block was.
    """
    bulky = {path: size for path in paths if (size := _bulk(path))}
    every = 1
    while sum(bulky.values()) > _BUDGET * every:
        every *= 2
    one = partial(_file_digest, bulky=bulky, every=every)
    if len(paths) < _MANY and sum(bulky.values()) < _BLOCK * _MANY:
        return dict(zip(paths, map(one, paths), strict=True)), every
    shares = [paths[n::_THREADS] for n in range(_THREADS)]
    with ThreadPoolExecutor(_THREADS) as pool:  # on network drives nearly all the time is waiting
        found = pool.map(lambda share: [(path, one(path)) for path in share], shares)
        digests = {path: digest for share in found for path, digest in share}
    return {path: digests[path] for path in paths}, every


def same_file(old: str, new: str, *, comparable: bool) -> bool:
    """Tell whether two digests of `file_digests` may belong to the same content.

    Args:
        old: A digest.
        new: Another one.
        comparable: Whether the same part of large files was read for both.
    """
    (head, _, content), (new_head, _, new_content) = old.partition("."), new.partition(".")
    known = comparable and content and new_content
    return head == new_head and (not known or content == new_content)


def is_array(value: object) -> bool:
    """Tell whether a value is an array of NumPy or a tensor of torch."""
    return is_torch(value) or (type(value).__module__ == "numpy" and hasattr(value, "__array_interface__"))


def array_digest(value: Any) -> str:
    """Return a short digest of type, shape and content of an array; of large ones every n-th block counts.

    Example:
        >>> import numpy as np
        >>> array_digest(np.zeros(3)) == array_digest(np.zeros(4))
        False
    """
    import numpy as np

    if is_torch(value):
        import torch

        flat = value.detach().cpu().contiguous().reshape(-1)
        raw, kind = flat.view(torch.uint8).numpy(), str(value.dtype)
    else:
        whole = np.ascontiguousarray(value)
        if whole.dtype.hasobject:
            return short(digest_of(whole.tolist()))
        raw, kind = whole.reshape(-1).view(np.uint8), whole.dtype.str
    total = hashlib.sha256(repr((kind, tuple(value.shape))).encode())
    step = _BLOCK * -(-raw.size // _BUDGET) if raw.size > _BUDGET else max(raw.size, 1)
    for start in range(0, raw.size, step):
        total.update(raw[start : start + (_BLOCK if raw.size > _BUDGET else step)])
    return short(total.hexdigest())


def _bulk(path: Path) -> int:
    """Return how many bytes the head and the tail of a file say nothing about."""
    if path.suffix.lower() in _CHECKED:
        return 0
    try:
        size = path.stat().st_size
    except OSError:
        return 0
    return size if size > _WHOLE_BYTES else 0


def _file_digest(path: Path, bulky: dict[Path, int], every: int) -> str:
    try:
        head = short(bytes_digest(_ends(path)))
        return f"{head}.{_content(path, every)}" if path in bulky else head
    except OSError:
        return "unreadable"


def _ends(path: Path) -> bytes:
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(min(size, _WHOLE_BYTES) if size <= _WHOLE_BYTES else _PART_BYTES)
        if size > _WHOLE_BYTES:
            file.seek(-_PART_BYTES, os.SEEK_END)
            content += file.read()
    return size.to_bytes(8, "little") + content


def _content(path: Path, every: int) -> str:
    total = hashlib.sha256()
    with path.open("rb") as file:
        for block in _blocks(file, every):
            total.update(block)
    return short(total.hexdigest())


def _blocks(file: Any, every: int) -> Iterator[bytes]:
    size = _BLOCK if every > 1 else _BLOCK * 16
    while block := file.read(size):
        yield block
        if every > 1:
            file.seek(_BLOCK * (every - 1), os.SEEK_CUR)
