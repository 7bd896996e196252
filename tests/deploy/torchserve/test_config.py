"""What TorchServe is told, without starting it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from eisen._core.errors import ArgumentError
from eisen_deploy.serving.settings import ServerSettings
from eisen_deploy.serving.torchserve import Ports, Staged, config_text
from tests.deploy.certificates import make_certificate

PORTS = Ports(8080, 8081, 8082, 7070, 7071)


def values(settings: ServerSettings, *models: Staged) -> dict[str, str]:
    return dict(line.split("=", 1) for line in config_text(settings, PORTS, models).splitlines())


def test_defaults_are_closed() -> None:
    told = values(ServerSettings())
    assert told["inference_address"] == "http://127.0.0.1:8080"
    assert {told[f"{kind}_address"] for kind in ("management", "metrics")} == {
        "http://127.0.0.1:8081",
        "http://127.0.0.1:8082",
    }
    assert told["grpc_inference_address"] == told["grpc_management_address"] == "127.0.0.1"
    assert told["disable_token_authorization"] == told["enable_model_api"] == told["enable_envvars_config"] == "false"
    assert told["default_workers_per_model"] == "1"
    assert told["metrics_mode"] == "prometheus"
    assert "cors_allowed_origin" not in told


def test_no_archive_can_be_fetched_from_anywhere() -> None:
    import re

    pattern = values(ServerSettings())["allowed_urls"]
    for address in ("http://127.0.0.1/x.mar", "file:///tmp/x.mar", "https://example.org/x.mar", ""):
        assert not re.fullmatch(pattern, address)


def test_token_off() -> None:
    assert values(ServerSettings(token="off"))["disable_token_authorization"] == "true"


def test_sizes_fit_into_an_int_of_java() -> None:
    told = values(ServerSettings(max_bytes=2**31 - 1, queue_size=7, timeout_s=1.5))
    assert told["max_request_size"] == told["max_response_size"] == "2147483647"
    assert (told["job_queue_size"], told["default_response_timeout"]) == ("7", "2")
    with pytest.raises(ArgumentError, match="more than TorchServe can take"):
        config_text(ServerSettings(max_bytes=2**31), PORTS)


def test_batches_and_workers_stand_with_the_model() -> None:
    settings = ServerSettings(workers=2, batch_size=4, batch_delay_ms=20.5)
    two = Staged("liver", "1.0", "a.mar"), Staged("liver", "2.0", "b.mar")
    table = json.loads(values(settings, *two)["models"])
    assert set(table["liver"]) == {"1.0", "2.0"}
    entry = table["liver"]["2.0"]
    assert (entry["marName"], entry["batchSize"], entry["maxBatchDelay"]) == ("b.mar", 4, 21)
    assert (entry["minWorkers"], entry["maxWorkers"]) == (2, 2)


@pytest.mark.parametrize(("device", "expected"), [("cpu", "0"), ("cuda:1", "1"), (None, None)])
def test_device(device: str | None, expected: str | None) -> None:
    assert values(ServerSettings(device=device)).get("number_of_gpu") == expected


def test_pages_of_one_origin_and_only_without_a_token() -> None:
    page = "https://viewer.example.org"
    assert values(ServerSettings(token="off", allowed_origins=[page]))["cors_allowed_origin"] == page
    with pytest.raises(ArgumentError, match="one origin only"):
        config_text(ServerSettings(token="off", allowed_origins=[page, "https://b.example.org"]), PORTS)
    with pytest.raises(ArgumentError, match="asks for the token where browsers have none"):
        config_text(ServerSettings(allowed_origins=[page]), PORTS)


def test_tls(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    told = values(ServerSettings(tls_certificate=certificate, tls_key=key))
    assert told["inference_address"] == "https://127.0.0.1:8080"
    assert told["management_address"].startswith("http://127.0.0.1:")
    assert (told["private_key_file"], told["certificate_file"]) == (str(key), str(certificate))


def test_a_key_that_is_not_rsa_is_refused_before_the_start(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path, rsa=False)
    with pytest.raises(ArgumentError, match="cannot use the private key"):
        config_text(ServerSettings(tls_certificate=certificate, tls_key=key), PORTS)


def test_paths_with_odd_letters_are_spelled_as_java_reads_them(tmp_path: Path) -> None:
    folder = tmp_path / "Müller \\ 肝"
    folder.mkdir()
    certificate, key = make_certificate(folder)
    text = config_text(ServerSettings(tls_certificate=certificate, tls_key=key), PORTS)
    assert text.isascii()
    assert f"{tmp_path}/M\\u00fcller \\\\ \\u809d/" in text


def test_two_servers_on_one_port_are_refused() -> None:
    with pytest.raises(ArgumentError, match="two servers on one port"):
        Ports(8080, 8080, 8082, 7070, 7071)
