"""Where the embedded server listens, and how uvicorn is told."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any

from eisen._core.errors import ArgumentError
from eisen_deploy.serving.embedded.limits import Limits
from eisen_deploy.serving.settings import ServerSettings

if TYPE_CHECKING:
    from uvicorn import Config

__all__ = ["config_of", "listener_of"]


def listener_of(settings: ServerSettings) -> socket.socket:
    """Return a socket that listens.

    Args:
        settings: Host and port.

    Raises:
        ArgumentError: If the port is taken, or the host is none of this machine.
    """
    host = settings.host.strip("[]")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # with the protocol said, asyncio switches Nagle's algorithm off, which makes small answers wait for 40 ms
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, settings.port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise ArgumentError(
            f"cannot listen on {host}:{settings.port}: {error.strerror or error}",
            to_do="choose another port (0: any free one), or stop what uses this one",
        ) from error
    return listener


def config_of(settings: ServerSettings, limits: Limits) -> Config:
    """Return what uvicorn is told; its application comes later.

    Args:
        settings: Files for TLS.
        limits: Times.

    Raises:
        ArgumentError: If the files for TLS cannot be used.
    """
    from uvicorn import Config

    from eisen_deploy.serving.embedded.protocol import protocol_with

    config = Config(
        app=_nothing,
        http=protocol_with(limits),
        ws="none",
        lifespan="off",
        loop="asyncio",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=int(limits.idle_s),
        timeout_graceful_shutdown=5,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise ArgumentError(
            f"the certificate and the key for TLS cannot be used: {error}",
            expected="a certificate and its private key without a password, both PEM",
        ) from error
    return config


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    """Stand in for the application until the loop runs."""
