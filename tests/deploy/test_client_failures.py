"""A server that misbehaves: what is repeated, what never is, and what the user is told."""

from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard

from eisen_deploy.client import (
    EisenServingClient,
    InputRefusedError,
    RefusedError,
    ServingError,
    UnansweredError,
    UnreachableError,
)
from eisen_deploy.client.refusals import retry_after_of
from eisen_deploy.utils import pack

from .certificates import make_certificate
from .client_servers import (
    Script,
    closes_after_the_request,
    drips,
    is_silent,
    misbehaving,
    reads_nothing,
    resets_at_once,
    says,
    wire_server,
)

MESSAGE = pack({"labels": np.zeros(2)})
GOOD = says("200 OK", MESSAGE)
BATCH = {"image": np.zeros(3, np.float32)}
LARGE = {"image": np.zeros(8_000_000, np.float32)}


def client_of(url: str, **settings: Any) -> EisenServingClient:
    return EisenServingClient(url, check=False, token="secret-token", **{"timeout_s": 5, **settings})


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


# -- nobody there ------------------------------------------------------------------------------------------------------


def test_a_server_that_is_not_there_is_a_card_with_its_address() -> None:
    url = f"http://127.0.0.1:{free_port()}/predictions/toy"
    started = time.monotonic()
    with pytest.raises(UnreachableError, match=r"nobody listens at http://127.0.0.1:") as caught:
        EisenServingClient(url)
    error = caught.value
    assert isinstance(error, ConnectionError)
    assert error.nothing_predicted
    assert "eisen serve model.mar" in error.card.to_do
    assert url in error.card.step
    assert "(3 attempts)" in error.card.what
    assert 0.7 < time.monotonic() - started < 3, "two pauses, of 0.25 and 0.5 s"


def test_a_server_that_starts_a_moment_later_is_reached() -> None:
    port = free_port()

    def late() -> None:
        time.sleep(0.4)
        with socket.create_server(("127.0.0.1", port)) as listener:
            connection, _ = listener.accept()
            with connection:
                GOOD(connection)

    thread = threading.Thread(target=late)
    thread.start()
    try:
        assert "labels" in client_of(f"http://127.0.0.1:{port}/predictions/toy").predict(BATCH)
    finally:
        thread.join()


def test_a_machine_that_is_not_there() -> None:
    with pytest.raises(UnreachableError, match=r"there is no machine of the name in http://nowhere.invalid"):
        EisenServingClient("http://nowhere.invalid/predictions/toy", retries=0)


# -- what is repeated --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "first",
    [
        says("503 Service Unavailable", b"", "Retry-After: 0"),
        says("429 Too Many Requests", b"slow down"),
        says("429 Too Many Requests", b"", "Retry-After: 0"),
    ],
    ids=["503 with Retry-After", "429", "429 with Retry-After"],
)
def test_what_was_certainly_not_computed_is_sent_again(first: Script) -> None:
    with misbehaving(first, GOOD) as server:
        assert list(client_of(server.url).predict(BATCH)) == ["labels"]
        assert server.connections == 2


def test_a_connection_that_breaks_while_the_body_goes_out_is_tried_again() -> None:
    with misbehaving(resets_at_once, GOOD) as server:
        assert list(client_of(server.url).predict(LARGE)) == ["labels"]
        assert server.connections == 2


def test_the_server_says_how_long_to_wait() -> None:
    with misbehaving(says("503 Busy", b"", "Retry-After: 1"), GOOD) as server:
        started = time.monotonic()
        client_of(server.url).predict(BATCH)
        assert 1 <= time.monotonic() - started < 3


def test_a_longer_wait_than_there_is_time_ends_at_once() -> None:
    with misbehaving(says("503 Busy", b"", "Retry-After: 60")) as server:
        started = time.monotonic()
        with pytest.raises(RefusedError, match="the server answered 503") as caught:
            client_of(server.url).predict(BATCH)
        assert time.monotonic() - started < 1
        assert server.connections == 1
        assert caught.value.card.to_do == "try again in 60 s: that is what the server asks for"
        assert caught.value.nothing_predicted


