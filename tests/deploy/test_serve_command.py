"""``eisen serve`` as people and programs run it."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from click.testing import CliRunner

from eisen_cli.main import cli
from eisen_cli.serving import chosen_engine
from eisen_deploy.serving.settings import ServerSettings
from tests.deploy.embedded_servers import eventually, is_alive
from tests.deploy.served_packages import pickled_package, safe_archive


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return safe_archive(tmp_path_factory.mktemp("safe"))


class Served:
    """A running ``eisen serve --json``."""

    def __init__(self, process: subprocess.Popen[str], errors: Path) -> None:
        self.process, self.errors = process, errors
        self.lines: list[dict[str, Any]] = []

    def until(self, event: str) -> dict[str, Any]:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            self.lines.append(json.loads(text))
            if self.lines[-1]["event"] == event:
                return self.lines[-1]
        raise AssertionError(f"it ended: {self.errors.read_text(encoding='utf-8')}")


@contextmanager
def command(folder: Path, *arguments: Any) -> Iterator[Served]:
    temporary = folder / "temporary"
    temporary.mkdir(exist_ok=True)
    words = [sys.executable, "-m", "eisen_cli", "serve", *map(str, arguments), "--port", "0", "--json"]
    environment = {**os.environ, "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"}
    errors = folder / "errors.txt"
    with errors.open("w", encoding="utf-8") as sink:
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=sink, text=True, env=environment)
    try:
        yield Served(process, errors)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        assert process.stdout is not None
        process.stdout.close()


def scan() -> bytes:
    voxels = np.random.default_rng(0).normal(size=(12, 12, 12)).astype("float32")
    return bytes(nibabel.Nifti1Image(voxels, np.eye(4)).to_bytes())


def sent(ready: dict[str, Any], model: str, body: bytes) -> bytes:
    request = urllib.request.Request(f"{ready['url']}/predictions/{model}", body, method="POST")
    request.add_header("Authorization", f"Bearer {ready['token']}")
    request.add_header("Content-Type", "application/octet-stream")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return bytes(answer.read())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_serves_until_it_is_told_to_stop(tmp_path: Path, archive: Path, number: int) -> None:
    with command(tmp_path, archive, "--engine", "embedded") as served:
        ready = served.until("ready")
        assert ready["models"] == [{"name": "tiny", "version": "1.0"}]
        assert len(ready["token"]) > 30
        mask = nibabel.Nifti1Image.from_bytes(sent(ready, "tiny", scan()))
        assert mask.shape == (12, 12, 12)
        line = served.until("request")
        assert (line["status"], line["path"]) == (200, "/predictions/tiny")
        folders = list((tmp_path / "temporary").iterdir())
        assert [folder.stat().st_mode & 0o777 for folder in folders] == [0o700]
        pids = [line["pid"] for line in served.lines if line["event"] == "worker ready"]
        assert all(is_alive(pid) for pid in pids)
        served.process.send_signal(number)
        assert served.process.wait(30) == 0
        assert pids
        assert not any(is_alive(pid) for pid in pids)
        assert not list((tmp_path / "temporary").iterdir())
        screen = served.errors.read_text(encoding="utf-8")
        assert f"curl -T scan.nii.gz -H 'Authorization: Bearer {ready['token']}' {ready['url']}" in screen
        assert f"eisen call {ready['url']}/predictions/tiny scan.nii.gz -o mask.nii.gz" in screen
        assert "stopped" in screen


def test_ctrl_c_while_it_loads(tmp_path: Path, archive: Path) -> None:
    with command(tmp_path, archive, "--engine", "embedded") as served:
        eventually(lambda: list((tmp_path / "temporary").glob("*/scratch")), 60)
        time.sleep(0.5)
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(30) == 130
        assert not list((tmp_path / "temporary").iterdir())


def test_what_a_killed_server_left_is_removed_by_the_next(tmp_path: Path, archive: Path) -> None:
    with command(tmp_path, archive, "--engine", "embedded") as served:
        eventually(lambda: list((tmp_path / "temporary").glob("*/scratch")), 60)
        served.process.kill()
        served.process.wait()
    (left,) = (tmp_path / "temporary").iterdir()
    (tmp_path / "temporary/eisen-serve-of-somebody-else").mkdir()
    with command(tmp_path, archive, "--engine", "embedded") as served:
        served.until("ready")
        assert not left.exists()
    assert [folder.name for folder in (tmp_path / "temporary").iterdir()] == ["eisen-serve-of-somebody-else"]


def test_a_package_that_is_code_needs_trust(tmp_path: Path) -> None:
    made = pickled_package(tmp_path)
    done = CliRunner().invoke(cli, ["serve", str(made), "--engine", "embedded", "--port", "0"])
    assert done.exit_code == 3
    assert "runs code of whoever made it" in done.output
    assert "--trust-pickle" in done.output
    with command(tmp_path, made, "--engine", "embedded", "--trust-pickle") as served:
        ready = served.until("ready")
        assert "is code" in served.errors.read_text(encoding="utf-8")
        assert json.loads(sent(ready, "small", b""))["inputs"][0]["name"] == "image"


def test_what_is_not_signed_is_refused(tmp_path: Path, archive: Path) -> None:
    from eisen_deploy.packaging.signing import make_keys

    keys = make_keys(tmp_path / "clinic")
    words = ["serve", str(archive), "--engine", "embedded", "--port", "0", "--require-signature", str(keys.public)]
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 4
    assert "is not signed" in done.output


def test_a_model_that_cannot_be_loaded_ends_it_with_the_reason(tmp_path: Path, archive: Path) -> None:
    import zipfile

    from eisen_deploy.packaging.archive import write_archive

    with zipfile.ZipFile(archive) as file:
        members = {name: file.read(name) for name in file.namelist() if not name.startswith("MAR-INF/")}
        manifest = json.loads(file.read("MAR-INF/MANIFEST.json"))
    weights = next(name for name in members if name.endswith(".safetensors"))
    write_archive(tmp_path / "bad.mar", {**members, weights: b"\x08" + bytes(20)}, manifest=manifest)
    done = CliRunner().invoke(cli, ["serve", str(tmp_path / "bad.mar"), "--engine", "embedded", "--port", "0"])
    assert done.exit_code == 1
    assert "a model cannot be loaded" in done.output
    assert "safetensors" in done.output


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing.mar"], "there is no"),
        (["--host", "0.0.0.0"], "no TLS"),
        (["--host", "0.0.0.0", "--token", "off"], "no token and no TLS"),
        (["--token", "short"], "the token cannot be used"),
        (["--max-size", "many"], "no amount of memory"),
        (["--tls-certificate", "x.pem"], "TLS needs two files"),
        (["--tls-certificate", "x.pem", "--tls-key", "y.pem"], "there is no file x.pem"),
        (["--timeout", "0"], "timeout_s is 0"),
        (["--batch-delay", "-1"], "batch_delay_ms is -1"),
        (["--allow-origin", "*"], "is no origin"),
        (["--token", "a-token-long-enough", "--token-file", "x"], "exclude each other"),
        (["--engine", "torchserve", "--token", "a-token-long-enough"], "makes its own tokens"),
    ],
)
def test_wrong_input_is_explained(archive: Path, words: list[str], said: str) -> None:
    done = CliRunner().invoke(cli, ["serve", *([] if words[0].endswith(".mar") else [str(archive)]), *words])
    assert done.exit_code in (2, 3, 4)
    assert said in done.output
    assert "Traceback" not in done.output


def test_an_error_for_machines_is_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["serve", str(tmp_path / "nothing.mar"), "--json"])
    document = json.loads(done.stdout.strip().splitlines()[-1])
    assert document["exit_code"] == done.exit_code == 4


def test_a_damaged_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.mar").write_bytes(b"PK\x03\x04" + bytes(100))
    done = CliRunner().invoke(cli, ["serve", str(tmp_path / "bad.mar"), "--engine", "embedded"])
    assert done.exit_code == 4


def test_the_engine_is_chosen_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import eisen_deploy.serving.torchserve as engine

    monkeypatch.setattr(engine, "has_java", lambda: False, raising=False)
    assert chosen_engine("auto", ServerSettings()) == ("embedded", "there is no Java for TorchServe")
    monkeypatch.setattr(engine, "has_java", lambda: True, raising=False)
    monkeypatch.setattr(engine, "has_torchserve", lambda: True, raising=False)
    assert chosen_engine("auto", ServerSettings())[0] == "torchserve"
    assert chosen_engine("auto", ServerSettings(max_bytes=3_000_000_000))[0] == "embedded"
    assert chosen_engine("auto", ServerSettings(), own_token=True)[0] == "embedded"
    assert chosen_engine("embedded", ServerSettings())[0] == "embedded"


@pytest.mark.slow
def test_torchserve_serves_the_same(short_folder: Path, archive: Path, java: None) -> None:
    folder = short_folder / "serve"  # TorchServe's sockets need short names
    folder.mkdir()
    with command(folder, archive, "--engine", "torchserve") as served:
        ready = served.until("ready")
        assert nibabel.Nifti1Image.from_bytes(sent(ready, "tiny", scan())).shape == (12, 12, 12)
        served.process.send_signal(signal.SIGINT)
        assert served.process.wait(60) == 0
        assert not list((folder / "temporary").iterdir())
        assert "engine: TorchServe" in served.errors.read_text(encoding="utf-8")


def test_examples_fit_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from eisen_cli.show.screen import Screen
    from eisen_cli.show.serving import show_ready
    from eisen_deploy.serving.embedded.archives import Served as Model

    out = io.StringIO()
    monkeypatch.setattr(sys, "stdout", out)
    two = Model(tmp_path / "a.mar", "tumour", "1.0", inputs=("t1", "t2"), output="mask.nii.gz")
    table = Model(tmp_path / "b.mar", "grade", "1.0", inputs=("image",), sample="image.png")
    show_ready(Screen(terminal=False), [two, table], ServerSettings(token="off"), "", 1.0)
    text = out.getvalue()
    url = "http://127.0.0.1:8080/predictions"
    assert f"curl -F t1=@t1-scan.nii.gz -F t2=@t2-scan.nii.gz {url}/tumour -o mask.nii.gz" in text
    assert f"eisen call {url}/tumour t1=t1-scan.nii.gz t2=t2-scan.nii.gz -o mask.nii.gz" in text
    assert f"curl -T image.png {url}/grade\n" in text
    assert "everybody on this machine" in text
