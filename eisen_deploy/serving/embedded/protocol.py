"""HTTP of uvicorn with limits on what it waits for, and large bodies straight from the socket into their place."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from eisen_deploy.serving.embedded.filling import Filling
from eisen_deploy.serving.embedded.limits import Limits
from eisen_deploy.serving.messages import Answer, Refusal

__all__ = ["EXTENSION", "Connection", "ServerProtocol", "protocol_with"]

EXTENSION = "eisen.connection"
"""Under this name a `Connection` is among the extensions of a request."""


class Connection:
    """What an endpoint can do with the connection of its request, beyond ASGI.

    Args:
        protocol: The protocol of the connection.
        cycle: The request.
    """

    def __init__(self, protocol: ServerProtocol, cycle: RequestResponseCycle) -> None:
        self._protocol, self._cycle = protocol, cycle

    async def read_into(self, view: memoryview, silence_s: float) -> None:
        """Fill memory with the rest of the body; nothing is copied on the way from the socket.

        Args:
            view: As large as the rest of the body.
            silence_s: Most seconds without a byte.

        Raises:
            ConnectionError: If the client hangs up.
            TimeoutError: If it sends nothing for too long.
        """
        early = self._cycle.body
        view[: len(early)] = early
        at, self._cycle.body = len(early), bytearray()
        if at < len(view):
            await self._protocol.fill(view, at, silence_s)
        self._cycle.more_body = False

    def abort(self) -> None:
        """Hang up at once."""
        self._protocol.transport.abort()


class ServerProtocol(HttpToolsProtocol):
    """HTTP with a limit on how long and how large the head of a request is, and on how many connections there are."""

    limits: ClassVar[Limits] = Limits()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Greet a client, or hang up when there are too many."""
        super().connection_made(transport)
        self._head_bytes, self._in_head, self._ignored_upgrade = 0, True, False
        self._timer: asyncio.TimerHandle | None = None
        # what was sent shall be with the system, so that its memory can be used again; TLS counts from one byte on
        transport.set_write_buffer_limits(high=int(transport.get_extra_info("sslcontext") is not None), low=0)
        if len(self.connections) > self.limits.connections:
            transport.abort()
        else:
            self._arm()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a client."""
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on; refuse a head that never ends."""
        if self.parser is None or self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self.send_400_response("this is no HTTP that can be understood")
            return
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > self.limits.header_bytes:
                self._hang_up(Refusal("the head of the request is too large", 431, "HeadTooLarge"))

    def on_message_begin(self) -> None:
        """Start to read the head of a request."""
        if self._ignored_upgrade:
            return
        super().on_message_begin()
        self._head_bytes, self._in_head = 0, True
        if self._timer is None:
            self._arm()

    def on_url(self, url: bytes) -> None:
        """Note the address of a request."""
        if not self._ignored_upgrade:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note a header of a request."""
        if not self._ignored_upgrade:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start to answer a request."""
        if self._ignored_upgrade:
            return
        self._disarm()
        self._in_head = False
        super().on_headers_complete()
        extensions: dict[str, Any] = {EXTENSION: Connection(self, self.cycle)}
        self.scope["extensions"] = extensions

    def on_message_complete(self) -> None:
        """Note that a request is complete; one that asks for an upgrade still has its body."""
        if not self.parser.should_upgrade():
            super().on_message_complete()

    def _feed(self, data: bytes) -> None:
        """Parse; requests for another protocol (HTTP/2 by Java or curl, web sockets) are answered in this one."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self.scope["method"] == "CONNECT":
                raise httptools.HttpParserError("CONNECT") from None
            lengths = [b"%s: %s\r\n" % h for h in self.headers if h[0] in (b"content-length", b"transfer-encoding")]
            self.parser = httptools.HttpRequestParser(self)
            self._ignored_upgrade = True  # a head without the upgrade, of which only the body matters
            self.parser.feed_data(b"".join([b"POST / HTTP/1.1\r\n", *lengths, b"\r\n"]))
            self._ignored_upgrade = False
            self._feed(data[upgrade.args[0] :])

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._hang_up(Refusal(msg, 400, "BadRequest"))

    async def fill(self, view: memoryview, at: int, silence_s: float) -> None:
        """Let what arrives go straight into memory, until it is full."""
        filling = Filling(self, view, at)
        self.transport.set_protocol(filling)
        self.flow.resume_reading()
        try:
            before = -1
            while not filling.full.done():
                if filling.at == before:
                    raise TimeoutError
                before = filling.at
                await asyncio.wait({filling.full}, timeout=silence_s)
            filling.full.result()
        finally:
            self.transport.set_protocol(self)

    def filled(self) -> None:
        """Go on with the next request."""
        self.transport.set_protocol(self)
        self.parser = httptools.HttpRequestParser(self)  # the old one still waits for the body

    def _arm(self) -> None:
        self._timer = self.loop.call_later(self.limits.header_s, self._head_is_late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _head_is_late(self) -> None:
        self._timer = None
        self._hang_up(Refusal(f"there was no complete request within {self.limits.header_s:g} s", 408, "Timeout"))

    def _hang_up(self, refusal: Refusal) -> None:
        """Refuse outside of a request, and close the connection."""
        if self.transport.is_closing():
            return
        if self.cycle is None or self.cycle.response_complete or not self.cycle.response_started:
            self.transport.write(_plain_http(refusal.answer()))
        self.transport.close()


def protocol_with(limits: Limits) -> type[ServerProtocol]:
    """Return the protocol with limits.

    Args:
        limits: They.
    """
    return type("LimitedProtocol", (ServerProtocol,), {"limits": limits})


def _plain_http(answer: Answer) -> bytes:
    head = f"HTTP/1.1 {answer.status} Refused\r\ncontent-type: {answer.content_type}\r\n"
    return f"{head}content-length: {len(answer.body)}\r\nconnection: close\r\n\r\n".encode() + answer.body