def test_it_gives_up_after_so_many_attempts() -> None:
    with misbehaving(says("429 Too Many Requests", b"", "Retry-After: 0")) as server:
        with pytest.raises(RefusedError, match=r"\(4 attempts\)"):
            client_of(server.url, retries=3).predict(BATCH)
        assert server.connections == 4
    with misbehaving(says("429 Too Many Requests", b"", "Retry-After: 0")) as server:
        with pytest.raises(RefusedError):
            client_of(server.url, retries=0).predict(BATCH)
        assert server.connections == 1


def test_dates_in_retry_after() -> None:
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 25 < (retry_after_of({"Retry-After": soon}) or 0) <= 30
    past = format_datetime(datetime.now(UTC) - timedelta(seconds=30), usegmt=True)
    assert retry_after_of({"Retry-After": past}) == 0
    assert retry_after_of({"Retry-After": "-3"}) is None
    assert retry_after_of({}) is None


# -- what never is -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "text"),
    [
        (closes_after_the_request, "the request went out whole and no answer came: the server closed the connection"),
        (says("200 OK", MESSAGE, length=len(MESSAGE) + 50), "the answer is lost: it broke off after"),
        (says("503 Service Unavailable", b'{"code": 503, "message": "Prediction failed"}'), "Prediction failed"),
        (says("500 Internal Server Error", b'{"code": 500, "message": "Worker died."}'), "Worker died"),
        (says("200 OK", b""), "answered with nothing"),
        (says("200 OK", b"\xc1 rubbish"), "not that of a model"),
        (says("200 OK", MESSAGE[:-3]), "not that of a model"),
        (says("200 OK", b"1f8b", "Content-Encoding: gzip"), "its compressed bytes are damaged"),
        (says("200 OK", b"1f8b", "Content-Encoding: zstd"), "its compressed bytes are damaged"),
        (says("200 OK", gzip.compress(MESSAGE)[:-9], "Content-Encoding: gzip"), "its compressed bytes are damaged"),
        (
            says("200 OK", zstandard.compress(MESSAGE)[:-9], "Content-Encoding: zstd"),
            "its compressed bytes are damaged",
        ),
        (says("200 OK", MESSAGE, "Content-Encoding: br"), "its compressed bytes are damaged"),
        (
            lambda connection: (closes_after_the_request(connection), connection.sendall(b"what?\r\n\r\n"))[0],
            "no answer",
        ),
    ],
    ids=[
        "closed",
        "cut",
        "503",
        "500",
        "empty",
        "rubbish",
        "half",
        "gzip",
        "zstd",
        "half of gzip",
        "half of zstd",
        "br",
        "no HTTP",
    ],
)
def test_what_may_have_been_computed_is_never_sent_again(script: Script, text: str) -> None:
    with misbehaving(script, GOOD) as server:
        with pytest.raises(ServingError, match=text) as caught:
            client_of(server.url).predict(BATCH)
        assert server.connections == 1, "a second prediction was asked for"
        assert not caught.value.nothing_predicted
        assert "secret-token" not in f"{caught.value}{vars(caught.value)}"


