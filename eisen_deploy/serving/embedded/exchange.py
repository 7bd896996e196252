"""One request and its answer: what was said, how much, and how it is sent."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from eisen_deploy.serving.embedded.jobs import Job, Reply
from eisen_deploy.serving.embedded.limits import Limits
from eisen_deploy.serving.embedded.protocol import EXTENSION
from eisen_deploy.serving.embedded.reading import ClientGoneError, Receive, Scope, Send
from eisen_deploy.serving.messages import Answer, Refusal

__all__ = ["Exchange"]

_PIECE = 2**18
_GONE = 499
_NOT_OURS = frozenset({"content-length", "content-type", "transfer-encoding", "connection", "server", "date"})
_HEADER_NAME, _CONTROL = re.compile(r"^[A-Za-z0-9-]+$"), re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Exchange:
    """A request that is being answered.

    Args:
        scope: Of ASGI.
        receive: Of ASGI.
        send: Of ASGI.
        limits: How long the client may take to read.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send, limits: Limits) -> None:
        self.scope, self.receive, self._send, self._limits = scope, receive, send, limits
        self.headers = _joined(scope["headers"])
        self.extra: Mapping[str, str] = {}
        self.model = ""
        self.job: Job | None = None
        self.status = self.bytes_in = self.bytes_out = 0
        self.body_is_read = False
        self._started = time.perf_counter()

    @property
    def has_body(self) -> bool:
        """Whether the request comes with a body."""
        return "transfer-encoding" in self.headers or self.headers.get("content-length", "0") != "0"

    def line(self, path: str) -> dict[str, Any]:
        """Return what the log says about it: no names of files, nothing of the bodies.

        Args:
            path: The address, when it is one of ours.
        """
        line = {"event": "request", "method": self.scope["method"], "path": path, "status": self.status}
        line |= {"model": self.model, "bytes_in": self.bytes_in, "bytes_out": self.bytes_out}
        if self.job is not None:
            line |= {"wait_s": self.job.wait_s, "compute_s": self.job.compute_s}
        return line | {"total_s": time.perf_counter() - self._started}

    def gone(self) -> None:
        """Note that the client hung up."""
        self.status = self.status or _GONE

    async def answer(self, answer: Answer) -> None:
        """Send an answer of ours."""
        await self.reply(Reply(int(answer.status), answer.content_type, answer.headers, answer.body))

    async def refuse(self, refusal: Refusal) -> None:
        """Send why there is no answer; when the body was not read, hang up afterwards."""
        if self.status:
            self.abort()
            return
        answer = refusal.answer()
        headers = {}
        if refusal.status == 401:
            headers["www-authenticate"] = 'Bearer realm="eisen"'
        if "retry_after_s" in refusal.facts:
            headers["retry-after"] = str(refusal.facts["retry_after_s"])
        if "allow" in refusal.facts:
            headers["allow"] = str(refusal.facts["allow"])
        unread = self.has_body and not self.body_is_read
        if unread:
            headers["connection"] = "close"
        reply = Reply(refusal.status, answer.content_type, headers, answer.body)
        await self._start(reply, close=unread)
        await self._piece(answer.body, more=unread)
        if unread:
            await self._linger()

    async def reply(self, reply: Reply) -> None:
        """Send what a worker answered, in pieces; give its memory back at the end."""
        try:
            await self._start(reply)
            for start in range(0, len(reply.body), _PIECE):
                await self._piece(reply.body[start : start + _PIECE], more=True)
            await self._piece(b"", more=False)  # when this returns, nobody looks at the memory any more
        finally:
            reply.done()

    def abort(self) -> None:
        """Hang up."""
        connection = self.scope.get("extensions", {}).get(EXTENSION)
        if connection is not None:
            connection.abort()

    async def _start(self, reply: Reply, *, close: bool = False) -> None:
        self.status = reply.status
        headers = {name.lower(): str(value) for name, value in reply.headers.items()}
        clean = {name: text for name, text in headers.items() if name not in _NOT_OURS and _is_header(name, text)}
        clean |= {"content-type": _text(reply.content_type), "content-length": str(len(reply.body)), **self.extra}
        clean |= {"connection": "close"} if close else {}
        encoded = [(name.encode(), text.encode("latin-1", "replace")) for name, text in clean.items()]
        await self._timed({"type": "http.response.start", "status": reply.status, "headers": encoded})

    async def _piece(self, data: bytes | memoryview, *, more: bool) -> None:
        await self._timed({"type": "http.response.body", "body": data, "more_body": more})
        self.bytes_out += len(data)

    async def _timed(self, message: dict[str, Any]) -> None:
        try:
            async with asyncio.timeout(self._limits.silence_s):
                await self._send(message)
        except TimeoutError:
            self.abort()
            raise ClientGoneError from None

    async def _linger(self) -> None:
        """Throw away what the client still sends, so that it reads the answer before the connection is closed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(self._limits.linger_s):
                while (message := await self.receive())["type"] == "http.request" and message.get("more_body"):
                    pass
        await self._piece(b"", more=False)


def _joined(pairs: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return headers by name; several of one name become one, except where that would hide an attack."""
    headers: dict[str, str] = {}
    for name, value in pairs:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        if key in headers and key in ("host", "content-length", "authorization", "origin", "content-type"):
            text = headers[key] if headers[key] == text and key == "content-length" else f"{headers[key]},{text}"
        elif key in headers:
            text = f"{headers[key]}, {text}"
        headers[key] = text
    return headers


def _is_header(name: str, text: str) -> bool:
    return bool(_HEADER_NAME.match(name)) and not _CONTROL.search(text)


def _text(content_type: str) -> str:
    return _CONTROL.sub("", content_type) or "application/octet-stream"
