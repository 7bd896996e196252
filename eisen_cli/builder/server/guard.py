"""Who may see the pages: this machine's own browser, sent by the address that the terminal has shown."""

from __future__ import annotations

import hmac
from html import escape
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl, urlencode

__all__ = ["Guard"]

_NAMES = ("127.0.0.1", "localhost")
_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "frame-ancestors 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    ]
)
"""What pages may load: nothing that this server does not send itself, whatever somebody writes into a configuration."""
_HEADERS = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}


class Guard:
    """Lets requests through that know the token and come from our own pages; all others are refused with 403.

    The name a request was sent to is checked, so that no web page can reach the server under a name of its own (DNS
    rebinding), and so is the page it comes from. The port may be another one, as behind a tunnel of ssh. The token
    stands in the address once; after that it is a cookie that scripts cannot read and other sites do not send.

    Args:
        app: The ASGI application behind it.
        token: What a request has to know.
        port: The port that the server listens on.
    """

    def __init__(self, app: Any, *, token: str, port: int) -> None:
        self._app, self._token = app, token
        self._cookie = f"eisen_{port}"

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Answer one request, or refuse it."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        headers = {key.decode("latin-1").lower(): value.decode("latin-1") for key, value in scope["headers"]}
        refusal = self._refusal(headers) or self._without_token(scope, headers)
        if refusal:
            await _refuse(scope, receive, send, refusal)
        elif scope["type"] == "http" and self._query_token(scope) is not None:
            await self._welcome(scope, send)
        else:
            await self._app(scope, receive, _with_headers(send) if scope["type"] == "http" else send)

    def _refusal(self, headers: dict[str, str]) -> str:
        """Return why a request is none of ours, whatever it knows."""
        host, origin = headers.get("host", "").lower(), headers.get("origin")
        name, _, port = host.partition(":")
        if name not in _NAMES or not (port.isdecimal() or host == name):
            return "this server is called 127.0.0.1, and the request was sent to another name"
        is_foreign = origin is not None and origin.lower() != f"http://{host}"
        if is_foreign or headers.get("sec-fetch-site") == "cross-site":
            return "the request comes from a page of another site"
        return ""

    def _without_token(self, scope: dict[str, Any], headers: dict[str, str]) -> str:
        given = self._query_token(scope) if scope["type"] == "http" else None
        if given is None:
            given = _cookie(headers.get("cookie", ""), self._cookie)
        if hmac.compare_digest(given.encode("utf-8", "replace"), self._token.encode()):
            return ""
        return "the token is missing or wrong; open the address that 'eisen' has shown in the terminal"

    def _query_token(self, scope: dict[str, Any]) -> str | None:
        return dict(parse_qsl(scope.get("query_string", b"").decode("latin-1"))).get("token")

    async def _welcome(self, scope: dict[str, Any], send: Any) -> None:
        """Keep the token as a cookie and drop it from the address."""
        others = [(key, value) for key, value in parse_qsl(scope["query_string"].decode("latin-1")) if key != "token"]
        target = "/" + scope["path"].lstrip("/") + (f"?{urlencode(others)}" if others else "")
        cookie = f"{self._cookie}={self._token}; Path=/; HttpOnly; SameSite=Strict"
        await _answer(send, 303, b"", {"location": target, "set-cookie": cookie, "cache-control": "no-store"})


def _cookie(text: str, name: str) -> str:
    try:
        morsel = SimpleCookie(text).get(name)
    except CookieError:
        return ""
    return "" if morsel is None else morsel.value


async def _refuse(scope: dict[str, Any], receive: Any, send: Any, why: str) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 4403, "reason": why[:120]})
        return
    style = "font: 16px/1.5 system-ui, sans-serif; max-width: 34em; margin: 15vh auto; padding: 0 1em"
    page = f'<!doctype html><title>eisen</title><body style="{style}"><h1>Not for you</h1><p>{escape(why)}.</p>'
    await _answer(send, 403, page.encode(), {"content-type": "text/html; charset=utf-8", "cache-control": "no-store"})


async def _answer(send: Any, status: int, body: bytes, headers: dict[str, str]) -> None:
    sent = {**_HEADERS, **headers, "content-length": str(len(body))}
    pairs = [(key.encode(), value.encode("latin-1", "replace")) for key, value in sent.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})
    await send({"type": "http.response.body", "body": body})


def _with_headers(send: Any) -> Any:
    """Return a `send` that adds what browsers are told about our pages."""

    async def sends(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            own = {key for key, _ in message["headers"]}
            more = [(key.encode(), value.encode()) for key, value in _HEADERS.items() if key.encode() not in own]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return sends
