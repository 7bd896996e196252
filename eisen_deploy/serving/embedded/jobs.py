"""Requests that wait for a worker, in the order in which they came."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from eisen_deploy.serving.embedded.blocks import Block, BlockPool
from eisen_deploy.serving.messages import Refusal

__all__ = ["Body", "Job", "JobQueue", "Reply", "first_of"]


async def first_of(*futures: asyncio.Future[Any]) -> None:
    """Wait until one of these is done.

    Args:
        *futures: They; tasks as well.
    """
    await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)


@dataclass
class Body:
    """The body of a request: small ones as bytes, large ones in a block.

    Args:
        data: The bytes; empty when they are in `block`.
        block: Memory that a worker sees.
        pool: Where the block belongs.
        size: How many bytes.
    """

    data: bytes = b""
    block: Block | None = None
    pool: BlockPool | None = None
    size: int = 0

    def release(self, *, reuse: bool = True) -> None:
        """Give the memory back; can be called twice.

        Args:
            reuse: Whether it may hold another body; not when a model still looks at it.
        """
        if self.block is not None and self.pool is not None:
            self.pool.give(self.block, self.size, reuse=reuse)
        self.block = None


@dataclass
class Reply:
    """An answer on its way to the client.

    Args:
        status: Of HTTP.
        content_type: Media type of the body.
        headers: More headers.
        body: The bytes, here or in memory of the worker.
        done: To be called when the body was sent.
    """

    status: int
    content_type: str
    headers: Mapping[str, str]
    body: bytes | memoryview
    done: Callable[[], None] = lambda: None


@dataclass(eq=False)
class Job:
    """A request that a worker will answer.

    Args:
        headers: By name in small letters.
        body: What it brought.
        answer: Will hold the reply, or the refusal.
    """

    headers: Mapping[str, str]
    body: Body
    answer: asyncio.Future[Reply] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    came: float = field(default_factory=time.perf_counter)
    tries: int = 0
    wait_s: float = 0.0
    compute_s: float = 0.0

    def refuse(self, refusal: Refusal) -> None:
        """Answer that it cannot be answered; does nothing when there is an answer, or nobody waits for one."""
        if not self.answer.done():
            self.answer.set_exception(refusal)

    def reply(self, reply: Reply) -> None:
        """Answer it; when nobody waits any more, the reply is thrown away."""
        if self.answer.done():
            reply.done()
        else:
            self.answer.set_result(reply)


class JobQueue:
    """Waiting jobs of one model, handed out in batches.

    Args:
        batch_size: Most jobs of a batch.
        delay_s: How long a batch waits to fill.
    """

    def __init__(self, batch_size: int, delay_s: float) -> None:
        self._batch_size, self._delay_s = batch_size, delay_s
        self._jobs: deque[Job] = deque()
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, job: Job) -> None:
        """Let a job wait."""
        self._jobs.append(job)
        self._changed.set()

    def put_back(self, jobs: list[Job]) -> None:
        """Let jobs wait again, before all others."""
        self._jobs.extendleft(reversed(jobs))
        self._changed.set()

    def remove(self, job: Job) -> bool:
        """Take out a job that nobody waits for any more; return whether it was still waiting."""
        with suppress(ValueError):
            self._jobs.remove(job)
            job.body.release()
            return True
        return False

    def refuse_all(self, refusal: Refusal) -> None:
        """Answer everything that waits."""
        while self._jobs:
            job = self._jobs.popleft()
            job.body.release()
            job.refuse(refusal)

    async def take(self) -> list[Job]:
        """Wait for jobs and return a batch of them."""
        async with self._turn:
            batch: list[Job] = []
            while not batch:
                await self._until(1)
                await self._fill()
                batch = [self._jobs.popleft() for _ in range(min(self._batch_size, len(self._jobs)))]
            return batch

    async def _fill(self) -> None:
        """Wait for more, until the first one has waited long enough."""
        left = self._jobs[0].came + self._delay_s - time.perf_counter()
        if self._batch_size > 1 and left > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._until(self._batch_size)

    async def _until(self, count: int) -> None:
        while len(self._jobs) < count:
            self._changed.clear()
            await self._changed.wait()
