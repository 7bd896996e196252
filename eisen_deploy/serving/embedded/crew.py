"""The workers of one model: started, given work, and started again when they die."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Literal

from eisen_deploy.serving.embedded.blocks import BlockPool
from eisen_deploy.serving.embedded.jobs import Job, JobQueue, first_of
from eisen_deploy.serving.embedded.limits import Limits
from eisen_deploy.serving.embedded.plan import Model
from eisen_deploy.serving.embedded.process import NotBegunError, WorkerProcess
from eisen_deploy.serving.messages import Refusal
from eisen_deploy.serving.settings import ServerSettings

__all__ = ["Crew", "State"]

State = Literal["loading", "ready", "restarting", "failing", "stopping"]
_YOUNG_S, _TRIM_S = 10.0, 5.0
_MOST_TOGETHER, _MOST_TRIES = 128, 3


class Crew:
    """Workers and waiting requests of a model.

    Args:
        model: What they serve.
        settings: How many, how long, how large.
        limits: Times.
        tell: Called with what happens.
    """

    def __init__(
        self, model: Model, settings: ServerSettings, limits: Limits, tell: Callable[[dict[str, Any]], None]
    ) -> None:
        self.model, self._settings, self._limits, self._tell = model, settings, limits, tell
        self.pool = BlockPool(self._retired)
        self.queue = JobQueue(min(settings.batch_size, _MOST_TOGETHER), settings.batch_delay_ms / 1000)
        self.workers: dict[int, WorkerProcess | None] = dict.fromkeys(range(settings.workers))
        self.states: dict[int, State] = dict.fromkeys(range(settings.workers), "loading")
        self.reading = self.restarts = self._computing = 0
        self._mean_s = 1.0
        self._stopping = False
        self.stop_by = math.inf
        self._keepers: list[asyncio.Task[None]] = []

    @property
    def state(self) -> State:
        """The best that a worker can say: ready, restarting, loading or failing."""
        order: tuple[State, ...] = ("ready", "restarting", "loading", "failing")
        return "stopping" if self._stopping else next(state for state in order if state in self.states.values())

    @property
    def n_ready(self) -> int:
        """How many workers can answer."""
        return sum(state == "ready" for state in self.states.values())

    @property
    def waiting(self) -> int:
        """How many requests wait or are being read."""
        return len(self.queue) + self.reading

    def start(self) -> None:
        """Start the workers."""
        self._keepers = [asyncio.create_task(self._keep(slot)) for slot in self.workers]
        self._keepers.append(asyncio.create_task(self._tidy()))

    def check(self) -> None:
        """Refuse a request that would wait in vain.

        Raises:
            Refusal: With status 503.
        """
        state = self.state
        if state in _CLOSED:
            kind, what, seconds = _CLOSED[state]
            raise Refusal(f"{self.model.name}: {what}", 503, kind, retry_after_s=seconds)
        if self.waiting >= self._settings.queue_size:
            seconds = math.ceil(self.waiting * self._mean_s / self._settings.workers)
            raise Refusal(
                f"{self.waiting} requests are waiting already",
                503,
                "QueueFull",
                retry_after_s=max(1, min(60, seconds)),
                to_do="send it again later",
            )

    def submit(self, job: Job) -> None:
        """Let a job wait for a worker, at most as long as the settings say."""
        self.queue.add(job)
        handle = asyncio.get_running_loop().call_later(self._settings.timeout_s, self._expire, job)
        job.answer.add_done_callback(lambda _: handle.cancel())

    async def stop(self) -> None:
        """Refuse what waits, let what is being computed end until `stop_by`, and end the workers."""
        self._stopping = True
        self.queue.refuse_all(_STOPS)
        while self._computing and time.monotonic() < self.stop_by:
            await asyncio.sleep(0.02)
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        self.queue.refuse_all(_STOPS)
        self.pool.close()

    def _expire(self, job: Job) -> None:
        if self.queue.remove(job):
            what = f"no worker had time within {self._settings.timeout_s:g} s"
            job.refuse(Refusal(what, 504, "Timeout", to_do="send it again later"))

    def _retired(self, number: int) -> None:
        for worker in self.workers.values():
            if worker is not None:
                worker.forget(number)

    async def _tidy(self) -> None:
        """Give memory back that nobody has needed for a while."""
        while True:
            await asyncio.sleep(_TRIM_S)
            self.pool.trim()

    async def _keep(self, slot: int) -> None:
        """Keep one worker alive."""
        plan = replace(self.model.plan, scratch=self.model.plan.scratch / str(slot))
        failures = 0
        while True:
            await asyncio.sleep(self._limits.pause(failures))
            worker = self.workers[slot] = WorkerProcess(plan)
            started = time.monotonic()
            try:
                why = await self._live(slot, worker)
            finally:
                await self._bury(slot, worker)
            young = self.states[slot] == "failing" or time.monotonic() - started < _YOUNG_S
            failures = failures + 1 if young else 0
            self.restarts += 1
            pause = self._limits.pause(failures)
            self._tell({"event": "worker died", "model": str(self.model), "why": why, "restart_in_s": pause})

    async def _live(self, slot: int, worker: WorkerProcess) -> str:
        """Live the life of a worker, and return why it ended."""
        try:
            async with asyncio.timeout(self._limits.start_s):
                seconds = await worker.ready
        except Exception as error:
            self._failed(slot)
            why = str(error) or f"it was not ready within {self._limits.start_s:g} s"
            return f"{why} ({await worker.end()})" if worker.gone.done() else why
        self.states[slot] = "ready"
        self._tell({"event": "worker ready", "model": str(self.model), "pid": worker.pid, "seconds": seconds})
        why = await self._work(worker)
        self.states[slot] = "restarting"
        return why

    def _failed(self, slot: int) -> None:
        self.states[slot] = "failing"
        if self.state == "failing":
            kind, what, seconds = _CLOSED["failing"]
            self.queue.refuse_all(Refusal(f"{self.model.name}: {what}", 503, kind, retry_after_s=seconds))

    async def _bury(self, slot: int, worker: WorkerProcess) -> None:
        self.workers[slot] = None
        if self._stopping:
            await worker.quit(2)
        else:
            await worker.kill()

    async def _work(self, worker: WorkerProcess) -> str:
        """Give a worker batches until it dies or hangs."""
        while True:
            jobs = await self._next(worker)
            if jobs is None:
                return f"it ended with {await worker.end()}"
            refusal = await self._compute(worker, jobs)
            if refusal is not None:
                return f"{refusal.what} ({await worker.end() if worker.gone.done() else 'killed'})"

    async def _next(self, worker: WorkerProcess) -> list[Job] | None:
        """Return the next batch for a worker, or None when it died."""
        taking, handed = asyncio.create_task(self.queue.take()), False
        try:
            await first_of(taking, worker.gone)
            handed = not worker.gone.done()
            return taking.result() if handed else None
        finally:
            taking.cancel()
            if not handed:
                with suppress(asyncio.CancelledError):
                    self.queue.put_back(await taking)

    async def _compute(self, worker: WorkerProcess, jobs: list[Job]) -> Refusal | None:
        """Let a worker answer; return why it cannot."""
        refusal: Refusal | None = _STOPS
        self._computing += 1
        try:
            refusal = await self._asked(worker, jobs)
        except NotBegunError:
            refusal = Refusal("the worker died before it began", 500, "WorkerDied")
            again = [job for job in jobs if job.tries < _MOST_TRIES]
            self.queue.put_back(again)
            jobs = [job for job in jobs if job not in again]
        finally:
            self._computing -= 1
            for job in jobs:
                job.body.release()
                job.refuse(refusal or _STOPS)
        return refusal

    async def _asked(self, worker: WorkerProcess, jobs: list[Job]) -> Refusal | None:
        started = time.perf_counter()
        for job in jobs:
            job.wait_s, job.tries = started - job.came, job.tries + 1
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                seconds = await worker.answer(jobs)
        except TimeoutError:
            return Refusal(f"the model took longer than {self._settings.timeout_s:g} s", 504, "Timeout")
        except NotBegunError:
            raise
        except ConnectionError:
            return Refusal("the worker died while it computed", 500, "WorkerDied")
        for job in jobs:
            job.compute_s = seconds
        self._mean_s = 0.8 * self._mean_s + 0.2 * seconds / len(jobs)
        return None


_STOPS = Refusal("the server stops", 503, "Stopping", retry_after_s=5)
_CLOSED: dict[State, tuple[str, str, int]] = {
    "loading": ("Loading", "the model is being loaded", 5),
    "failing": ("Unhealthy", "the model cannot be loaded; the log of the server says why", 30),
    "stopping": ("Stopping", "the server stops", 5),
}
