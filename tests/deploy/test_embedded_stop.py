"""A server that stops leaves nothing: no process, no memory, no file."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from eisen_deploy.serving.embedded import Limits
from tests.deploy.embedded_servers import SERVICE, eventually, head, is_alive, memory_files, model_folder, serving


def test_what_is_computed_is_finished_and_what_waits_is_refused(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        with serving(tmp_path) as server:
            busy = pool.submit(server.ask, body=b"sleep 1.5")
            time.sleep(0.3)
            waiting = pool.submit(server.json, body=b"sleep 0")
            time.sleep(0.2)
            server.server.request_stop()
            time.sleep(0.2)
            assert server.json("/ping") == (503, {"status": "Stopping"})
            late = server.json(body=b"late")
            pids = server.server.pids()
        assert busy.result()[::2] == (200, b"slept")
    assert waiting.result()[0] == late[0] == 503
    assert waiting.result()[1]["type"] == late[1]["type"] == "Stopping"
    assert pids
    assert not any(is_alive(pid) for pid in pids)
    assert (tmp_path / "fake-1.0/closed").exists()
    assert not memory_files()


def test_what_never_ends_is_ended(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool, serving(tmp_path, limits=Limits(grace_s=0.3)) as server:
        pid = server.pids()[0]
        busy = pool.submit(server.json, body=b"sleep 100")
        time.sleep(0.3)
        started = time.monotonic()
        server.server.stop()
        assert time.monotonic() - started < 5
        assert busy.result()[0] == 503
        assert not is_alive(pid)


def test_stopping_while_models_are_loaded(tmp_path: Path) -> None:
    with serving(tmp_path, model_folder(tmp_path, behaviour="slow 30"), ready=False) as server:
        eventually(lambda: server.server.pids())
        pids = server.server.pids()
        started = time.monotonic()
        server.server.stop()
        assert time.monotonic() - started < 6
    assert not any(is_alive(pid) for pid in pids)
    server.server.stop()


def test_processes_that_a_worker_started_end_with_it(tmp_path: Path) -> None:
    with serving(tmp_path, timeout_s=0.5, limits=Limits(longest_pause_s=0.1)) as server:
        child = int(server.ask(body=b"spawn x")[2])
        assert is_alive(child)
        assert server.ask(body=b"sleep 60")[0] == 504
        eventually(lambda: not is_alive(child))


PROGRAM = """
import sys, time
from pathlib import Path
from eisen_deploy.serving.embedded import EmbeddedServer
from eisen_deploy.serving.settings import ServerSettings

folder, service = sys.argv[1:]
settings = ServerSettings(port=0, token="off", workers=2, threads=1)
server = EmbeddedServer(settings, [Path(folder)], Path(folder) / "scratch", service=service)
server.start()
server.wait_ready(60)
print(server.settings.port, *server.pids(), flush=True)
time.sleep(600)
"""


def test_when_the_front_is_killed_the_workers_end(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PROGRAM, str(model_folder(tmp_path)), SERVICE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as front:
        assert front.stdout is not None
        try:
            port, *pids = map(int, front.stdout.readline().split())
            with socket.create_connection(("127.0.0.1", port)) as connection:
                body = b"sleep 600 ".ljust(200_000)
                connection.sendall(head("/predictions/fake", f"Content-Length: {len(body)}") + body)
                time.sleep(0.3)
                assert len(pids) == 2
                assert all(is_alive(pid) for pid in pids)
                front.send_signal(signal.SIGKILL)
                eventually(lambda: not any(is_alive(pid) for pid in pids), 10)
        finally:
            if front.poll() is None:
                os.kill(front.pid, signal.SIGKILL)