def test_more_bytes_than_announced_do_not_leak_into_the_next_answer() -> None:
    long = says("200 OK", MESSAGE + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil", length=len(MESSAGE))
    with misbehaving(long, GOOD) as server:
        client = client_of(server.url)
        assert list(client.predict(BATCH)) == list(client.predict(BATCH)) == ["labels"]
        assert server.connections == 2


@pytest.mark.parametrize("script", [is_silent, drips], ids=["never answers", "answers for ever"])
def test_there_is_always_an_end(script: Script) -> None:
    with misbehaving(script) as server:
        started = time.monotonic()
        with pytest.raises(UnansweredError, match=r"it took longer than 0.6 s") as caught:
            client_of(server.url, timeout_s=0.6).predict(BATCH)
        assert time.monotonic() - started < 2
        assert server.connections == 1
        assert not caught.value.nothing_predicted


def test_a_server_that_takes_nothing_is_left() -> None:
    with misbehaving(reads_nothing) as server:
        with pytest.raises(UnreachableError, match=r"the server took nothing for 0.4 s") as caught:
            client_of(server.url, silence_s=0.4).predict(LARGE)
        assert caught.value.nothing_predicted
        assert "of 30.5 MiB" in caught.value.card.what
        assert server.connections == 1


def test_a_question_may_be_asked_again() -> None:
    with misbehaving(closes_after_the_request, says("200 OK", b'{"inputs": []}')) as server:
        assert EisenServingClient(server.url, timeout_s=5).metadata == {"inputs": []}
        assert server.connections == 2


# -- what is said ------------------------------------------------------------------------------------------------------


def test_a_redirect_is_not_followed() -> None:
    with wire_server() as other:
        away = says("307 Temporary Redirect", b"", f"Location: {other.url}?session=1")
        with misbehaving(away) as server:
            with pytest.raises(RefusedError, match="neither image nor token were sent there") as caught:
                client_of(server.url).predict(BATCH)
            assert f"sends you to {other.url};" in caught.value.card.what
            assert server.connections == 1
        assert (other.connections, other.seen) == (0, [])


@pytest.mark.parametrize("status", ["200 OK", "502 Bad Gateway"])
def test_a_web_page_is_no_answer(status: str) -> None:
    page = b"<html><head><title>Please \x1b[31mlog in</title></head><body>...</body></html>"
    with misbehaving(says(status, page, "Content-Type: text/html")) as server:
        with pytest.raises(ServingError) as caught:
            client_of(server.url, retries=0).get_metadata()
        text = str(caught.value)
        assert "\x1b" not in text
        assert "html" in text if status == "200 OK" else "titled 'Please [31mlog in'" in text
        with pytest.raises(ServingError):
            client_of(server.url).predict(BATCH)


def test_a_lone_status() -> None:
    with misbehaving(says("413 Request Entity Too Large")) as server:
        with pytest.raises(InputRefusedError, match=r"the server answered 413 .*, and nothing else") as caught:
            client_of(server.url).predict(BATCH)
        assert "limit on the size of requests" in caught.value.card.to_do


def test_old_handlers_send_their_metadata_when_an_input_is_missing() -> None:
    body = b'{"inputs": [{"name": "x"}, {"name": "y"}], "outputs": []}'
    with misbehaving(says("200 OK", body)) as server, pytest.raises(InputRefusedError, match="is missing") as caught:
        client_of(server.url).predict(BATCH)
    assert caught.value.card.expected == "x, y"


def test_an_address_that_is_no_model() -> None:
    with misbehaving(says("200 OK", b"hello")) as server:
        with pytest.raises(ServingError, match="when asked for its metadata") as caught:
            EisenServingClient(server.url)
        assert "/predictions/NAME" in caught.value.card.to_do
    with misbehaving(says("200 OK", b"[1]")) as server, pytest.raises(ServingError, match="the metadata are a list"):
        EisenServingClient(server.url)


# -- TLS ---------------------------------------------------------------------------------------------------------------


@pytest.fixture
def encrypted(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a server with TLS, and its certificate."""
    certificate, key = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with wire_server() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        yield server.url.replace("http:", "https:"), certificate


def test_a_certificate_of_ones_own(
    encrypted: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url, certificate = encrypted
    client = EisenServingClient(url, verify=certificate)
    assert client.predict({"image": np.ones((1, 1, 1))})["labels"].sum() == 1
    with pytest.raises(UnreachableError, match="certificate is not trusted: self-signed") as caught:
        EisenServingClient(url)
    assert "--ca ca.pem" in caught.value.card.to_do
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with pytest.raises(UnreachableError, match="not trusted"):
        EisenServingClient(url.replace("127.0.0.1", "localhost"), verify=certificate)


def test_https_where_there_is_http() -> None:
    with wire_server() as server, pytest.raises(UnreachableError, match="the server speaks http, not https"):
        EisenServingClient(server.url.replace("http:", "https:"))
