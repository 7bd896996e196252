"""Clients that are slow, greedy or cut off, and bodies of many megabytes."""

from __future__ import annotations

import json
import os
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import numpy as np
import pytest

from eisen_deploy.serving.embedded import Limits
from tests.deploy.embedded_servers import Running, eventually, head, memory_files, serving

IMPATIENT = Limits(header_s=0.5, silence_s=0.5, lowest_rate=1e6, linger_s=0.5, idle_s=1, connections=20)


def drip(server: Running, start: bytes, piece: bytes, seconds: float = 8) -> bytes:
    """Send something bit by bit until the server hangs up; return what it said."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=0.1) as connection:
        connection.sendall(start)
        received, until = b"", time.monotonic() + seconds
        while time.monotonic() < until:
            try:
                connection.sendall(piece)
                more = connection.recv(65536)
                if not more:
                    return received
                received += more
            except TimeoutError:
                continue
            except OSError:
                return received
    raise AssertionError("the server is too patient")


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"", b""),
        (b"GET /ping HTTP/1.1\r\n", b"X"),
        (head("/predictions/fake", "Content-Length: 1000"), b""),
        (head("/predictions/fake", "Content-Length: 1000000"), b""),
        (head("/predictions/fake", "Content-Length: 1000000"), b"x"),
        (head("/predictions/fake", "Content-Length: 1000000") + bytes(500_000), b"x"),
        (head("/predictions/fake", "Content-Length: 1000"), b"x"),
        (head("/predictions/fake", "Transfer-Encoding: chunked"), b"1\r\nx\r\n"),
        (head("/predictions/fake", "Transfer-Encoding: chunked"), b""),
    ],
    ids=["nothing", "head", "small silent", "silent", "slow", "half", "small slow", "chunks", "silent chunks"],
)
def test_slow_clients_are_given_up(tmp_path: Path, start: bytes, piece: bytes) -> None:
    with serving(tmp_path, limits=IMPATIENT) as server:
        received = drip(server, start, piece)
        assert received.startswith(b"HTTP/1.1 408")
        assert json.loads(received.partition(b"\r\n\r\n")[2])["type"] == "Timeout"
        assert server.ask(body=b"next")[0] == 200
        assert server.json("/models/fake")[1][0]["jobQueueStatus"]["pendingRequests"] == 0


def test_a_client_that_does_not_read_is_given_up(tmp_path: Path) -> None:
    with serving(tmp_path, limits=IMPATIENT) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.sendall(head("/predictions/fake", "Content-Length: 13") + b"grow 50000000")
            eventually(lambda: any(line["bytes_in"] == 13 for line in server.requests()), 10)
        assert server.ask(body=b"next")[0] == 200


def test_idle_connections_are_closed_and_there_are_not_too_many(tmp_path: Path) -> None:
    with serving(tmp_path, limits=IMPATIENT) as server, ExitStack() as stack:
        address = ("127.0.0.1", server.port)
        connections = [stack.enter_context(socket.create_connection(address, timeout=5)) for _ in range(40)]
        answers = []
        for connection in connections:
            with suppress(ConnectionResetError):
                answers.append(connection.recv(1000))
        assert sum(answer.startswith(b"HTTP/1.1 408") for answer in answers) == 20
        eventually(lambda: server.ask("/ping")[0] == 200)


def test_clients_that_are_cut_off_harm_nobody(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        for size, part in ((1000, 10), (1_000_000, 10), (1_000_000, 999_999), (5_000_000, 2_000_000)):
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.sendall(head("/predictions/fake", f"Content-Length: {size}") + bytes(part))
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(head("/predictions/fake", "Content-Length: 1000000")[:50])
        assert server.ask(body=b"next")[0] == 200
        eventually(lambda: server.json("/models/fake")[1][0]["jobQueueStatus"]["pendingRequests"] == 0)
        eventually(lambda: [line["status"] for line in server.requests()].count(499) == 4)


def test_64_megabytes_from_several_clients(tmp_path: Path) -> None:
    body = np.random.default_rng(0).bytes(64 * 2**20)
    with serving(tmp_path) as server, ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(server.ask, body=body) for _ in range(3)]
        assert all(done.result()[2] == body for done in answers)
        assert server.json("/models/fake")[1][0]["restarts"] == 0


@pytest.mark.slow
def test_256_megabytes_are_in_memory_once(tmp_path: Path) -> None:
    """The front runs in this process: beside the shared block it must not hold another copy of the body."""
    size = 256 * 2**20
    with serving(tmp_path) as server:
        most, stop = 0, threading.Event()

        def watch() -> None:
            nonlocal most
            while not stop.is_set():
                status = Path("/proc/self/status").read_text(encoding="utf-8")
                most = max(most, int(status.partition("RssAnon:")[2].split()[0]) * 1024)
                time.sleep(0.005)

        watcher = threading.Thread(target=watch)
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(head("/predictions/fake", f"Content-Length: {size}", "Connection: close"))
            before = (
                int(Path("/proc/self/status").read_text(encoding="utf-8").partition("RssAnon:")[2].split()[0]) * 1024
            )
            watcher.start()
            piece = bytes(2**20)
            for _ in range(256):
                connection.sendall(piece)
            received = 0
            buffer = bytearray(2**20)
            while n := connection.recv_into(buffer):
                received += n
        stop.set()
        watcher.join()
        assert received > size
        assert most - before < 32 * 2**20


@pytest.mark.slow
def test_memory_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from eisen_deploy.serving.embedded import blocks, crew

    monkeypatch.setattr(blocks.BlockPool.trim, "__defaults__", (1.5,))
    monkeypatch.setattr(crew, "_TRIM_S", 0.1)
    before = memory_files()
    with serving(tmp_path) as server:
        counts = []
        for _ in range(3):
            assert server.ask(body=os.urandom(2_000_000))[0] == 200
            counts.append(len(memory_files()))
        most = max(counts)
        assert most > len(before)
        eventually(lambda: len(memory_files()) < most, 60)  # the worker keeps its blocks for some 15 s
        assert server.ask(body=os.urandom(2_000_000))[0] == 200
    assert memory_files() == before
