"""From the body of a request to memory that a worker sees."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from eisen_deploy.serving.embedded.blocks import INLINE, BlockPool
from eisen_deploy.serving.embedded.jobs import Body
from eisen_deploy.serving.embedded.limits import Limits
from eisen_deploy.serving.embedded.protocol import EXTENSION, Connection
from eisen_deploy.serving.messages import Refusal

__all__ = ["BodyReader", "ClientGoneError", "Receive", "Scope", "Send", "body_size"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class ClientGoneError(ConnectionError):
    """The client hung up; nobody is left to be answered."""


def body_size(headers: Mapping[str, str], max_bytes: int) -> int | None:
    """Return how large a body says it is; None: it does not say.

    Args:
        headers: By name in small letters.
        max_bytes: Largest one.

    Raises:
        Refusal: If it is too large, before a byte of it is read.

    Example:
        >>> body_size({"content-length": "8"}, 100), body_size({"transfer-encoding": "chunked"}, 100)
        (8, None)
    """
    if "transfer-encoding" in headers:
        return None
    text = headers.get("content-length", "0")
    size = int(text) if text.isascii() and text.isdigit() and len(text) < 20 else -1
    if size < 0:
        raise Refusal("the length of the body is no number", 400, "BadRequest")
    if size > max_bytes:
        raise too_large(max_bytes, got=f"{size} bytes")
    return size


def too_large(max_bytes: int, got: str = "") -> Refusal:
    """Return the refusal of a body that is too large."""
    expected = f"at most {max_bytes} bytes"
    to_do = "send it compressed or with smaller voxels (int16), or serve with a larger --max-size"
    return Refusal("the request is too large", 413, "TooLarge", expected=expected, got=got, to_do=to_do)


class BodyReader:
    """Reads the body of one request.

    Args:
        scope: Of the request.
        receive: Of the request.
        pool: Memory for large bodies.
        limits: How long the client may take.
    """

    def __init__(self, scope: Scope, receive: Receive, pool: BlockPool, limits: Limits) -> None:
        self._connection: Connection | None = scope.get("extensions", {}).get(EXTENSION)
        self._receive, self._pool, self._limits = receive, pool, limits
        self._started, self._got = time.monotonic(), 0

    async def read(self, size: int | None, max_bytes: int) -> Body:
        """Return the body.

        Args:
            size: What it says about its size.
            max_bytes: Largest one.

        Raises:
            Refusal: If it is too large or too slow.
            ClientGoneError: If the client hangs up.
        """
        expected = max_bytes if size is None else size
        body = Body() if expected <= INLINE else Body(block=self._pool.take(expected), pool=self._pool)
        try:
            async with asyncio.timeout(self._limits.body_seconds(expected)):
                if body.block is None:
                    body.data = await self._small(expected)
                    body.size = len(body.data)
                else:
                    await self._large(body, body.block.view[:expected], direct=size is not None)
        except BaseException as error:
            body.release()
            if isinstance(error, TimeoutError):
                what = "the body of the request came too slowly"
                raise Refusal(what, 408, "Timeout", expected=f"{self._limits.lowest_rate:g} bytes/s") from None
            if isinstance(error, ConnectionError):
                raise ClientGoneError from None
            raise
        return body

    async def _small(self, most: int) -> bytes:
        data, more = bytearray(), True
        while more:
            piece, more = await self._next()
            data += piece
            if len(data) > most:
                raise too_large(most)
        return bytes(data)

    async def _large(self, body: Body, view: memoryview, *, direct: bool) -> None:
        """Read into memory: piece by piece, or for a body of known size the rest at once after the first piece."""
        more = True
        while more:
            piece, more = await self._next()
            end = body.size + len(piece)
            if end > len(view):
                raise too_large(len(view))
            view[body.size : end] = piece
            body.size = end
            if more and direct and self._connection is not None:
                await self._connection.read_into(view[end:], self._limits.silence_s)
                body.size, more = len(view), False

    async def _next(self) -> tuple[bytes, bool]:
        async with asyncio.timeout(self._limits.silence_s):
            message = await self._receive()
        if message["type"] != "http.request":
            raise ClientGoneError
        piece = message.get("body", b"")
        self._got += len(piece)
        if time.monotonic() - self._started > self._limits.body_seconds(self._got):
            raise TimeoutError
        return piece, bool(message.get("more_body"))
