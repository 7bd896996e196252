"""Nobody gets in who may not: token, names of the server, web pages, TLS, damaged HTTP."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from eisen._core.errors import ArgumentError
from eisen_deploy.serving.settings import ServerSettings
from tests.deploy.embedded_servers import TOKEN, Running, eventually, head, memory_files, serving

PAGE = "https://viewer.example.org"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with serving(tmp_path_factory.mktemp("served"), allowed_origins=[PAGE], max_bytes=1_000_000) as running:
        yield running


@pytest.mark.parametrize("path", ["/predictions/fake", "/models", "/models/fake", "/metrics", "/nothing"])
@pytest.mark.parametrize(
    "value", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", TOKEN, f"Bearer {TOKEN}x", "Bearer ä"]
)
def test_without_the_token_nothing_is_said(server: Running, path: str, value: str) -> None:
    status, headers, body = server.ask(path, headers={"Authorization": value})
    assert (status, json.loads(body)["type"]) == (401, "Unauthorized")
    assert headers["www-authenticate"].startswith("Bearer")
    assert TOKEN.encode() not in body


def test_two_tokens_are_none(server: Running) -> None:
    two = head("/models", "Authorization: Bearer wrong", "Connection: close", method="GET")
    assert server.raw(two).startswith(b"HTTP/1.1 401")


def test_ping_needs_no_token(server: Running) -> None:
    assert server.json("/ping", headers={"Authorization": ""}) == (200, {"status": "Healthy"})


@pytest.mark.parametrize(
    "host", ["evil.example.org", "127.0.0.1.evil.org", "", "localhost:80:80", "localhost@evil", "10.0.0.1", "[::1"]
)
def test_other_names_are_refused(server: Running, host: str) -> None:
    status, answer = server.json("/ping", headers={"Host": host})
    assert (status, answer["type"]) == (421, "WrongHost")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8080", "[::1]:8080", "127.1.2.3"])
def test_names_of_this_machine_are_right(server: Running, host: str) -> None:
    assert server.ask("/ping", headers={"Host": host})[0] == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example.org", "null", "file://", "http://127.0.0.1:1", PAGE + ".evil.org"]
)
def test_strange_pages_are_refused(server: Running, origin: str) -> None:
    status, headers, body = server.ask(body=b"x", headers={"Origin": origin})
    assert (status, json.loads(body)["type"]) == (403, "WrongOrigin")
    assert "access-control-allow-origin" not in headers


def test_pages_of_the_server_itself_and_allowed_ones_are_let_in(server: Running) -> None:
    own = {"Origin": f"http://127.0.0.1:{server.port}"}
    assert server.ask(body=b"x", headers=own)[0] == 200
    status, headers, _ = server.ask(body=b"x", headers={"Origin": PAGE})
    assert (status, headers["access-control-allow-origin"], headers["vary"]) == (200, PAGE, "Origin")
    asking = {"Origin": PAGE, "Access-Control-Request-Method": "POST", "Authorization": ""}
    status, headers, body = server.ask(method="OPTIONS", headers=asking)
    assert (status, body) == (200, b"")
    assert "POST" in headers["access-control-allow-methods"]
    assert "Authorization" in headers["access-control-allow-headers"]
    assert server.ask(method="OPTIONS", headers={**asking, "Origin": "https://evil.example.org"})[0] == 403
    status, headers, _ = server.ask(headers={"Origin": PAGE, "Authorization": ""})
    assert (status, headers["access-control-allow-origin"]) == (401, PAGE)


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: Running) -> None:
    with_length = head("/predictions/fake", "Content-Length: 99999999999")
    received = server.raw(with_length + bytes(1000), half_close=True)
    assert received.startswith(b"HTTP/1.1 413")
    assert json.loads(received.partition(b"\r\n\r\n")[2])["type"] == "TooLarge"
    status, headers, body = server.ask(body=bytes(3_000_000))
    assert (status, headers["connection"]) == (413, "close")
    assert json.loads(body)["expected"] == "at most 1000000 bytes"
    assert server.ask(body=bytes(1_000_000))[0] == 200


def test_a_body_of_unknown_size_is_refused_when_it_is_too_large(server: Running) -> None:
    pieces = (bytes(100_000) for _ in range(20))
    status, headers, body = server.ask(body=pieces, headers={"Transfer-Encoding": "chunked"}, encode_chunked=True)
    assert (status, json.loads(body)["type"]) == (413, "TooLarge")
    assert headers["connection"] == "close"


def test_refused_bodies_do_not_fill_memory(server: Running) -> None:
    before = len(memory_files())
    for _ in range(5):
        server.ask(body=bytes(3_000_000))
        server.ask(body=bytes(900_000), headers={"Authorization": "Bearer wrong"})
    assert len(memory_files()) <= before + 1


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /predictions/fake HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /predictions/fake HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nvoxel",
        b"POST /predictions/fake HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /predictions/fake HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"GET /ping HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 500_000,
        b"GET /" + b"a" * 500_000,
        bytes(range(256)) * 10,
    ],
)
def test_damaged_http_gets_4xx_and_the_connection_is_closed(server: Running, data: bytes) -> None:
    try:
        received = server.raw(data)
    except ConnectionResetError:
        received = b"HTTP/1.1 400 "
    assert received.startswith(b"HTTP/1.1 4")
    assert server.ask("/ping")[0] == 200


@pytest.mark.parametrize(
    "path", ["/predictions/../ping", "/predictions/%2e%2e", "/predictions/%00", "/predictions/fake%0d%0aX: y"]
)
def test_strange_addresses_find_nothing(server: Running, path: str) -> None:
    received = server.raw(head(path.replace(" ", "%20"), "Connection: close", method="GET"))
    assert received.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))


def test_another_address_needs_token_and_tls() -> None:
    with pytest.raises(ArgumentError, match="no TLS"):
        ServerSettings(host="0.0.0.0")
    with pytest.raises(ArgumentError, match="no token and no TLS"):
        ServerSettings(host="192.168.0.1", token="off")
    assert ServerSettings(host="localhost").token != ServerSettings().token
    assert TOKEN not in repr(ServerSettings(token=TOKEN))


def test_tls(tmp_path: Path) -> None:
    import ssl
    import urllib.request

    from tests.deploy.certificates import make_certificate

    certificate, key = make_certificate(tmp_path)
    body = bytes(range(256)) * 40_000
    with serving(tmp_path, tls_certificate=certificate, tls_key=key, host="127.0.0.1") as server:
        assert server.server.url.startswith("https://")
        trust = ssl.create_default_context(cafile=certificate)
        for size in (10, 200_000, len(body)):
            address = f"https://127.0.0.1:{server.port}/predictions/fake"
            request = urllib.request.Request(address, body[:size], {"Authorization": f"Bearer {TOKEN}"})
            with urllib.request.urlopen(request, context=trust, timeout=20) as answer:
                assert answer.read() == body[:size]
        old = ssl.create_default_context(cafile=certificate)
        old.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1"):
            old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        with pytest.raises(ssl.SSLError), socket.create_connection(("127.0.0.1", server.port)) as connection:
            old.wrap_socket(connection, server_hostname="127.0.0.1")
        eventually(lambda: len(server.requests()) == 3)
    with (
        pytest.raises(ArgumentError, match="TLS cannot be used"),
        serving(tmp_path / "b", tls_certificate=key, tls_key=certificate),
    ):
        pass
