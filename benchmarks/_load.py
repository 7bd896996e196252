"""Requests of all kinds, good and bad, from several clients at a time; what came back is checked to the last number.

The model that is served writes down the number of every request that it computes, so that it is known afterwards which
were computed, and how often.
"""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from _servers import Caller, Server

from eisen_deploy.utils import pack, unpack

MODEL = "counted"
SHARES = {
    "small": 0.40,
    "1 MiB": 0.20,
    "no msgpack": 0.08,
    "wrong shape": 0.08,
    "metadata": 0.08,
    "unknown model": 0.06,
    "cut off": 0.04,
    "hangs up": 0.04,
    "slow": 0.02,
}
GOOD = ("small", "1 MiB", "slow")
LONG = 10**6
"""Requests with this number or a larger one take 100 ms, so that there is somebody to kill at work."""


@dataclass
class Report:
    """What happened.

    Args:
        seconds: How long each answered request took, by kind.
        wrong: Whatever was not as it should be.
        errors: Status and kind of the errors that good requests got.
        computed: Numbers of good requests that were answered rightly.
        pids: Processes that computed, and when the last answer of each came.
    """

    seconds: dict[str, list[float]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    computed: set[int] = field(default_factory=set)
    pids: dict[int, float] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def n_answered(self) -> int:
        """How many requests came back."""
        return sum(map(len, self.seconds.values()))


def counted_archive(folder: Path, journal: Path) -> Path:
    """Pack a model that doubles an image, and writes the number that came with it into a file."""
    from torch.nn import Identity

    from eisen.transforms import FilterFields
    from eisen_deploy.packaging import EisenServingMAR, create_metadata

    image, number = [-1, 1, -1, -1, -1], [-1]
    kinds, outputs = ["ndarray", "ndarray:int64"], ["image", "number", "pid"]
    metadata = create_metadata(
        ["image", "number"],
        kinds,
        [image, number],
        outputs,
        [*kinds, "int"],
        [image, number, -1],
        ["image"],
        ["double"],
    )
    mar = EisenServingMAR(FilterFields(["image", "number"]), _noting(str(journal)), metadata)
    mar.pack(Identity(), folder, MODEL, "1.0")
    return folder / f"{MODEL}.mar"


def _noting(journal: str, long: int = LONG) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def noted(data: dict[str, Any]) -> dict[str, Any]:
        import os
        import time
        from pathlib import Path

        with Path(journal).open("ab", buffering=0) as file:
            file.write(b"%d %d\n" % (data["number"][0], os.getpid()))
        if data["number"][0] >= long:
            time.sleep(0.1)
        return {"image": data["double"] * 2, "number": data["number"], "pid": os.getpid()}

    noted.__module__ = "__main__"  # by value: the servers do not have this file
    return noted


class Load:
    """Clients that send a mixture of requests, always the same one.

    Args:
        server: Where to.
        journal: File that the model writes.
        shares: How many of each kind; their sum is 1.
        errors_are_wrong: Whether good requests must be answered; not when workers are killed meanwhile.
    """

    def __init__(
        self, server: Server, journal: Path, shares: dict[str, float] | None = None, *, errors_are_wrong: bool = True
    ) -> None:
        self.server, self.journal, self.report = server, journal, Report()
        self._shares, self._errors_are_wrong = shares or SHARES, errors_are_wrong
        self.n_sent, self._draw = 0, random.Random(0)
        self._bodies = {"small": _image(8), "1 MiB": _image(64), "slow": _image(16)}

    def run(self, count: int, clients: int = 8, sent: Callable[[int], None] = lambda _: None) -> None:
        """Send this many requests more, and wait until all are answered.

        Args:
            count: How many.
            clients: How many at a time.
            sent: Called with the number of every request, when it is over.
        """
        kinds = self._draw.choices(list(self._shares), list(self._shares.values()), k=count)
        work = iter(list(enumerate(kinds, self.n_sent)))
        self.n_sent += count
        threads = [threading.Thread(target=self._client, args=(work, sent)) for _ in range(clients)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def run_until(self, over: threading.Event, clients: int = 8) -> None:
        """Send requests until it is over."""
        while not over.is_set():
            self.run(20 * clients, clients)

    def working(self, seconds: float = 1.0) -> set[int]:
        """Return the numbers of the processes from which an answer came lately."""
        with self.report.lock:
            return {pid for pid, last in self.report.pids.items() if last > time.monotonic() - seconds}

    def check_journal(self) -> None:
        """Compare what the model wrote with what was answered: every good request once, and no bad one ever."""
        times = Counter(number for number, _ in noted_in(self.journal))
        twice = [number for number, count in times.items() if count > 1]
        never = self.report.computed - set(times)
        self.report.wrong += [f"computed twice: {number}" for number in twice]
        self.report.wrong += [f"answered, and not computed: {number}" for number in never]

    def _client(self, work: Any, sent: Callable[[int], None]) -> None:
        caller = Caller(self.server, 60)
        while True:
            with self.report.lock:
                number, kind = next(work, (None, None))
            if number is None or kind is None:
                caller.close()
                return
            start = time.perf_counter()
            try:
                why = self._send(caller, kind, number)
            except Exception as error:  # whatever it is, it is not what should have come
                caller.close()
                why = f"{type(error).__name__}: {error}"
            with self.report.lock:
                self.report.seconds.setdefault(kind, []).append(time.perf_counter() - start)
                self.report.wrong += [f"{kind} {number}: {why}"] if why else []
            sent(number)

    def _send(self, caller: Caller, kind: str, number: int) -> str:
        """Send one request; return what is wrong with the answer."""
        if kind in ("cut off", "hangs up"):
            return self._rude(self._message("1 MiB", number), whole=kind == "hangs up")
        if kind in GOOD:
            message = self._message(kind, number)
            status, answer = (
                self._slowly(caller, message) if kind == "slow" else caller.ask(f"/predictions/{MODEL}", message)
            )
            return self._judge(kind, number, status, answer)
        path = "nothing" if kind == "unknown model" else MODEL
        status, answer = caller.ask(f"/predictions/{path}", _BAD.get(kind, b""))
        expected = {"metadata": 200, "unknown model": 404}.get(kind, 400)
        fine = status == expected and isinstance(json.loads(answer), dict)
        return "" if fine else f"{status}: {answer[:200]!r}"

    def _message(self, kind: str, number: int) -> bytes:
        return pack({"image": self._bodies[kind] + np.float32(number % 1000), "number": np.array([number])})

    def _judge(self, kind: str, number: int, status: int, answer: bytes) -> str:
        if status != 200:
            self.report.errors[f"{status} {json.loads(answer).get('type')}"] += 1
            return f"{status}: {answer[:200]!r}" if self._errors_are_wrong else ""
        values = unpack(answer)
        right = (self._bodies[kind] + np.float32(number % 1000)) * 2
        if values["number"].tolist() != [number] or not np.array_equal(values["image"], right):
            return "the answer is that to another request"
        with self.report.lock:
            if number in self.report.computed:
                return "answered twice"
            self.report.computed.add(number)
            self.report.pids[values["pid"]] = time.monotonic()
        return ""

    def _rude(self, message: bytes, *, whole: bool) -> str:
        """Hang up in the middle of the body, or behind it, before the answer comes."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=20) as connection, suppress(OSError):
            connection.sendall(self._head(len(message)) + message[: None if whole else len(message) // 2])
        return ""

    def _slowly(self, caller: Caller, message: bytes) -> tuple[int, bytes]:
        def pieces() -> Any:
            for start in range(0, len(message), len(message) // 7):
                time.sleep(0.03)
                yield message[start : start + len(message) // 7]

        return caller.ask(f"/predictions/{MODEL}", pieces(), {"Content-Length": str(len(message))})

    def _head(self, size: int) -> bytes:
        lines = [f"POST /predictions/{MODEL} HTTP/1.1", f"Host: 127.0.0.1:{self.server.port}"]
        lines += [f"Authorization: Bearer {self.server.token}", "Content-Type: application/octet-stream"]
        return "\r\n".join([*lines, f"Content-Length: {size}", "", ""]).encode()


def _image(size: int) -> np.ndarray:
    return np.random.default_rng(size).standard_normal((1, 1, size, size, size)).astype(np.float32)


_BAD = {
    "no msgpack": np.random.default_rng(0).bytes(5000),
    "wrong shape": pack({"image": np.zeros((4, 4), np.float32), "number": np.array([0])}),
}


def kill_workers(server: Server, journal: Path, kills: int, workers: int = 2, clients: int = 8) -> tuple[Report, float]:
    """Kill workers while they compute.

    Returns:
        What the clients saw, and the longest time until a new worker answered, in seconds.
    """
    load = Load(server, journal, {"small": 0.5, "1 MiB": 0.5}, errors_are_wrong=False)
    load.n_sent, over, longest = LONG, threading.Event(), 0.0
    thread = threading.Thread(target=load.run_until, args=(over, clients))
    thread.start()
    try:
        for _ in range(kills):
            known = _eventually(lambda: load.working() if len(load.working()) == workers else set())
            start = time.perf_counter()
            os.kill(_begins(journal), signal.SIGKILL)
            _eventually(lambda known=known: load.working() - known)
            longest = max(longest, time.perf_counter() - start)
    finally:
        over.set()
        thread.join()
    load.check_journal()
    return load.report, longest


def noted_in(journal: Path) -> list[tuple[int, int]]:
    """Return the numbers of the requests that were computed, and by which processes."""
    lines = journal.read_text(encoding="utf-8").splitlines()
    return [(int(number), int(pid)) for number, pid in map(str.split, lines)]


def _begins(journal: Path) -> int:
    """Wait until a worker begins to compute, and return its number."""
    before = journal.stat().st_size
    _eventually(lambda: {size for size in [journal.stat().st_size] if size > before}, pause_s=0.001)
    return noted_in(journal)[-1][1]


def _eventually(found: Callable[[], set[int]], most_s: float = 60, pause_s: float = 0.01) -> set[int]:
    until = time.monotonic() + most_s
    while not (answer := found()):
        if time.monotonic() > until:
            raise TimeoutError("the workers did not come back")
        time.sleep(pause_s)
    return answer
