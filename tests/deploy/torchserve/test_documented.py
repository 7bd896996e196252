"""The command of the documentation, as it stands there, in a folder of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from eisen_deploy.serving.settings import ServerSettings
from eisen_deploy.serving.torchserve import config_text
from eisen_deploy.serving.torchserve.ports import free_ports
from eisen_deploy.utils import pack, unpack
from tests.deploy.calling import Reply, call
from tests.deploy.safe_packages import oblique, phantom
from tests.deploy.served_packages import pickled_package, safe_archive
from tests.deploy.volume_requests import nifti

pytestmark = pytest.mark.usefixtures("java")
_USUAL = (8080, 8081, 8082, 7070, 7071)


@contextmanager
def started(folder: Path, command: str) -> Iterator[None]:
    """Run a command line as a user would, and ``torchserve --stop`` at the end."""
    (folder / "tmp").mkdir(exist_ok=True)
    temporary = {"TMPDIR": str(folder / "tmp"), "TEMP": str(folder / "tmp"), "OMP_NUM_THREADS": "1"}
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, **temporary, "PATH": path}

    def run(line: str) -> None:
        with (folder / "out.txt").open("ab") as out:
            subprocess.run(line.split(), cwd=folder, env=environment, stdout=out, stderr=out, check=True, timeout=60)

    run(command)
    java = int((folder / "tmp/.model_server.pid").read_text(encoding="utf-8"))
    family = [psutil.Process(java)]
    try:
        yield
        family += family[0].children(recursive=True)
    finally:
        run("torchserve --stop")
        _, alive = psutil.wait_procs(family, 20)
        for process in alive:
            process.kill()
    assert not alive


def patiently(ask: Callable[[], Reply], limit_s: float = 90) -> Reply:
    """Ask until there is a good answer."""
    deadline = time.monotonic() + limit_s
    while True:
        try:
            reply = ask()
            if reply.status == 200:
                return reply
        except OSError:
            reply = None
        assert time.monotonic() < deadline, reply
        time.sleep(0.2)


def _key(file: Path) -> Reply:
    """Return the token for predictions; TorchServe makes the file before it has something to write."""
    try:
        return Reply(200, {}, json.loads(file.read_text(encoding="utf-8"))["inference"]["key"].encode())
    except (OSError, ValueError):
        return Reply(0, {}, b"")


def test_the_command_of_the_documentation(short_folder: Path, tmp_path: Path) -> None:
    """Ports and tokens are those of TorchServe; name of the model and number of workers those of the package."""
    for port in _USUAL:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                pytest.skip(f"somebody listens on port {port}, which TorchServe wants by default")
    folder = short_folder / "documented"
    (folder / "model_zoo").mkdir(parents=True)
    shutil.copy(safe_archive(tmp_path), folder / "model_zoo/model.mar")
    array, affine = phantom((9, 8, 7)), oblique()
    with started(folder, "torchserve --start --ncs --model-store model_zoo --models model.mar"):
        key = patiently(lambda: _key(folder / "key_file.json")).body.decode()
        token = {"Authorization": f"Bearer {key}"}
        told = patiently(lambda: call("http://127.0.0.1:8080/predictions/tiny", b"", token))
        assert told.json["model_input_list"] == ["image"]
        body = nifti(array, affine)
        mask = call("http://127.0.0.1:8080/predictions/tiny", body, token, method="PUT")  # as curl -T
        assert (mask.status, mask.content_type) == (200, "application/x-nifti")
        assert len(mask.body) > 9 * 8 * 7
        workers = (folder / "logs/model_log.log").read_text(encoding="utf-8").count("Torch worker started.")
        assert workers == 1


@pytest.mark.slow
def test_the_command_with_a_configuration_of_ours(short_folder: Path, tmp_path: Path) -> None:
    folder = short_folder / "configured"
    (folder / "model_zoo").mkdir(parents=True)
    shutil.copy(pickled_package(tmp_path, "model"), folder / "model_zoo")
    ports = free_ports()
    text = config_text(ServerSettings(token="off"), ports)
    (folder / "config.properties").write_text(text, encoding="ascii")
    command = "torchserve --start --ncs --ts-config config.properties --model-store model_zoo --models model.mar"
    address = f"http://127.0.0.1:{ports.inference}/predictions/model"
    with started(folder, command):
        assert patiently(lambda: call(address)).json["custom"] == {"made_for": "tests"}
        image = phantom((4, 5, 6), dtype="float32")[None, None]
        found = unpack(call(address, pack({"image": image, "id": "x"})).body)
        assert found["label"].shape == (1, 4, 5, 6)
        described = call(f"http://127.0.0.1:{ports.management}/models/model", None, method="GET").json[0]
        assert len(described["workers"]) == 1
        refused = call(f"http://127.0.0.1:{ports.management}/models?url=file:///model.mar", b"")
        assert refused.status == 405
