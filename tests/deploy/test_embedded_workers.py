"""Workers that die, hang, or never start, queues that are full, and batches."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from eisen._core.errors import EisenError
from eisen_deploy.serving.embedded import Limits
from tests.deploy.embedded_servers import eventually, is_alive, model_folder, serving

QUICK = Limits(longest_pause_s=0.2)


@pytest.mark.parametrize("command", [b"die x", b"exit x"])
def test_a_worker_that_dies_fails_its_own_request_only(tmp_path: Path, command: bytes) -> None:
    with serving(tmp_path, limits=QUICK) as server:
        before = server.pids()
        status, answer = server.json(body=command)
        assert (status, answer["type"]) == (500, "WorkerDied")
        assert server.ask(body=b"next")[2] == b"next"
        assert server.pids() != before
        died = [line for line in server.told if line["event"] == "worker died"]
        assert len(died) == 1
        assert ("signal 9" if command == b"die x" else "exit code 3") in died[0]["why"]
        eventually(lambda: server.ask("/ping")[0] == 200)


def test_kill_9_of_an_idle_worker_loses_nothing(tmp_path: Path) -> None:
    with serving(tmp_path, limits=QUICK) as server:
        os.kill(server.pids()[0], signal.SIGKILL)
        for _ in range(5):
            assert server.ask(body=b"x" * 100_000)[0] == 200


def test_kill_9_during_load_loses_only_what_was_being_computed(tmp_path: Path) -> None:
    statuses: list[tuple[int, bool]] = []
    with serving(tmp_path, workers=2, limits=QUICK, queue_size=200) as server:
        stop = threading.Event()

        def client(number: int) -> None:
            turn = 0
            while not stop.is_set():
                turn += 1
                body = f"{number}-{turn} ".encode().ljust([20, 70_000, 500_000][turn % 3], b".")
                status, _, answer = server.ask(body=body)
                statuses.append((status, answer == body))

        with ThreadPoolExecutor(8) as pool:
            clients = [pool.submit(client, number) for number in range(8)]
            for _ in range(4):
                time.sleep(0.7)
                pids = [pid for pid in server.pids() if pid]
                if pids:
                    os.kill(pids[0], signal.SIGKILL)
            time.sleep(0.7)
            stop.set()
            for done in clients:
                done.result()
        deaths = sum(line["event"] == "worker died" for line in server.told)
    failed = [status for status, _ in statuses if status != 200]
    assert all(same for status, same in statuses if status == 200)
    assert set(failed) <= {500}
    assert len(failed) <= deaths
    assert deaths >= 2
    assert len(statuses) > 50


def test_a_worker_that_hangs_is_replaced(tmp_path: Path) -> None:
    with serving(tmp_path, timeout_s=0.5, limits=QUICK) as server:
        before = server.pids()[0]
        started = time.monotonic()
        status, answer = server.json(body=b"sleep 60")
        assert (status, answer["type"]) == (504, "Timeout")
        assert time.monotonic() - started < 5
        eventually(lambda: server.ask("/ping")[0] == 200)
        assert server.ask(body=b"next")[2] == b"next"
        assert not is_alive(before)


def test_a_request_does_not_wait_for_ever(tmp_path: Path) -> None:
    with serving(tmp_path, timeout_s=1) as server, ThreadPoolExecutor(3) as pool:
        first = pool.submit(server.ask, body=b"sleep 0.9")
        time.sleep(0.2)
        others = [pool.submit(server.ask, body=b"sleep 0.9") for _ in range(2)]
        assert first.result()[0] == 200
        assert sorted(other.result()[0] for other in others) == [200, 504]


@pytest.mark.parametrize("behaviour", ["fails", "dies"])
def test_a_worker_that_cannot_start_is_said_at_once(tmp_path: Path, behaviour: str) -> None:
    folder = model_folder(tmp_path, behaviour=behaviour)
    with serving(tmp_path, folder, ready=False, limits=Limits(longest_pause_s=60)) as server:
        with pytest.raises(EisenError, match="cannot be loaded"):
            server.server.wait_ready(60)
        assert server.json("/ping") == (503, {"status": "Unhealthy"})
        started = time.monotonic()
        status, headers, body = server.ask(body=b"x" * 10)
        assert (status, json.loads(body)["type"]) == (503, "Unhealthy")
        assert int(headers["retry-after"]) > 0
        assert time.monotonic() - started < 2
        assert b"secret" not in body
        eventually(lambda: any(line["event"] == "worker died" for line in server.told))
        why = next(line["why"] for line in server.told if line["event"] == "worker died")
        assert ("secret reason" if behaviour == "fails" else "exit code 7") in why


def test_while_the_model_is_loaded_requests_are_told_so(tmp_path: Path) -> None:
    with serving(tmp_path, model_folder(tmp_path, behaviour="slow 1.5"), ready=False) as server:
        assert server.json("/ping") == (503, {"status": "Loading"})
        status, headers, body = server.ask(body=b"x")
        assert (status, json.loads(body)["type"]) == (503, "Loading")
        assert "retry-after" in headers
        server.server.wait_ready(30)
        assert server.json("/ping") == (200, {"status": "Healthy"})


def test_one_bad_model_does_not_hurt_the_others(tmp_path: Path) -> None:
    bad = model_folder(tmp_path, "bad", behaviour="fails")
    with serving(tmp_path, model_folder(tmp_path), bad, ready=False) as server:
        eventually(lambda: server.ask("/predictions/bad", b"x")[0] == 503 and server.ask(body=b"x")[0] == 200)
        eventually(lambda: server.json("/ping")[1]["status"] == "Unhealthy")


def test_a_full_queue_refuses_before_the_body_is_read(tmp_path: Path) -> None:
    with serving(tmp_path, queue_size=2) as server, ThreadPoolExecutor(3) as pool:
        busy = [pool.submit(server.ask, body=b"sleep 1.5")]
        time.sleep(0.3)
        busy += [pool.submit(server.ask, body=b"sleep 0.1") for _ in range(2)]
        time.sleep(0.3)
        status, headers, body = server.ask(body=bytes(10_000_000))
        assert (status, json.loads(body)["type"]) == (503, "QueueFull")
        assert 1 <= int(headers["retry-after"]) <= 60
        assert [done.result()[0] for done in busy] == [200, 200, 200]


def test_waiting_requests_are_computed_together(tmp_path: Path) -> None:
    with serving(tmp_path, batch_size=4, batch_delay_ms=1000) as server, ThreadPoolExecutor(6) as pool:
        together = [pool.submit(server.ask, body=b"together x") for _ in range(6)]
        assert sorted(int(done.result()[2]) for done in together) == [2, 2, 4, 4, 4, 4]
        started = time.monotonic()
        assert server.ask(body=b"together x")[2] == b"1"
        assert 0.9 < time.monotonic() - started < 3
        mixed = [pool.submit(server.ask, body=body) for body in (b"refuse x", b"fine", bytes(300_000))]
        assert [done.result()[0] for done in mixed] == [400, 200, 200]


def test_a_client_that_hangs_up_is_forgotten(tmp_path: Path) -> None:
    import socket

    from tests.deploy.embedded_servers import head

    with serving(tmp_path) as server, ThreadPoolExecutor(1) as pool:
        busy = pool.submit(server.ask, body=b"sleep 1")
        time.sleep(0.2)
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(head("/predictions/fake", "Content-Length: 8") + b"sleep 10")
            eventually(lambda: server.json("/models/fake")[1][0]["jobQueueStatus"]["pendingRequests"] == 1)
        eventually(lambda: server.json("/models/fake")[1][0]["jobQueueStatus"]["pendingRequests"] == 0, 2)
        assert busy.result()[0] == 200
        started = time.monotonic()
        assert server.ask(body=b"next")[0] == 200
        assert time.monotonic() - started < 5
        assert [line["status"] for line in server.requests() if line["bytes_in"] == 8] == [499]


def test_a_client_that_hangs_up_while_its_request_is_computed_harms_nobody(tmp_path: Path) -> None:
    import socket

    from tests.deploy.embedded_servers import head

    with serving(tmp_path) as server:
        for size in (100_000, 100_000, 300_000):
            body = b"sleep 0.3 ".ljust(size, b".")
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.sendall(head("/predictions/fake", f"Content-Length: {size}") + body)
                time.sleep(0.15)
            other = os.urandom(size)
            assert server.ask(body=b"x" + other)[2] == b"x" + other


def mixed(server: Any, number: int) -> int:
    """Send one request of several kinds and return the status."""
    kind = number % 5
    if kind == 0:
        return int(server.ask(body=b"refuse x")[0])
    if kind == 1:
        return int(server.ask("/predictions/nothing", b"x" * 1000)[0])
    if kind == 2:
        body = os.urandom(200_000)
        status, _, answer = server.ask(body=b"x" + body)
        assert answer == b"x" + body
        return int(status)
    if kind == 3:
        return int(server.ask("/ping")[0])
    return int(server.ask(body=b"raise x")[0])


def test_eight_clients_with_mixed_requests(tmp_path: Path) -> None:
    with serving(tmp_path, workers=2) as server, ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda number: mixed(server, number), range(200)))
        assert statuses == [400, 404, 200, 200, 500] * 40
        assert server.json("/models/fake")[1][0]["restarts"] == 0
        eventually(lambda: server.json("/models/fake")[1][0]["jobQueueStatus"]["pendingRequests"] == 0)
