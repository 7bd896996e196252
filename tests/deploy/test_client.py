"""The client: what the old one did, and arrays there and back."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator

import numpy as np
import pytest

from eisen._core.errors import ArgumentError
from eisen_deploy.client import EisenServingClient, InputRefusedError, RefusedError, TokenError

from .client_servers import METADATA, WARNING, WireServer, wire_server

SECRET = "a-token-that-nobody-shall-see"
VOLUME = {"image": np.arange(24, dtype=np.float32).reshape(2, 3, 4), "image_affine": np.eye(4)}


@pytest.fixture
def server() -> Iterator[WireServer]:
    with wire_server() as server:
        yield server


def test_the_documented_client_works(server: WireServer) -> None:
    from eisen_deploy.client.client import EisenServingClient as SameClient

    client = EisenServingClient(url=server.url)
    assert SameClient is EisenServingClient
    assert client.metadata == client.get_metadata() == METADATA
    output = client.predict(VOLUME)
    assert set(output) == {"labels", "warnings"}
    np.testing.assert_array_equal(output["labels"], VOLUME["image"].astype(np.uint8))
    output["labels"][0, 0, 0] = 7
    assert output["warnings"] == [WARNING]
    assert VOLUME["image"].dtype == np.float32, "the batch of the caller was changed"


def test_the_first_request_is_empty_and_says_what_it_wants(server: WireServer) -> None:
    EisenServingClient(server.url)
    (headers, body, _), *more = server.seen
    assert (body, more, headers["Content-Length"]) == (b"", [], "0")
    assert "Authorization" not in headers
    assert headers["Accept-Encoding"] == "identity"


def test_without_a_check_nothing_is_sent_until_it_is_needed(server: WireServer) -> None:
    client = EisenServingClient(server.url, check=False)
    assert server.connections == 0
    assert client.metadata == METADATA
    assert client.metadata == METADATA
    assert len(server.seen) == 1


def test_tensors_are_sent_as_arrays(server: WireServer) -> None:
    import torch

    batch = {"image": torch.ones(1, 2, 2, requires_grad=True), "image_affine": torch.eye(4)}
    assert EisenServingClient(server.url, validate_inputs=True).predict(batch)["labels"].sum() == 4


def test_the_token_is_sent_and_shown_nowhere(server: WireServer, monkeypatch: pytest.MonkeyPatch) -> None:
    server.token = SECRET
    client = EisenServingClient(server.url, token=SECRET)
    assert server.seen[-1][0]["Authorization"] == f"Bearer {SECRET}"
    assert SECRET not in repr(client)
    monkeypatch.setenv("EISEN_TOKEN", f"{SECRET}\n")
    assert EisenServingClient(server.url).metadata == METADATA
    monkeypatch.setenv("EISEN_TOKEN", "another-one")
    with pytest.raises(TokenError, match="does not accept this token") as caught:
        EisenServingClient(server.url)
    assert "another-one" not in f"{caught.value} {vars(caught.value)} {caught.value.__cause__}"


def test_a_missing_token_is_understood_though_torchserve_says_400(server: WireServer) -> None:
    server.token = SECRET
    with pytest.raises(TokenError, match="the server wants a token") as caught:
        EisenServingClient(server.url)
    assert isinstance(caught.value, PermissionError)
    assert "EISEN_TOKEN" in caught.value.card.to_do
    assert caught.value.kind == "InvalidKeyException"


@pytest.mark.parametrize("token", ["two words", "line\nbreak: x", "naïve"])
def test_a_token_that_cannot_be_one_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(ArgumentError, match="characters that a token cannot have") as caught:
        EisenServingClient("http://127.0.0.1:1/predictions/toy", token=token, check=False)
    assert token not in str(caught.value)


def test_a_token_over_plain_http_to_another_machine_is_warned_of() -> None:
    with pytest.warns(UserWarning, match="unencrypted"):
        EisenServingClient("http://192.0.2.1/predictions/toy", token=SECRET, check=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        EisenServingClient("https://192.0.2.1/predictions/toy", token=SECRET, check=False)
        EisenServingClient("http://localhost/predictions/toy", token=SECRET, check=False)


def test_passwords_of_the_user_and_proxies_are_not_used_for_this_machine(
    server: WireServer, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w", encoding="utf-8") as file:  # noqa: PTH123
        file.write("machine 127.0.0.1 login me password mine\n")
    os.chmod(netrc, 0o600)  # noqa: PTH101
    monkeypatch.setenv("NETRC", netrc)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    EisenServingClient(server.url)
    assert "Authorization" not in server.seen[-1][0]


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("127.0.0.1:8080/predictions/toy", "did you mean http://127.0.0.1:8080/predictions/toy"),
        ("ftp://host/toy", "is not the address of a model"),
        ("http://host:99999/toy", "this is not an address"),
        ("http:///toy", "is not the address"),
        ("http://me:secret@host/toy", "has a user or password in it"),
        ("http://host/a b", "is not the address"),
        ("", "is not the address"),
    ],
)
def test_addresses_are_checked(url: str, text: str) -> None:
    with pytest.raises(ArgumentError, match=text) as caught:
        EisenServingClient(url, check=False)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"timeout_s": 0}, "there is always a limit"),
        ({"timeout_s": float("inf")}, "there is always a limit"),
        ({"timeout_s": None}, "there is always a limit"),
        ({"retries": -1}, "a number of times"),
        ({"verify": False}, "always verified"),
        ({"verify": "nowhere.pem"}, "there is no file nowhere.pem"),
        ({"compression": "gzp"}, "did you mean 'gzip'"),
    ],
)
def test_arguments_are_checked(arguments: dict, text: str) -> None:
    with pytest.raises(ArgumentError, match=text):
        EisenServingClient("http://127.0.0.1:1/predictions/toy", check=False, **arguments)


@pytest.mark.parametrize("how", ["gzip", "zstd"])
def test_bodies_and_answers_are_compressed_when_asked_for(server: WireServer, how: str) -> None:
    batch = {"image": np.ones((32, 32, 32), np.float32), "image_affine": np.eye(4)}
    output = EisenServingClient(server.url, compression=how).predict(batch)
    np.testing.assert_array_equal(output["labels"], batch["image"])
    headers, body, sent = server.seen[-1]
    assert headers["Content-Encoding"] == headers["Accept-Encoding"] == how
    assert sent < len(body) / 20


def test_connections_are_kept_and_one_client_serves_many_threads(server: WireServer) -> None:
    results: list[int] = []
    with EisenServingClient(server.url) as client:
        for _ in range(3):
            client.predict(VOLUME)
        assert server.connections == 1

        def work(n: int) -> None:
            for _ in range(5):
                out = client.predict({"image": np.full((1, 1, 1), n), "image_affine": np.eye(4)})
                results.append(int(out["labels"][0, 0, 0]) - n)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [0] * 40
    assert server.connections == 9
    assert client.predict(VOLUME)["warnings"], "a client that was closed opens a new connection"


def test_an_array_with_geometry_goes_as_npy_and_comes_back_on_its_grid(server: WireServer) -> None:
    client = EisenServingClient(server.url)
    array = np.asfortranarray(np.arange(60, dtype=np.int16).reshape(3, 4, 5))
    answer = client.predict_array(array, np.diag([1.0, 1.0, 2.5, 1.0]))
    np.testing.assert_array_equal(answer.array(), array)
    assert answer.array().dtype == np.int16
    assert (answer.warnings, answer.model) == ((WARNING,), "toy/1.0")
    headers = server.seen[-1][0]
    assert headers["X-Eisen-Affine"].startswith("[[1.0, 0.0, 0.0, 0.0]")
    assert headers["Content-Type"] == "application/x-npy"
    assert client.predict_array(array, np.eye(4), accept="json").json()["volumes_ml"]["anterior"] == 1.61
    client.predict_array(array, np.eye(4), probabilities=True)
    assert server.seen[-1][0]["Accept"] == "application/x-npy; content=probabilities"


@pytest.mark.parametrize(
    ("array", "affine", "text"),
    [
        (np.array(["a"]), None, "cannot be sent"),
        (np.zeros((0, 3, 3)), None, "has no voxels"),
        (np.zeros((3, 3, 3)), np.eye(3), "the affine has shape"),
        (np.zeros((3, 3, 3)), np.full((4, 4), np.nan), "no numbers"),
    ],
)
def test_arrays_that_cannot_be_sent(server: WireServer, array: np.ndarray, affine: object, text: str) -> None:
    client = EisenServingClient(server.url)
    with pytest.raises(ArgumentError, match=text):
        client.predict_array(array, affine)
    assert len(server.seen) == 1


def test_a_refusal_is_a_card(server: WireServer) -> None:
    with pytest.raises(InputRefusedError) as caught:
        EisenServingClient(server.url).predict_array(np.frombuffer(b"bad voxels..", np.uint8))
    error = caught.value
    assert (error.status, error.kind, error.nothing_predicted) == (422, "WrongShape", True)
    assert (error.card.what, error.card.field, error.card.to_do) == ("too many axes", "image", "send one volume")
    assert error.card.expected == "3 axes; got 5 axes"
    assert error.said["got"] == "5 axes"


def test_a_model_that_is_not_there(server: WireServer) -> None:
    with pytest.raises(RefusedError, match="Model not found: toi") as caught:
        EisenServingClient(f"{server.root}/predictions/toi")
    assert caught.value.status == 404
    assert "correct the name" in caught.value.card.to_do
