"""The other doors of TorchServe: gRPC, KServe and TLS."""

from __future__ import annotations

import json
import ssl
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from eisen_deploy.serving.torchserve import TorchServe
from eisen_deploy.utils import pack, unpack
from tests.deploy.calling import call
from tests.deploy.certificates import make_certificate
from tests.deploy.safe_packages import oblique, phantom
from tests.deploy.served_packages import safe_archive
from tests.deploy.volume_requests import nifti

VOLUME, AFFINE = phantom((9, 8, 7)), oblique()
SERVICE = "/org.pytorch.serve.grpc.inference.InferenceAPIsService/Predictions"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("interfaces")


@pytest.fixture(scope="module")
def server(torchserve: Callable[..., TorchServe], folder: Path) -> TorchServe:
    """With a token and TLS, two workers although the archive says one, and everything unusual refused."""
    certificate, key = make_certificate(folder)
    archive = safe_archive(folder)
    with pytest.warns(UserWarning, match="responseTimeout: 600, and TorchServe prefers that to 90"):
        return torchserve(archive, tls_certificate=certificate, tls_key=key, workers=2, timeout_s=90, gate="refuse")


def _field(number: int, value: bytes) -> bytes:
    """Return a field of a protocol buffer that has a length."""
    size, length = len(value), b""
    while size > 127:
        length, size = length + bytes([size & 127 | 128]), size >> 7
    return bytes([number << 3 | 2]) + length + bytes([size]) + value


def _prediction(message: bytes) -> bytes:
    """Return the first field of an answer."""
    assert message[0] == 1 << 3 | 2
    size = shift = 0
    at = 1
    while True:
        size |= (message[at] & 127) << shift
        shift, at = shift + 7, at + 1
        if not message[at - 1] & 128:
            return message[at : at + size]


@pytest.mark.slow
def test_tls_and_token(server: TorchServe, folder: Path) -> None:
    trust = folder / "server.pem"
    assert server.url.startswith("https://127.0.0.1:")
    token = {"Authorization": f"Bearer {server.token}"}
    reply = call(f"{server.url}/predictions/tiny", nifti(VOLUME, AFFINE), token, trust=trust)
    assert (reply.status, reply.content_type) == (200, "application/x-nifti")
    assert call(f"{server.url}/predictions/tiny", b"", trust=trust).status == 400
    (folder / "other").mkdir()
    stranger, _ = make_certificate(folder / "other")
    with pytest.raises(ssl.SSLCertVerificationError):
        call(f"{server.url}/predictions/tiny", b"", token, trust=stranger)


def test_as_many_workers_as_the_settings_say(server: TorchServe) -> None:
    assert len(server.workers()) == 2


@pytest.mark.parametrize("address", ["/v1/models/tiny:predict", "/v2/models/tiny/infer"])
def test_addresses_of_kserve_answer_as_the_others(server: TorchServe, folder: Path, address: str) -> None:
    """The bytes are handed on as they are: a volume works, the JSON tensors of KServe do not."""
    trust, token = folder / "server.pem", {"Authorization": f"Bearer {server.token}"}
    usual = call(f"{server.url}/predictions/tiny", nifti(VOLUME, AFFINE), token, trust=trust)
    assert call(f"{server.url}{address}", nifti(VOLUME, AFFINE), token, trust=trust).body == usual.body
    tensors = b'{"inputs": [{"name": "image", "shape": [1, 1, 1], "datatype": "FP32", "data": [1]}]}'
    refused = call(f"{server.url}{address}", tensors, {**token, "Content-Type": "application/json"}, trust=trust)
    assert refused.status in (400, 415)
    assert call(f"{server.url}/v2/models/tiny", None, token, "GET", trust=trust).status == 404
    assert call(f"{server.url}/v2/health/ready", None, token, "GET", trust=trust).status == 404


def test_grpc_carries_messages_and_volumes(server: TorchServe, folder: Path) -> None:
    """Names of the map ``input`` are those of a form: ``body`` is a message or a volume, anything else a field."""
    grpc = pytest.importorskip("grpc")
    channel = grpc.insecure_channel(f"127.0.0.1:{server.ports.grpc_inference}")
    predict = channel.unary_unary(SERVICE, request_serializer=bytes, response_deserializer=bytes)
    token = (("authorization", f"Bearer {server.token}"),)

    def ask(name: str, value: bytes, metadata: object = token) -> bytes:
        entry = _field(1, name.encode()) + _field(2, value)
        message = _field(1, b"tiny") + _field(3, entry)
        return _prediction(predict(message, metadata=metadata, timeout=60))

    with channel:
        found = unpack(ask("body", pack({"image": VOLUME, "image_affine": AFFINE})))
        assert found["labels"].shape == VOLUME.shape
        volume = nifti(VOLUME, AFFINE)
        headers = {"Authorization": f"Bearer {server.token}"}
        usual = call(f"{server.url}/predictions/tiny", volume, headers, trust=folder / "server.pem").body
        assert ask("image", volume) == ask("body", volume) == usual
        with pytest.raises(grpc.RpcError) as refused:
            ask("body", volume, ())
        assert refused.value.code() is grpc.StatusCode.PERMISSION_DENIED
        # TorchServe knows no status of ours here: an error arrives as a prediction, and is JSON
        assert json.loads(ask("body", b"noise"))["code"] == 415


def test_numbers_for_prometheus(server: TorchServe) -> None:
    text = call(f"http://127.0.0.1:{server.ports.metrics}/metrics", None, method="GET").body.decode()
    assert 'ts_inference_requests_total{model_name="tiny"' in text
    assert np.isfinite(float(text.split("ts_inference_latency_microseconds{")[1].split("} ")[1].split()[0]))
