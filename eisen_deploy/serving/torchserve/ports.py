"""Ports that nobody listens on."""

from __future__ import annotations

import socket
from contextlib import ExitStack

from eisen._core.errors import ArgumentError
from eisen_deploy.serving.torchserve.config import Ports

__all__ = ["free_ports"]

_LOCAL = "127.0.0.1"


def free_ports(host: str = _LOCAL, inference: int = 0) -> Ports:
    """Return ports that were free a moment ago.

    Args:
        host: Address that predictions are asked for at.
        inference: The port for it; 0: any free one.

    Raises:
        ArgumentError: If it is taken, or the address is not one of this machine.

    Example:
        >>> ports = free_ports()
        >>> ports.management != ports.inference > 0
        True
    """
    with ExitStack() as held:  # all at once, so that they differ
        first = held.enter_context(_bound(host, inference))
        others = [held.enter_context(_bound(_LOCAL, 0)) for _ in range(4)]
        return Ports(*(each.getsockname()[1] for each in (first, *others)))


def _bound(host: str, port: int) -> socket.socket:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), port, type=socket.SOCK_STREAM)[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise ArgumentError(f"nobody can listen on {host}: {error.strerror or error}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise ArgumentError(
            f"nobody can listen on {host}, port {port}: {error.strerror}",
            expected="a port that no other program uses",
            to_do="choose another one, or 0 for any free one",
        ) from error
    return listener
