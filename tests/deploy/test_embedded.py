"""The embedded server answers like TorchServe, to everybody who may ask."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.deploy.embedded_servers import TOKEN, Running, eventually, head, memory_files, model_folder, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("served")
    models = [model_folder(folder), model_folder(folder, version="2.0"), model_folder(folder, "other")]
    with serving(folder, *models, max_bytes=100_000_000, allowed_origins=["https://viewer.example.org"]) as running:
        yield running


@pytest.mark.parametrize("size", [0, 1, 65535, 65536, 65537, 262144, 1_000_003, 16 * 2**20])
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_every_byte_comes_back(server: Running, size: int, method: str) -> None:
    body = np.random.default_rng(size).bytes(size)
    status, headers, answer = server.ask(body=body, method=method)
    assert status == 200
    assert answer == body
    assert headers["content-type"] == "application/octet-stream"
    assert headers["x-eisen-model"] == "fake/1.0"
    assert "server" not in headers


def test_a_body_of_unknown_size_comes_back(server: Running) -> None:
    pieces = [np.random.default_rng(n).bytes(n) for n in (1, 200_000, 70_000, 3_000_000)]
    status, _, answer = server.ask(body=iter(pieces), headers={"Transfer-Encoding": "chunked"}, encode_chunked=True)
    assert (status, answer) == (200, b"".join(pieces))


def test_many_requests_on_one_connection(server: Running) -> None:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    for number in range(40):
        body = np.random.default_rng(number).bytes([10, 300_000, 65537, 2_000_000][number % 4])
        connection.request("POST", "/predictions/fake", body, {"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.read() == body
    connection.close()


def test_requests_sent_in_one_go_are_answered_in_order(server: Running) -> None:
    bodies = [b"first", bytes(300_000), b"third"]
    data = b"".join(head("/predictions/fake", f"Content-Length: {len(body)}") + body for body in bodies)
    received = server.raw(data + head("/ping", "Connection: close", method="GET"))
    answers = received.split(b"HTTP/1.1 200 OK")[1:]
    assert [answer.partition(b"\r\n\r\n")[2] for answer in answers] == [*bodies, b'{"status": "Healthy"}']


def test_curl_waits_for_100_continue(server: Running) -> None:
    import socket

    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(
            head("/predictions/fake", "Content-Length: 200000", "Expect: 100-continue", "Connection: close")
        )
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(bytes(200_000))
        received = b""
        while piece := connection.recv(65536):
            received += piece
    assert received.endswith(bytes(200_000))


@pytest.mark.parametrize("size", [0, 5, 100_000, 3_000_000])
def test_an_upgrade_to_http_2_is_ignored(server: Running, size: int) -> None:
    """Java and curl ask for it with every request."""
    body = np.random.default_rng(0).bytes(size)
    lines = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAAP__")
    request = head("/predictions/fake", f"Content-Length: {size}", *lines) + body
    received = server.raw(request + request + head("/ping", "Connection: close", method="GET"))
    answers = received.split(b"HTTP/1.1 200 OK")[1:]
    assert [answer.partition(b"\r\n\r\n")[2] for answer in answers] == [body, body, b'{"status": "Healthy"}']


def test_an_upgrade_with_a_body_in_chunks_is_ignored(server: Running) -> None:
    lines = ("Connection: Upgrade, close", "Upgrade: websocket", "Transfer-Encoding: chunked")
    received = server.raw(head("/predictions/fake", *lines) + b"5\r\nvoxel\r\n1\r\ns\r\n0\r\n\r\n")
    assert received.endswith(b"\r\n\r\nvoxels")


def test_versions_and_names(server: Running) -> None:
    assert server.ask(body=b"folder x")[2] == b"fake-1.0"
    assert server.ask("/predictions/fake/2.0", b"folder x")[2] == b"fake-2.0"
    assert server.ask("/predictions/other", b"folder x")[2] == b"other-1.0"
    for path in ("/predictions/fake/3.0", "/predictions/nothing"):
        status, answer = server.json(path, b"folder x")
        assert (status, answer["type"]) == (404, "ModelNotFound")
        assert "fake/2.0" in answer["expected"]


def test_models_are_described(server: Running) -> None:
    assert server.json("/models")[1] == {
        "models": [{"modelName": n, "modelVersion": v} for n, v in (("fake", "1.0"), ("fake", "2.0"), ("other", "1.0"))]
    }
    _, described = server.json("/models/fake")
    assert [model["modelVersion"] for model in described] == ["1.0", "2.0"]
    assert described[0]["workers"][0]["status"] == "READY"
    assert server.json("/models/fake/2.0")[1][0]["modelVersion"] == "2.0"
    assert server.json("/models/nothing")[0] == 404


def test_unknown_addresses_and_methods_are_json(server: Running) -> None:
    status, headers, body = server.ask("/predictions/fake", b"x", method="DELETE")
    assert (status, json.loads(body)["type"]) == (405, "MethodNotAllowed")
    assert "POST" in headers["allow"]
    for path in ("/", "/predictions", "/predictions/fake/1.0/more", "/docs", "/openapi.json", "/predictions/fake/"):
        assert server.json(path)[1]["type"] == "NotFound"


def test_forms_and_json_become_fields(server: Running) -> None:
    parts = b"".join(
        b'--frontier\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n' % part
        for part in ((b"t1", b'; filename="a.nii"', b"a\r\n--b" * 20_000), (b"age", b"", b"61"))
    )
    kind = {"Content-Type": "multipart/form-data; boundary=frontier"}
    status, fields = server.json(body=parts + b"--frontier--\r\n", headers=kind)
    assert (status, fields) == (200, {"age": [2, "61"], "t1": [120_000, "a\r\n--ba\r\n--ba\r\n--ba\r"[:20]]})
    status, answer = server.json(body=parts, headers=kind)
    assert (status, answer["type"]) == (400, "BadForm")
    status, answer = server.json(body=parts + parts + b"--frontier--\r\n", headers=kind)
    assert (status, answer["type"]) == (400, "BadForm")
    assert server.json(body=b'{"age": 61}', headers={"Content-Type": "application/json"}) == (200, {"age": 61})
    assert server.ask(body=b"[1, 2]", headers={"Content-Type": "application/json"})[2] == b"[1, 2]"


def test_refusals_and_failures_of_the_model(server: Running) -> None:
    assert server.json(body=b"refuse x")[1]["field"] == "image"
    status, answer = server.json(body=b"raise x")
    assert (status, answer["type"]) == (500, "PredictionFailed")
    assert "secret" not in json.dumps(answer)
    assert server.ask(body=b"still")[0] == 200


def test_headers_of_a_model_cannot_break_the_answer(server: Running) -> None:
    status, headers, body = server.ask(body=b"headers x")
    assert (status, body, headers["content-length"]) == (200, b"", "0")
    assert "set-cookie" not in headers
    assert headers["x-good"] == "ja ü ?"


def test_a_body_that_the_model_keeps_is_never_overwritten(server: Running) -> None:
    for number in range(4):
        body = (b"keep %d " % number).ljust(100_000, b".")
        assert server.ask(body=body)[2] == body
    for _ in range(3):
        server.ask(body=bytes(100_000))
    kept = server.json(body=b"kept x")[1]
    assert [text.split()[1] for text in kept] == ["0", "1", "2", "3"]


def test_answers_larger_than_requests(server: Running) -> None:
    assert server.ask(body=b"grow 50000000")[2] == bytes(50_000_000)


def test_metrics_count(server: Running) -> None:
    server.ask(body=b"counted")
    status, headers, body = server.ask("/metrics")
    text = body.decode()
    assert status == 200
    assert headers["content-type"].startswith("text/plain")
    assert 'eisen_requests_total{model="fake/1.0",status="200"}' in text
    assert 'eisen_workers_ready{model="fake/1.0"} 1.0' in text
    for name in ("wait", "compute", "total"):
        assert f'eisen_{name}_seconds_bucket{{le="0.005",model="fake/1.0"}}' in text


def test_a_line_per_request_without_what_it_said(server: Running) -> None:
    server.told.clear()
    server.ask("/predictions/fake?patient=Mueller", b"Mueller", headers={"X-Name": "Mueller"})
    server.ask("/Mueller.nii.gz")
    server.ask("/predictions/Mueller", b"x")
    eventually(lambda: len(server.requests()) == 3)
    lines = server.requests()
    assert [line["status"] for line in lines] == [200, 404, 404]
    assert (lines[0]["path"], lines[0]["bytes_in"], lines[0]["bytes_out"]) == ("/predictions/fake", 7, 7)
    assert 0 <= lines[0]["wait_s"] <= lines[0]["total_s"]
    assert "Mueller" not in json.dumps(lines)


def test_memory_is_used_again(server: Running) -> None:
    for _ in range(3):
        server.ask(body=bytes(3_000_000))
    before = memory_files()
    for _ in range(20):
        server.ask(body=bytes(3_000_000))
    assert memory_files() == before


def test_two_archives_with_one_name_are_refused(tmp_path: Path) -> None:
    from eisen._core.errors import ArgumentError

    one, two = model_folder(tmp_path / "a"), model_folder(tmp_path / "b")
    with pytest.raises(ArgumentError, match="two archives hold fake"), serving(tmp_path, one, two):
        pass


def test_a_port_that_is_taken_is_explained(server: Running, tmp_path: Path) -> None:
    from eisen._core.errors import ArgumentError

    with pytest.raises(ArgumentError, match="cannot listen"), serving(tmp_path, port=server.port):
        pass
