"""The recipe for many machines, on one: replicas of Ray Serve answer as `eisen serve` does."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel
import pytest
from starlette.requests import Request as HttpRequest

from eisen._core.errors import ArgumentError
from eisen_deploy.serving.ray import Replica, application, build

from .safe_packages import oblique, phantom, safe_folder

PROGRAM = """
import json, os, socket, sys
import nibabel, numpy as np
from eisen._core.ray_cluster import connected, loaded_ray

ray = loaded_ray(None)
archive, scan, out, answers = sys.argv[1:]
with socket.create_server(("127.0.0.1", 0)) as listener:
    port = listener.getsockname()[1]
with connected(ray, None, 2, 100_000_000):
    from ray import serve
    from eisen_deploy.client import EisenServingClient, InputRefusedError, TokenError
    from eisen_deploy.serving.ray import application
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        serve.run(application(archive, replicas=2, cpus=0.5, token="a-token"), route_prefix="/predictions/liver")
        url = f"http://127.0.0.1:{port}/predictions/liver"
        client = EisenServingClient(url, token="a-token", timeout_s=60)
        answer = client.predict_file(scan, out)
        batch = {"image": np.asarray(nibabel.load(scan).dataobj), "image_affine": nibabel.load(scan).affine}
        outputs = client.predict(batch)
        same = bool((outputs["labels"] == np.asarray(nibabel.load(out).dataobj)).all())
        form = client.predict_file({"image": scan}, accept="nii.gz").body == open(out, "rb").read()
        refused = {}
        for name, attempt in {
            "token": lambda: EisenServingClient(url, token="wrong"),
            "noise": lambda: client.predict_array(np.arange(1000.0)),
        }.items():
            try:
                attempt()
            except (TokenError, InputRefusedError) as error:
                refused[name] = error.status
        told = {"metadata": client.metadata, "same": same, "form": form, "refused": refused, "model": answer.model}
        with open(answers, "w") as file:
            json.dump(told, file)
    finally:
        serve.shutdown()
"""


@pytest.mark.slow
def test_replicas_answer_like_the_service_itself(tmp_path: Path) -> None:
    from eisen_deploy.serving.messages import Request
    from eisen_deploy.serving.service import Service

    folder = safe_folder(tmp_path / "package")
    nibabel.save(nibabel.Nifti1Image(phantom(), oblique()), tmp_path / "scan.nii.gz")
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "RAY_USAGE_STATS_ENABLED": "0"}
    words = [
        sys.executable,
        "-c",
        PROGRAM,
        folder,
        tmp_path / "scan.nii.gz",
        tmp_path / "mask.nii.gz",
        tmp_path / "told.json",
    ]
    done = subprocess.run(list(map(str, words)), env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    told = json.loads((tmp_path / "told.json").read_text(encoding="utf-8"))
    assert told["same"]
    assert told["form"]
    assert told["refused"] == {"token": 401, "noise": 422}
    with Service.open(folder, scratch=tmp_path) as service:
        (answer,) = service.answer([Request((tmp_path / "scan.nii.gz").read_bytes())])
        assert service.metadata == told["metadata"]
    assert (tmp_path / "mask.nii.gz").read_bytes() == answer.body
    assert told["model"] == answer.headers["X-Eisen-Model"]


def ask(replica: Replica, body: bytes, path: str = "/", token: str = "a-token", **headers: str) -> Any:
    """Ask a replica as Ray does, in pieces."""
    pieces = [body[:100], body[100:]]
    all_headers = {"authorization": f"Bearer {token}", **headers}
    scope = {
        "type": "http",
        "method": "POST",
        "path": f"/predictions/liver{path}",
        "root_path": "/predictions/liver",
        "query_string": b"",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in all_headers.items()],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    return asyncio.run(replica(HttpRequest(scope, receive)))


@pytest.fixture(scope="module")
def replica(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replica]:
    folder = safe_folder(tmp_path_factory.mktemp("package") / "model")
    replica = Replica(str(folder), "a-token", 100_000)
    yield replica
    place = replica._place
    replica.__del__()
    assert not place.exists()


def test_a_replica_answers_each_request(replica: Replica) -> None:
    metadata = ask(replica, b"")
    assert metadata.status_code == 200
    assert json.loads(metadata.body)["custom"] == {"package": "labels"}
    scan = nibabel.Nifti1Image(phantom(), oblique()).to_bytes()
    answer = ask(replica, scan)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-nifti")
    assert nibabel.Nifti1Image.from_bytes(answer.body).shape == phantom().shape
    head = b'--b\r\nContent-Disposition: form-data; name="image"; filename="x.nii"\r\n\r\n'
    form = ask(replica, head + scan + b"\r\n--b--\r\n", content_type="multipart/form-data; boundary=b")
    assert form.body == answer.body


def test_a_replica_refuses(replica: Replica) -> None:
    for refused, status in (
        (ask(replica, b"", token="wrong"), 401),
        (ask(replica, b"", token=""), 401),
        (ask(replica, b"noise"), 415),
        (ask(replica, b"x" * 100_001), 413),
        (ask(replica, b"", path="/2.0"), 404),
    ):
        assert refused.status_code == status
        assert json.loads(refused.body)["code"] == status
    replica.check_health()


def test_what_would_go_wrong_later_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EISEN_TOKEN", raising=False)
    with pytest.raises(ArgumentError, match="to everybody"):
        application(tmp_path)
    with pytest.raises(ArgumentError, match="there is no"):
        build({"archive": str(tmp_path / "x.mar"), "token": "", "replicas": "2"})
