"""The process itself: started in its own folder, watched, and ended without a trace."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from eisen._core.errors import ArgumentError, EisenError
from eisen_deploy.serving.settings import ServerSettings
from eisen_deploy.serving.torchserve import TorchServe
from tests.deploy.calling import call
from tests.deploy.torchserve.archives import BROKEN, ECHO, archive_of

pytestmark = pytest.mark.usefixtures("java")


def gone(pid: int, limit_s: float = 15) -> bool:
    """Tell whether a process ends in time."""
    deadline = time.monotonic() + limit_s
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_life_of_a_server(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One start, many claims: a start takes seconds."""
    folder = short_folder / "life"
    folder.mkdir()
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    (folder / "store").mkdir()  # what one that was killed may leave
    (folder / "store/0.mar").write_bytes(b"old")
    (folder / "key_file.json").write_text("{}", encoding="utf-8")
    (folder / "torchserve.lock").write_text("1\n", encoding="utf-8")
    archives = [archive_of(folder, "my-echo", ECHO, version) for version in ("1.0", "2.0")]
    server = TorchServe(ServerSettings(port=0, threads=1), archives, folder)
    monkeypatch.setenv("TMPDIR", "/elsewhere")
    with server:
        pids = [server.pid, *server.workers()]
        _is_reached_with_its_token_only(server)
        _works_in_its_folder_with_our_python(server, folder)
        with pytest.raises(ArgumentError, match="another TorchServe works in"):
            TorchServe(ServerSettings(port=0), archives, folder).start()
        assert server.is_running
    assert not server.is_running
    assert all(gone(pid, 1) for pid in pids)
    assert sorted(path.name for path in folder.iterdir()) == ["my-echo-1.0.mar", "my-echo-2.0.mar", "notes.txt"]
    with pytest.raises(ArgumentError, match="does not run"):
        _ = server.url


def _is_reached_with_its_token_only(server: TorchServe) -> None:
    address = f"{server.url}/predictions/my-echo"
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        refused = call(address, b"who", headers)
        assert (refused.status, refused.json["type"]) == (400, "InvalidKeyException")
    assert call(f"{server.url}/ping", method="GET").status == 400
    known = {"Authorization": f"Bearer {server.token}"}
    assert call(address, b"some bytes", known).body == b"some bytes"
    assert call(f"{address}/2.0", b"some bytes", known).body == b"some bytes"
    # registering is off, also with the management's own token
    management = {"Authorization": f"Bearer {server.management.token('management')}"}
    port = f"http://127.0.0.1:{server.ports.management}"
    assert call(f"{port}/models?url=my-echo-0.mar", b"", management).status == 405
    assert call(f"{port}/models/my-echo/1.0", None, management, "DELETE").status == 405


def _works_in_its_folder_with_our_python(server: TorchServe, folder: Path) -> None:
    known = {"Authorization": f"Bearer {server.token}"}
    told = call(f"{server.url}/predictions/my-echo", b"who", known).body.decode().split()
    pid, python, place, scratch, threads = told
    assert int(pid) in server.workers()
    assert len(server.workers()) == 2  # one of each version
    assert python == sys.executable
    assert Path(place).is_relative_to(folder / "tmp")
    assert (scratch, threads) == (str(folder / "tmp"), "1")
    assert (folder / "key_file.json").stat().st_mode & 0o777 == 0o600
    assert (folder / "logs").stat().st_mode & 0o777 == 0o700
    logs = "".join(path.read_text(encoding="utf-8") for path in (folder / "logs").iterdir())
    assert "some bytes" not in logs


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("importing", "No module named 'nothing_of_this_name'"),
        pytest.param("exiting", "it printed no error", marks=pytest.mark.slow),
    ],
)
def test_a_worker_that_cannot_load_ends_the_start_with_its_cause(kind: str, expected: str, short_folder: Path) -> None:
    folder = short_folder / kind
    archive = archive_of(short_folder, kind, BROKEN[kind])
    server = TorchServe(ServerSettings(port=0, threads=1), [archive], folder)
    started = time.monotonic()
    with pytest.raises(EisenError, match="a worker of TorchServe died while it loaded its model") as caught:
        server.start(100)
    assert expected in str(caught.value)
    assert expected in "".join(caught.value.__notes__)
    assert "ts.torch_handler.handlers" not in str(caught.value)
    assert time.monotonic() - started < 60
    assert not server.is_running
    assert not folder.exists()


@pytest.mark.slow
def test_nothing_is_left_when_the_owner_is_killed(short_folder: Path) -> None:
    folder = short_folder / "orphan"
    archive = archive_of(short_folder, "orphan", ECHO)
    script = (
        "import sys, time\n"
        "from eisen_deploy.serving.settings import ServerSettings\n"
        "from eisen_deploy.serving.torchserve import TorchServe\n"
        "server = TorchServe(ServerSettings(port=0), [sys.argv[1]], sys.argv[2]).start()\n"
        "print(server.pid, *server.workers(), flush=True)\n"
        "time.sleep(600)\n"
    )
    command = [sys.executable, "-c", script, str(archive), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as owner:
        assert owner.stdout is not None
        pids = [int(word) for word in owner.stdout.readline().split()]
        assert len(pids) == 2
        assert all(psutil.pid_exists(pid) for pid in pids)
        os.kill(owner.pid, signal.SIGKILL)
    assert all(gone(pid) for pid in pids)
