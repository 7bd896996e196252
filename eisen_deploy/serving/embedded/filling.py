"""A body on its way from the socket into memory, with nothing in between."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eisen_deploy.serving.embedded.protocol import ServerProtocol

__all__ = ["Filling"]


class Filling(asyncio.BufferedProtocol):
    """Stands in for the protocol of a connection while a body comes in.

    Args:
        owner: The protocol.
        view: Where the body goes.
        at: How much of it is there.
    """

    def __init__(self, owner: ServerProtocol, view: memoryview, at: int) -> None:
        self._owner, self._view, self.at = owner, view, at
        self.full: asyncio.Future[None] = owner.loop.create_future()

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002
        """Say where the next bytes go."""
        return self._view[self.at :]

    def buffer_updated(self, nbytes: int) -> None:
        """Count what arrived; when it is all, the protocol of the connection goes on."""
        self.at += nbytes
        if self.at == len(self._view):
            self._owner.filled()
            if not self.full.done():
                self.full.set_result(None)

    def eof_received(self) -> None:
        """Pass on that nothing more comes."""
        self._owner.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give up, and pass it on."""
        if not self.full.done():
            self.full.set_exception(ConnectionResetError("the client hung up"))
        self._owner.connection_lost(exc)

    def pause_writing(self) -> None:
        """Pass it on."""
        self._owner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        self._owner.resume_writing()
