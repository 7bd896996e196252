"""Undoing gzip without trusting it: a stream is unpacked piece by piece and stopped where it grows too long."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus

from eisen.io.inflate import INFLATE_ERRORS, inflater
from eisen_deploy.serving.messages import Refusal
from eisen_deploy.serving.volumes.limits import too_large

__all__ = ["unzipped"]

_CHUNK = 1 << 18
_AT_ONCE = 1 << 22


def unzipped(content: bytes | bytearray | memoryview, field: str, limit: int) -> Iterator[bytes]:
    """Yield what is in a gzip file, piece by piece; its checksums are verified.

    Args:
        content: The file.
        field: Whose it is.
        limit: How many bytes there may be.

    Raises:
        Refusal: If it is damaged, ends early, or holds more.

    Example:
        >>> import gzip
        >>> b"".join(unzipped(gzip.compress(b"voxels"), "image", 100))
        b'voxels'
    """
    done = 0
    for piece in _pieces(memoryview(content), field):
        done += len(piece)
        if done > limit:
            raise too_large(field, limit, "more than that in a gzip file")
        yield piece


def _pieces(content: memoryview, field: str) -> Iterator[bytes]:
    engine, fresh = inflater(), True
    for start in range(0, len(content), _CHUNK):
        rest = bytes(content[start : start + _CHUNK])
        while rest:
            if engine.eof:
                if not rest.strip(b"\0"):  # padding, which tapes and some programs leave
                    break
                engine, fresh = inflater(), True
            try:
                piece = engine.decompress(rest, _AT_ONCE)
            except INFLATE_ERRORS as error:
                raise _damaged(field, str(error)) from error
            fresh = False
            rest = engine.unused_data if engine.eof else engine.unconsumed_tail
            if piece:
                yield piece
            elif not engine.eof:
                break
    if fresh or not engine.eof:
        raise _damaged(field, "it ends too early")


def _damaged(field: str, why: str) -> Refusal:
    return Refusal(
        f"'{field}' is a gzip file that is truncated or damaged: {why}",
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "Damaged",
        field=field,
        expected="a complete file",
        to_do="send the whole file again",
    )
