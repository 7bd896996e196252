"""Who gets in: this machine's browser with the token, and nobody else."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from eisen_cli.builder.server.guard import Guard

TOKEN = "a-token-of-the-test"
HOST = "127.0.0.1:4321"


async def _app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"inside"})


def ask(kind: str = "http", query: str = "", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Send one request through the guard; return status, headers and body of the answer."""
    sent: list[dict[str, Any]] = []
    given = {"host": HOST} | {name.replace("_", "-"): value for name, value in headers.items()}
    scope = {
        "type": kind,
        "path": "/run",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in given.items() if value],
    }

    async def receive() -> dict[str, Any]:
        return {"type": f"{kind}.connect"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(Guard(_app, token=TOKEN, port=4321)(scope, receive, send))
    first = sent[0]
    if first["type"] == "websocket.close":
        return first["code"], {}, b""
    answered = {name.decode(): value.decode() for name, value in first["headers"]}
    return first["status"], answered, b"".join(message.get("body", b"") for message in sent)


COOKIE = f"eisen_4321={TOKEN}"


def test_the_token_in_the_address_becomes_a_cookie_and_leaves_the_address():
    status, headers, _ = ask(query=f"artifacts=a%20b&token={TOKEN}")
    assert status == 303
    assert headers["location"] == "/run?artifacts=a+b"
    assert headers["set-cookie"] == f"{COOKIE}; Path=/; HttpOnly; SameSite=Strict"


def test_with_the_cookie_pages_come_and_may_load_nothing_from_outside():
    status, headers, body = ask(cookie=COOKIE)
    assert (status, body) == (200, b"inside")
    assert headers["content-security-policy"].startswith("default-src 'self';")
    assert "http" not in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"


def test_a_tunnel_may_have_another_port():
    assert ask(cookie=COOKIE, host="localhost:9999", origin="http://localhost:9999")[0] == 200


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ({}, "token"),
        ({"cookie": "eisen_4321=wrong"}, "token"),
        ({"cookie": "eisen_4321="}, "token"),
        ({"cookie": "other=1; eisen_4321"}, "token"),
        ({"cookie": "eisen_4321=\xe9"}, "token"),
        ({"cookie": COOKIE, "host": "evil.example:4321"}, "another name"),
        ({"cookie": COOKIE, "host": "127.0.0.1.evil.example"}, "another name"),
        ({"cookie": COOKIE, "host": ""}, "another name"),
        ({"cookie": COOKIE, "origin": "http://evil.example"}, "another site"),
        ({"cookie": COOKIE, "origin": "http://127.0.0.1:80"}, "another site"),
        ({"cookie": COOKIE, "origin": f"https://{HOST}"}, "another site"),
        ({"cookie": COOKIE, "origin": "null"}, "another site"),
        ({"cookie": COOKIE, "sec_fetch_site": "cross-site"}, "another site"),
    ],
    ids=str,
)
def test_all_others_are_refused(kind: str, headers: dict[str, str], why: str):
    status, _, body = ask(kind, **headers)
    assert status == (403 if kind == "http" else 4403)
    assert why in body.decode() or kind == "websocket"


def test_a_wrong_token_in_the_address_is_refused_even_with_the_cookie():
    assert ask(query="token=wrong", cookie=COOKIE)[0] == 403


def test_a_websocket_never_takes_its_token_from_the_address():
    assert ask("websocket", query=f"token={TOKEN}")[0] == 4403


def test_a_refusal_shows_nothing_of_what_was_sent():
    body = ask(query="token=%3Cscript%3E", host="<script>")[2]
    assert b"<script>" not in body
