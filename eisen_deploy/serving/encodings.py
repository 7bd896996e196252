"""Bodies that are compressed on their way: ``Content-Encoding`` and ``Accept-Encoding``."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from io import BytesIO
from typing import Any, cast

from eisen._core.optional import require
from eisen._core.sizes import memory_bytes
from eisen_deploy.serving.messages import Answer, Refusal, Request

__all__ = ["compressed", "decompressed", "most_bytes"]

_CHUNK, _BITE, _WINDOW = 1 << 22, 1 << 12, 1 << 27
_ALIASES = {"x-gzip": "gzip", "identity": ""}
_KNOWN = ("", "gzip", "zstd")
_SMALL = 1024
_DENSE = ("application/gzip", "application/x-nifti+gzip", "application/zip", "image/png", "image/jpeg")


def most_bytes() -> int:
    """Return how many bytes a body may have when it is decompressed: what ``EISEN_MAX_UNPACKED`` says, or 2 GiB.

    Example:
        >>> most_bytes() > 0
        True
    """
    text = os.environ.get("EISEN_MAX_UNPACKED")
    return memory_bytes(text) if text else 2**31


def decompressed(request: Request, max_bytes: int) -> Request:
    """Undo the compression of the body of a request, if it has one.

    Args:
        request: What came.
        max_bytes: Most bytes that may come out.

    Raises:
        Refusal: If the compression is unknown (415), damaged (400), or more comes out (413).

    Example:
        >>> import gzip
        >>> decompressed(Request(gzip.compress(b"scan"), {"content-encoding": "gzip"}), 100).body
        bytearray(b'scan')
    """
    coding = request.headers.get("content-encoding", "").strip().lower()
    coding = _ALIASES.get(coding, coding)
    if coding not in _KNOWN:
        raise Refusal(
            f"the compression {coding[:40]!r} is not known",
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "UnknownEncoding",
            expected="Content-Encoding: gzip, zstd or none",
        )
    if not coding or not len(request.body):
        return request
    headers = {name: value for name, value in request.headers.items() if name != "content-encoding"}
    return replace(request, body=_inflated(request.body, coding, max_bytes), headers=headers)


def compressed(answer: Answer, request: Request) -> Answer:
    """Compress an answer, if the request asks for just that.

    Only a single coding (``Accept-Encoding: zstd``) counts as a wish: lists of them are what libraries send unasked,
    and on a fast line compressing a volume takes longer than sending it.

    Args:
        answer: What goes back.
        request: What came.

    Example:
        >>> answer = Answer(bytes(5000), "application/msgpack")
        >>> len(compressed(answer, Request(headers={"accept-encoding": "gzip"})).body)
        39
        >>> compressed(answer, Request(headers={"accept-encoding": "gzip, deflate"})) is answer
        True
    """
    wish = request.headers.get("accept-encoding", "").strip().lower()
    coding = _ALIASES.get(wish, wish)
    dense = answer.content_type.partition(";")[0] in _DENSE or "Content-Encoding" in answer.headers
    if coding not in ("gzip", "zstd") or dense or len(answer.body) < _SMALL:
        return answer
    headers = {**answer.headers, "Content-Encoding": coding, "Vary": "Accept-Encoding"}
    return replace(answer, body=_deflated(answer.body, coding), headers=headers)


def _inflated(body: bytes | bytearray | memoryview, coding: str, max_bytes: int) -> bytearray:
    whole = bytearray()
    try:
        for part in _gunzipped(body) if coding == "gzip" else _from_zstd(memoryview(body)):
            whole += part
            if len(whole) > max_bytes:
                raise _too_large(max_bytes)
    except _errors(coding) as error:
        expected = f"what Content-Encoding says: {coding}"
        raise Refusal(f"the body is no whole {coding} stream", kind="BadEncoding", expected=expected) from error
    return whole


def _too_large(max_bytes: int) -> Refusal:
    return Refusal(
        f"the body has more than {max_bytes} bytes when it is decompressed",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "TooLarge",
        expected=f"at most {max_bytes} bytes",
    )


def _zstandard() -> Any:
    return require("zstandard", "deploy", "zstd bodies")


def _errors(coding: str) -> tuple[type[Exception], ...]:
    return (EOFError, OSError, ValueError, zlib.error, *([_zstandard().ZstdError] if coding == "zstd" else []))


def _gunzipped(body: bytes | bytearray | memoryview) -> Iterator[bytes]:
    from isal import igzip

    with igzip.open(BytesIO(body)) as source:  # type: ignore[no-untyped-call]
        while part := source.read(_CHUNK):
            yield part


def _from_zstd(body: memoryview) -> Iterator[bytes]:
    """Yield parts; few bytes at a time go in, because each may become 32 000."""
    unpacker = _zstandard().ZstdDecompressor(max_window_size=_WINDOW)
    frame = unpacker.decompressobj()
    for start in range(0, len(body), _BITE):
        rest = bytes(body[start : start + _BITE])
        while rest:
            frame = unpacker.decompressobj() if frame.eof else frame
            yield frame.decompress(rest)
            rest = frame.unused_data
    if not frame.eof:
        raise EOFError


def _deflated(body: bytes, coding: str) -> bytes:
    if coding == "zstd":
        return cast("bytes", _zstandard().ZstdCompressor(level=1).compress(body))
    from isal import igzip

    return igzip.compress(body, 1, mtime=0)
