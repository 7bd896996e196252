"""Connections that keep the time limits of a call; imports requests, so it is imported when something is sent."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import Any
from weakref import WeakSet

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from eisen._core.version import __version__
from eisen_deploy.client.compression import undone
from eisen_deploy.client.limits import CLOCK

__all__ = ["PIECE", "Sessions", "pieces_of"]

PIECE = 256 * 1024


class _Timed:
    """What a connection does besides: while a body moves the limit is that of silence, for the answer what is left."""

    sock: Any
    timeout: Any

    def connect(self) -> None:
        super().connect()  # type: ignore[misc]
        if clock := CLOCK.get():
            self.sock.settimeout(clock.moving())

    def request(self, *args: Any, **kwargs: Any) -> None:
        if (clock := CLOCK.get()) and self.sock is not None:  # a connection that was kept has an old limit
            self.sock.settimeout(clock.moving())
        super().request(*args, **kwargs)  # type: ignore[misc]

    def getresponse(self) -> Any:
        clock, sock = CLOCK.get(), self.sock
        if clock is None:
            return super().getresponse()  # type: ignore[misc]
        self.timeout = clock.left()
        response = super().getresponse()  # type: ignore[misc]
        if sock is not None and sock.fileno() >= 0:
            sock.settimeout(clock.moving())
        return response


class _Plain(_Timed, HTTPConnection):
    pass


class _Encrypted(_Timed, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _EncryptedPool(HTTPSConnectionPool):
    ConnectionCls = _Encrypted


class _Adapter(HTTPAdapter):
    """Makes connections of ours, also through proxies, and never repeats anything."""

    def __init__(self) -> None:
        super().__init__(max_retries=0, pool_connections=2, pool_maxsize=1)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _EncryptedPool}

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(*args, **kwargs)
        manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _EncryptedPool}
        return manager


class _Token(AuthBase):
    """Puts the token in, or nothing; without it requests would look for a password in a file of the user."""

    def __init__(self, token: str | None) -> None:
        self._token = token

    def __call__(self, request: Any) -> Any:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class Sessions:
    """One session per thread and process, so that connections are kept and never shared.

    Args:
        token: Sent with every request.
        verify: True, or a file with certificates.
        proxies: Whether proxies of the environment are used.
    """

    def __init__(self, token: str | None, verify: bool | str, proxies: bool) -> None:
        self._token, self._verify, self._proxies = token, verify, proxies
        self._local = threading.local()
        self._all: WeakSet[requests.Session] = WeakSet()
        self._lock = threading.Lock()

    def mine(self) -> requests.Session:
        """Return the session of this thread."""
        if getattr(self._local, "pid", None) != os.getpid():  # a fork must not use the connections of its parent
            self._local.pid, self._local.session = os.getpid(), self._made()
        session: requests.Session = self._local.session
        return session

    def _made(self) -> requests.Session:
        session = requests.Session()
        session.trust_env = self._proxies
        session.auth = _Token(self._token)
        session.verify = self._verify
        session.headers = requests.structures.CaseInsensitiveDict(
            {"User-Agent": f"eisen/{__version__}", "Accept": "*/*", "Accept-Encoding": "identity"}
        )
        for scheme in ("http://", "https://"):
            session.mount(scheme, _Adapter())
        with self._lock:
            self._all.add(session)
        return session

    def close(self) -> None:
        """Close all connections; a later call opens new ones."""
        with self._lock:
            for session in list(self._all):
                session.close()


def pieces_of(response: requests.Response) -> Iterator[bytes]:
    """Yield an answer as it comes, decompressed, a piece as soon as there is one.

    Args:
        response: With its body not yet read.

    Raises:
        DamagedError: If its compression is damaged, ends too early or is none that was asked for.
    """
    raw = response.raw
    source = iter(lambda: raw.read1(PIECE, decode_content=False), b"")
    yield from undone(source, response.headers.get("Content-Encoding", ""))
