"""Embedded servers around the models of `fake_service`, and clients that behave well or badly."""

from __future__ import annotations

import gc
import http.client
import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from eisen_deploy.serving.embedded import EmbeddedServer, Limits
from eisen_deploy.serving.settings import ServerSettings

SERVICE = f"{Path(__file__).with_name('fake_service.py')}:Service"
TOKEN = "a-token-for-the-tests"


def model_folder(folder: Path, name: str = "fake", version: str = "1.0", behaviour: str = "") -> Path:
    made = folder / f"{name}-{version}"
    (made / "MAR-INF").mkdir(parents=True)
    manifest = {"model": {"modelName": name, "modelVersion": version}}
    (made / "MAR-INF/MANIFEST.json").write_text(json.dumps(manifest), encoding="utf-8")
    (made / "behaviour").write_text(behaviour, encoding="utf-8")
    return made


class Running:
    """A server that runs, and what it told."""

    def __init__(self, server: EmbeddedServer, told: list[dict[str, Any]]) -> None:
        self.server, self.told = server, told
        self.port = server.settings.port

    def ask(
        self,
        path: str = "/predictions/fake",
        body: Any = None,
        headers: dict[str, str] | None = None,
        method: str | None = None,
        **more: Any,
    ) -> tuple[int, dict[str, str], bytes]:
        """Return status, headers in small letters, and body of an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        token = {"Authorization": f"Bearer {TOKEN}"} if self.server.token else {}
        try:
            connection.request(
                method or ("GET" if body is None else "POST"), path, body, token | (headers or {}), **more
            )
            answer = connection.getresponse()
            return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()
        finally:
            connection.close()

    def json(self, *arguments: Any, **more: Any) -> tuple[int, Any]:
        status, _, body = self.ask(*arguments, **more)
        return status, json.loads(body)

    def raw(self, data: bytes, *, until_closed: bool = True, half_close: bool = False, timeout: float = 10) -> bytes:
        """Send bytes and return what comes back until the server hangs up."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=timeout) as connection:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            received = b""
            while piece := connection.recv(65536):
                received += piece
                if not until_closed:
                    break
            return received

    def pids(self) -> list[int]:
        status, models = self.json("/models/fake")
        assert status == 200
        return [worker["pid"] for model in models for worker in model["workers"]]

    def requests(self) -> list[dict[str, Any]]:
        return [line for line in self.told if line["event"] == "request"]


@contextmanager
def serving(
    folder: Path, *models: Path, limits: Limits | None = None, ready: bool = True, **settings: Any
) -> Iterator[Running]:
    """Run a server with the model ``fake``, or others."""
    told: list[dict[str, Any]] = []
    chosen = ServerSettings(**{"port": 0, "token": TOKEN, "timeout_s": 20, "threads": 1, **settings})
    folders = list(models) or [model_folder(folder)]
    server = EmbeddedServer(chosen, folders, folder / "scratch", limits=limits, tell=told.append, service=SERVICE)
    with server:
        if ready:
            server.wait_ready(60)
        yield Running(server, told)


def head(path: str = "/predictions/fake", *lines: str, method: str = "POST") -> bytes:
    """Return the head of a request."""
    usual = (f"Host: 127.0.0.1\r\nAuthorization: Bearer {TOKEN}", *lines)
    return "\r\n".join([f"{method} {path} HTTP/1.1", *usual, "", ""]).encode()


def eventually(true: Callable[[], Any], seconds: float = 20) -> None:
    """Wait until something is true."""
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it never became true"
        time.sleep(0.02)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]


def memory_files() -> set[str]:
    """Return the blocks of memory that this process has open."""
    gc.collect()
    links = set()
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = str(entry.readlink())
        except OSError:
            continue
        if "memfd:eisen" in target:
            links.add(entry.name)
    return links
