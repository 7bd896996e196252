"""Workers on this machine: this process itself, threads of it, or processes that it starts."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import sys
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from typing import Any

from eisen._core.errors import DataError
from eisen._core.interrupts import interrupts_held
from eisen.storage.creation.case_job import CaseJob
from eisen.storage.creation.crew import Answer, answered

__all__ = ["Alone", "Processes", "Threads"]


class Alone:
    """This process."""

    n_workers = 1

    def __init__(self, job: CaseJob) -> None:
        self._job = job
        self._questions: deque[tuple[str, tuple[Any, ...]]] = deque()

    def ask(self, worker: int, method: str, *arguments: Any) -> None:
        """Give a worker a question."""
        del worker
        self._questions.append((method, arguments))

    def answers(self) -> list[Answer]:
        """Return all answers there are, at least one."""
        method, arguments = self._questions.popleft()
        return [(0, getattr(self._job, method)(*arguments))]


class Threads:
    """Threads of this process; reading, turning and counting digests lets the others work meanwhile.

    Code of other people that may use the global random generators runs in one of them at a time.
    """

    def __init__(self, job: CaseJob, n_workers: int) -> None:
        self._lock = threading.Lock()
        job.reader.turn = self._turn
        self.n_workers = n_workers
        self._questions: list[queue.SimpleQueue[Any]] = [queue.SimpleQueue() for _ in range(n_workers)]
        self._answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
        self._threads = [
            threading.Thread(target=self._work, args=(job, number), name=f"store-{number}", daemon=True)
            for number in range(n_workers)
        ]
        for thread in self._threads:
            thread.start()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        with self._lock:
            yield

    def _work(self, job: CaseJob, number: int) -> None:
        while (question := self._questions[number].get()) is not None:
            self._answers.put((number, answered(job, question[0], question[1:])))

    def ask(self, worker: int, method: str, *arguments: Any) -> None:
        """Give a worker a question."""
        self._questions[worker].put((method, *arguments))

    def answers(self) -> list[Answer]:
        """Return all answers there are, at least one."""
        found = [self._answers.get()]
        with suppress(queue.Empty):
            while True:
                found.append(self._answers.get_nowait())
        return found

    def end(self) -> None:
        """Wait until they have gone."""
        for questions in self._questions:
            questions.put(None)
        for thread in self._threads:
            thread.join()


class Processes:
    """Processes of this machine, forked where that is possible; they end with this one, whatever ends it."""

    def __init__(self, job: CaseJob, n_workers: int) -> None:
        context: Any = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
        self.n_workers = n_workers
        self._ours: list[Connection] = []
        self._processes: list[Any] = []
        with interrupts_held():
            for number in range(n_workers):
                ours, theirs = context.Pipe()
                self._ours.append(ours)
                inherited = list(self._ours) if context.get_start_method() == "fork" else []
                arguments = (theirs, job, inherited)
                process = context.Process(target=_serve, args=arguments, name=f"store-{number}", daemon=True)
                process.start()
                theirs.close()
                self._processes.append(process)

    def ask(self, worker: int, method: str, *arguments: Any) -> None:
        """Give a worker a question."""
        try:
            self._ours[worker].send((method, *arguments))
        except OSError as error:
            raise self._lost(worker) from error

    def answers(self) -> list[Answer]:
        """Return all answers there are, at least one."""
        found = []
        for connection in wait(self._ours):
            worker = self._ours.index(connection)  # type: ignore[arg-type]
            try:
                found.append((worker, self._ours[worker].recv()))
            except (EOFError, ConnectionError) as error:
                raise self._lost(worker) from error
        return found

    def _lost(self, worker: int) -> DataError:
        process = self._processes[worker]
        process.join(5)
        code = process.exitcode
        name = signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"
        return DataError(
            f"a process that read cases has died: {name}",
            expected="processes that live until the last case",
            to_do="most likely the memory was full: the same call goes on from here, with fewer workers",
        )

    def end(self) -> None:
        """Wait until they have gone."""
        for connection in self._ours:
            connection.close()
        for process in self._processes:
            process.terminate()
        for process in self._processes:
            process.join()


def _serve(connection: Connection, job: CaseJob, inherited: list[Connection]) -> None:
    """Answer questions until nobody asks any more; that is noticed when nobody else holds the other end."""
    for other in inherited:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the main process
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.set_num_threads(1)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    with suppress(EOFError, OSError):
        while True:
            method, *arguments = connection.recv()
            connection.send(answered(job, method, tuple(arguments)))
