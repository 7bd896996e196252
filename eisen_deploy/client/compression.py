"""Bodies that are compressed while they are sent, and answers that are decompressed while they come."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from eisen._core.errors import ArgumentError, nearest
from eisen._core.optional import require
from eisen_deploy.client.bodies import Body

__all__ = ["COMPRESSIONS", "DamagedError", "checked_compression", "compressed", "undone"]

COMPRESSIONS = ("gzip", "zstd")
"""What a body may be compressed with; both at their fastest level."""


def checked_compression(name: str | None) -> str | None:
    """Return the name of a compression, or None for none.

    Raises:
        ArgumentError: If there is no such compression.
        MissingExtraError: If its package is not installed.
    """
    if name is None:
        return None
    if name not in COMPRESSIONS:
        raise ArgumentError(
            f"there is no compression {name!r}", expected="None, 'gzip' or 'zstd'", to_do=nearest(name, COMPRESSIONS)
        )
    if name == "zstd":
        require("zstandard", "deploy", "compressing with zstd")
    return name


def compressed(body: Body, how: str | None) -> Body:
    """Return a body that is compressed while it is sent; one that is compressed already stays as it is.

    Args:
        body: What to send.
        how: ``"gzip"``, ``"zstd"`` or None.

    Example:
        >>> import gzip
        >>> from eisen_deploy.client.bodies import bytes_body
        >>> body = compressed(bytes_body(b"voxels " * 1000), "gzip")
        >>> gzip.decompress(b"".join(body.pieces())) == b"voxels " * 1000, body.headers
        (True, {'Content-Encoding': 'gzip'})
    """
    if how is None or body.is_packed:
        return body
    make = _gzip if how == "gzip" else _zstd

    def pieces() -> Iterator[bytes | memoryview]:
        engine = make()
        for piece in body.pieces():
            if out := engine.compress(piece):
                yield out
        if rest := engine.flush():
            yield rest

    return replace(body, pieces=pieces, length=None, headers={**body.headers, "Content-Encoding": how})


class DamagedError(ValueError):
    """Compressed bytes that cannot be decompressed to their end."""


def undone(pieces: Iterable[bytes], how: str) -> Iterator[bytes]:
    """Yield what was compressed.

    Args:
        pieces: Compressed bytes.
        how: The Content-Encoding.

    Raises:
        DamagedError: If they are damaged, end too early, or are compressed in a way that was never asked for.

    Example:
        >>> import gzip
        >>> b"".join(undone([gzip.compress(b"voxels")], "gzip"))
        b'voxels'
    """
    how = how.strip().lower()
    if how in ("", "identity"):
        yield from pieces
        return
    if how not in COMPRESSIONS:
        raise DamagedError(f"nobody asked for the compression {how!r}")
    engine = zlib.decompressobj(31) if how == "gzip" else _zstd_reader()
    try:
        for piece in pieces:
            if out := engine.decompress(piece):
                yield out
    except Exception as error:
        if type(error).__name__ not in ("error", "ZstdError"):  # of zlib and zstandard; others are of the network
            raise
        raise DamagedError(str(error)) from error
    if not engine.eof:
        raise DamagedError("they end too early")


def _zstd_reader() -> Any:
    return require("zstandard", "deploy", "an answer compressed with zstd").ZstdDecompressor().decompressobj()


def _gzip() -> Any:
    from isal import isal_zlib

    return isal_zlib.compressobj(1, isal_zlib.DEFLATED, 31)  # 31: with the head of gzip, without a time in it


def _zstd() -> Any:
    zstandard = require("zstandard", "deploy", "compressing with zstd")
    engine: Callable[..., Any] = zstandard.ZstdCompressor(level=1).compressobj
    return engine()
