"""Servers of the same models for the benchmarks, each a process of its own, and a client that all of them get alike.

python benchmarks/_servers.py KIND '{...}'       # what `started` runs: serves until its standard input is closed
"""

from __future__ import annotations

import contextlib
import http.client
import json
import mmap
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    import torch

THREADS = len(os.sched_getaffinity(0))
LARGEST = 1_000_000_000
OCTETS = "application/octet-stream"  # what TorchServe hands over as it came


@dataclass
class Server:
    """A server that runs.

    Args:
        port: Where.
        token: What it wants; empty: nothing.
        pid: Number of its first process; the others are children of it.
    """

    port: int
    token: str
    pid: int

    def pids(self) -> list[int]:
        """Return the numbers of all its processes."""
        first = psutil.Process(self.pid)
        return [first.pid, *(child.pid for child in first.children(recursive=True))]

    def memory(self) -> dict[int, float]:
        """Return the megabytes of each of its processes; what several share is divided among them."""
        found = {}
        for pid in self.pids():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                found[pid] = psutil.Process(pid).memory_full_info().pss / 2**20
        return found


@dataclass
class Caller:
    """A connection to a server that is kept.

    Args:
        server: It.
        timeout_s: Most seconds without a byte.
    """

    server: Server
    timeout_s: float = 120
    connection: http.client.HTTPConnection = field(init=False)

    def __post_init__(self) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=self.timeout_s)

    def ask(self, path: str, body: Any = b"", headers: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        """Return status and body of the answer to a POST."""
        token = {"Authorization": f"Bearer {self.server.token}"} if self.server.token else {}
        self.connection.request("POST", path, body, {"Content-Type": OCTETS, **token, **(headers or {})})
        answer = self.connection.getresponse()
        return answer.status, answer.read()

    def predict(self, model: str, body: Any = b"", headers: Mapping[str, str] | None = None) -> bytes:
        """Return the answer of a model."""
        status, answer = self.ask(f"/predictions/{model}", body, headers)
        assert status == 200, f"{status}: {answer[:500]!r}"
        return answer

    def close(self) -> None:
        """Hang up."""
        self.connection.close()


def archives(folder: Path) -> dict[str, Path]:
    """Pack a model that does nothing and a convolution of 3x3x3, as the documentation shows."""
    from eisen.transforms import FilterFields
    from eisen_deploy.packaging import EisenServingMAR, create_metadata

    shape = [-1, 1, -1, -1, -1]
    metadata = create_metadata(["image"], ["ndarray"], [shape], ["prediction"], ["ndarray"], [shape])
    mar = EisenServingMAR(FilterFields(["image"]), FilterFields(["prediction"]), metadata)
    for name, model in models().items():
        mar.pack(model, folder, name, "1.0")
    return {name: folder / f"{name}.mar" for name in models()}


def models() -> dict[str, torch.nn.Module]:
    """Return what is served."""
    import torch

    torch.manual_seed(0)
    return {"identity": torch.nn.Identity(), "conv": torch.nn.Conv3d(1, 1, 3, padding=1).eval()}


@contextlib.contextmanager
def started(kind: str, **facts: Any) -> Iterator[Server]:
    """Run one of the servers of this folder in a process of its own."""
    here = Path(__file__)
    script = [here.with_name("_plain_server.py")] if kind == "fastapi" else [here, kind, json.dumps(facts)]
    command = [sys.executable, *map(str, script)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Server(**json.loads(process.stdout.readline()), pid=process.pid)
        finally:
            process.stdin.close()
            _wait_for(process)


def _wait_for(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


@contextlib.contextmanager
def embedded(paths: Sequence[Path], folder: Path, **settings: Any) -> Iterator[Server]:
    """Run the server of eisen; front and workers."""
    from eisen_deploy.packaging.members import unpack

    folder.mkdir()
    for path in paths:
        unpack(path, folder / path.stem)
    with started("embedded", folders=[str(folder / path.stem) for path in paths], settings=settings) as server:
        yield server


@contextlib.contextmanager
def torchserve(paths: Sequence[Path], folder: Path, **settings: Any) -> Iterator[Server]:
    """Run TorchServe."""
    from eisen_deploy.serving.settings import ServerSettings
    from eisen_deploy.serving.torchserve import TorchServe

    chosen = ServerSettings(**{"port": 0, "threads": THREADS, "max_bytes": LARGEST, **settings})
    with TorchServe(chosen, paths, folder) as server:
        yield Server(server.ports.inference, server.token, server.pid)


def _serve_embedded(folders: list[str], settings: dict[str, Any]) -> None:
    from eisen_deploy.serving.embedded import EmbeddedServer
    from eisen_deploy.serving.settings import ServerSettings

    chosen = ServerSettings(**{"port": 0, "threads": THREADS, "max_bytes": LARGEST, **settings})
    scratch = Path(folders[0]).parent / "scratch"
    scratch.mkdir(exist_ok=True)
    with EmbeddedServer(chosen, [Path(folder) for folder in folders], scratch) as server:
        server.wait_ready(120)
        _tell(server.settings.port, server.token)
        sys.stdin.read()


def _serve_echo() -> None:
    """Send back what came, through the sockets of this machine: nothing that serves can be faster."""
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        _tell(listener.getsockname()[1])
        connection, _ = listener.accept()
        with connection, memoryview(mmap.mmap(-1, LARGEST)) as view:
            while head := connection.recv(8):
                body = view[: int.from_bytes(head, "big")]
                receive_into(connection, body)
                connection.sendall(body)


def receive_into(connection: socket.socket, view: memoryview) -> None:
    """Fill memory from a socket."""
    at = 0
    while at < len(view):
        got = connection.recv_into(view[at:])
        if not got:
            raise ConnectionError("the server hung up")
        at += got


def _tell(port: int, token: str = "") -> None:
    print(json.dumps({"port": port, "token": token}), flush=True)


if __name__ == "__main__":
    {"embedded": _serve_embedded, "echo": _serve_echo}[sys.argv[1]](**json.loads(sys.argv[2]))
