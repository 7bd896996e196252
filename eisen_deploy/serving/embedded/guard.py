"""Who may ask: the right name of the server, no strange web page, and the token."""

from __future__ import annotations

import hmac
import ipaddress
import re
import socket
from collections.abc import Mapping
from urllib.parse import urlsplit

from eisen_deploy.serving.messages import Refusal
from eisen_deploy.serving.settings import ServerSettings, is_loopback

__all__ = ["Guard"]

_HOST = re.compile(r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?$")
_OPEN = ("/ping",)
_ALLOWED_HEADERS = "Authorization, Content-Type, Content-Encoding, Accept, X-Eisen-Affine"


class Guard:
    """Lets requests in or refuses them before their body is read.

    Args:
        settings: Token, names and origins.

    Example:
        >>> guard = Guard(ServerSettings(token="off"))
        >>> guard.check("GET", "/models", {"host": "127.0.0.1:8080"})
        >>> guard.check("GET", "/models", {"host": "evil.example.org"})
        Traceback (most recent call last):
        eisen_deploy.serving.messages.Refusal: this server is not 'evil.example.org'
    """

    def __init__(self, settings: ServerSettings) -> None:
        self._token = settings.token.encode()
        self._origins = frozenset(settings.allowed_origins)
        self._scheme = "https" if settings.has_tls else "http"
        self._any_address = settings.host.strip("[]") in ("0.0.0.0", "::")  # noqa: S104
        self._names = {settings.host.strip("[]").lower(), *settings.allowed_hosts}
        if self._any_address:
            self._names |= {socket.gethostname().lower(), socket.getfqdn().lower()}

    def check(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Let a request in.

        Args:
            method: Of HTTP.
            path: Of the address.
            headers: By name in small letters.

        Raises:
            Refusal: With status 421, 403 or 401.
        """
        self._check_host(headers.get("host", ""))
        self._check_origin(headers.get("origin"), headers.get("host", ""))
        if path in _OPEN or not self._token or self.is_preflight(method, headers):
            return
        kind, _, token = headers.get("authorization", "").partition(" ")
        given = token.strip().encode("utf-8", "surrogateescape")
        if kind.lower() != "bearer" or not hmac.compare_digest(given, self._token):
            raise Refusal(
                "the token is missing or wrong",
                401,
                "Unauthorized",
                expected="a header Authorization: Bearer <token>",
                to_do="take the token that the server shows when it starts",
            )

    def is_preflight(self, method: str, headers: Mapping[str, str]) -> bool:
        """Tell whether a browser asks what its page may send."""
        return method == "OPTIONS" and headers.get("origin") in self._origins

    def extra_headers(self, origin: str | None, *, preflight: bool = False) -> dict[str, str]:
        """Return the headers that let the page of an allowed origin read an answer.

        Args:
            origin: Where the page is from.
            preflight: Whether the browser only asks.
        """
        extra = {"x-content-type-options": "nosniff", "cache-control": "no-store"}
        if not self._origins:
            return extra
        extra["vary"] = "Origin"
        if origin in self._origins:
            extra["access-control-allow-origin"] = str(origin)
            extra["access-control-expose-headers"] = "Content-Disposition, X-Eisen-Model, X-Eisen-Warnings"
        if preflight:
            extra["access-control-allow-methods"] = "GET, POST, PUT"
            extra["access-control-allow-headers"] = _ALLOWED_HEADERS
            extra["access-control-max-age"] = "600"
        return extra

    def _check_host(self, host: str) -> None:
        match = _HOST.match(host)
        name = match[1].strip("[]").lower() if match else ""
        if not (is_loopback(name) or name in self._names or (self._any_address and _is_address(name))):
            shown = repr(host[:100]) if host else "named in the request"
            raise Refusal(f"this server is not {shown}", 421, "WrongHost", to_do="address it by a name it knows")

    def _check_origin(self, origin: str | None, host: str) -> None:
        if origin is None or origin in self._origins:
            return
        parts = urlsplit(origin)
        if (parts.scheme, parts.netloc.lower()) != (self._scheme, host.lower()):
            what = "pages of other origins may not use this server"
            raise Refusal(what, 403, "WrongOrigin", to_do="serve with --allow-origin for pages that may")


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
