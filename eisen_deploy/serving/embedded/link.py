"""Messages between the front and a worker, over a socket that only the two of them have."""

from __future__ import annotations

import asyncio
import os
import select
import socket
import struct
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import msgpack

__all__ = ["FrontLink", "Message", "WorkerLink"]

Message = dict[str, Any]
_HEAD = struct.Struct(">II")  # bytes of the message, open files that come with it
_LARGEST, _AT_ONCE, _FILES = 2**28, 2**18, 250


class _Inbox:
    """Puts messages together from the pieces in which they arrive."""

    def __init__(self) -> None:
        self._data = bytearray()
        self._files: deque[int] = deque()

    def add(self, data: bytes, files: Sequence[int]) -> None:
        self._data += data
        self._files.extend(files)

    def messages(self) -> Iterator[tuple[Message, list[int]]]:
        """Take out what is complete.

        Raises:
            ValueError: If it is no message.
        """
        while len(self._data) >= _HEAD.size:
            size, n_files = _HEAD.unpack_from(self._data)
            if size > _LARGEST:
                raise ValueError("a message is too large")
            end = _HEAD.size + size
            if len(self._data) < end or len(self._files) < n_files:
                return
            with memoryview(self._data) as view:
                message = msgpack.unpackb(view[_HEAD.size : end], strict_map_key=False)
            del self._data[:end]
            yield message, [self._files.popleft() for _ in range(n_files)]

    def close(self) -> None:
        """Close files that nobody took."""
        while self._files:
            os.close(self._files.popleft())


def _framed(message: Message, files: Sequence[int]) -> bytes:
    data: bytes = msgpack.packb(message)
    return _HEAD.pack(len(data), len(files)) + data


class WorkerLink:
    """The worker's end: it waits.

    Args:
        connection: The socket.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._inbox = _Inbox()
        self._waiting: deque[tuple[Message, list[int]]] = deque()

    def send(self, message: Message, files: Sequence[int] = ()) -> None:
        """Send a message.

        Args:
            message: What msgpack can hold.
            files: Open files that go along.
        """
        data = memoryview(_framed(message, files))
        sent = socket.send_fds(self._socket, [data], list(files))
        self._socket.sendall(data[sent:])

    def has_news(self, seconds: float) -> bool:
        """Wait for a message, or for the front to go; return whether something came.

        Args:
            seconds: At most.
        """
        return bool(self._waiting) or bool(select.select([self._socket], [], [], seconds)[0])

    def receive(self) -> tuple[Message, list[int]] | None:
        """Return the next message and its files; None when the front is gone."""
        while not self._waiting:
            data, files, _, _ = socket.recv_fds(self._socket, _AT_ONCE, _FILES)
            if not data:
                return None
            self._inbox.add(data, files)
            self._waiting.extend(self._inbox.messages())
        return self._waiting.popleft()


class FrontLink:
    """The front's end: it never waits.

    Args:
        connection: The socket.
        received: Called with each message and its open files.
        closed: Called once, when the worker is gone or talks nonsense.
    """

    def __init__(
        self,
        connection: socket.socket,
        received: Callable[[Message, list[int]], None],
        closed: Callable[[], None],
    ) -> None:
        connection.setblocking(False)
        self._socket, self._received, self._closed = connection, received, closed
        self._inbox = _Inbox()
        self._outbox: deque[tuple[memoryview, list[int]]] = deque()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(connection, self._read)

    def send(self, message: Message, files: Sequence[int] = ()) -> None:
        """Send a message, now or when there is room.

        Args:
            message: What msgpack can hold.
            files: Open files that go along; each is kept open until it is sent.
        """
        if self._socket.fileno() < 0:
            return
        self._outbox.append((memoryview(_framed(message, files)), [os.dup(file) for file in files]))
        if len(self._outbox) == 1:
            self._write()

    def close(self) -> None:
        """Hang up; can be called twice."""
        if self._socket.fileno() < 0:
            return
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()
        self._inbox.close()
        for _, files in self._outbox:
            _close_all(files)
        self._outbox.clear()
        self._closed()

    def _read(self) -> None:
        try:
            data, files, _, _ = socket.recv_fds(self._socket, _AT_ONCE, _FILES)
            self._inbox.add(data, files)
            for message, its_files in self._inbox.messages() if data else ():
                self._received(message, its_files)
        except BlockingIOError:
            return
        except (OSError, ValueError, KeyError, TypeError, msgpack.UnpackException):
            data = b""
        if not data:
            self.close()

    def _write(self) -> None:
        with suppress(BlockingIOError):
            while self._outbox:
                if not self._write_first():
                    return
            self._loop.remove_writer(self._socket)
            return
        self._loop.add_writer(self._socket, self._write)

    def _write_first(self) -> bool:
        """Send what fits of the first message; return whether the worker still listens."""
        data, files = self._outbox[0]
        try:
            sent = socket.send_fds(self._socket, [data], files)
        except BlockingIOError:
            raise
        except OSError:  # it is gone; what it had read of it does not matter any more
            self.close()
            return False
        _close_all(files)
        self._outbox[0] = (data[sent:], [])
        if sent == len(data):
            self._outbox.popleft()
        return True


def _close_all(files: list[int]) -> None:
    while files:
        os.close(files.pop())
