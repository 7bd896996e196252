"""A worker as the front sees it: a process that is started, asked and ended."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from contextlib import suppress

from eisen._core.errors import EisenError
from eisen_deploy.serving.embedded.blocks import BorrowedBlocks
from eisen_deploy.serving.embedded.jobs import Job, Reply, first_of
from eisen_deploy.serving.embedded.link import FrontLink, Message
from eisen_deploy.serving.embedded.plan import WorkerPlan

__all__ = ["NotBegunError", "WorkerProcess"]


class NotBegunError(ConnectionError):
    """A worker died before it looked at what it was sent: another one can have it."""


class WorkerProcess:
    """A worker. It answers one batch at a time.

    Args:
        plan: What it is told.
    """

    def __init__(self, plan: WorkerPlan) -> None:
        self._known: set[int] = set()
        self._borrowed = BorrowedBlocks()
        self._number = self._began = 0
        self._reply: asyncio.Future[Message] | None = None
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[float] = loop.create_future()
        self.gone: asyncio.Future[None] = loop.create_future()
        ours, theirs = socket.socketpair()
        with theirs:
            self._process = _spawn(theirs, plan)
        self._link = FrontLink(ours, self._received, self._lost)
        self._link.send(plan.message())

    @property
    def pid(self) -> int:
        """Number of the process."""
        return self._process.pid

    async def answer(self, jobs: list[Job]) -> float:
        """Let it answer jobs, and return the seconds that it computed.

        Args:
            jobs: A batch.

        Raises:
            NotBegunError: If it dies before it begins.
            ConnectionError: If it dies meanwhile.
        """
        self._number += 1
        self._reply = asyncio.get_running_loop().create_future()
        numbers, files, requests = [], [], []
        for job in jobs:
            requests.append(_packed(job))
            block = job.body.block
            if block is not None and block.number not in self._known:
                self._known.add(block.number)
                numbers.append(block.number)
                files.append(block.file)
        self._link.send({"number": self._number, "requests": requests, "blocks": numbers}, files)
        await first_of(self._reply, self.gone)
        if not self._reply.done():
            raise ConnectionError("the worker died") if self._began == self._number else NotBegunError
        return self._deliver(jobs, self._reply.result())

    def forget(self, number: int) -> None:
        """Let it close a block that is given up."""
        if number in self._known:
            self._known.discard(number)
            self._link.send({"forget": number})

    async def quit(self, seconds: float) -> None:
        """Ask it to end, and kill it when it does not."""
        self._link.send({"quit": True})
        await asyncio.wait({self.gone}, timeout=seconds)
        await self.kill()

    async def kill(self) -> str:
        """End it at once, with all processes that it started, and return how it ended."""
        if self._process.returncode is None:  # else the number may belong to somebody else by now
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        self._link.close()
        self._borrowed.close()
        code = await asyncio.get_running_loop().run_in_executor(None, self._process.wait)
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    async def end(self) -> str:
        """Return how it ended, once its socket is closed; a process that lingers is killed."""
        for _ in range(100 if hasattr(os, "waitid") else 0):
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None:
                break
            await asyncio.sleep(0.02)
        return await self.kill()

    def _received(self, message: Message, files: list[int]) -> None:
        for number, file in zip(message.get("blocks", ()), files, strict=True):
            self._borrowed.add(number, file)
        if "forget" in message:
            self._borrowed.forget(message["forget"])
        if "ready" in message and not self.ready.done():
            self.ready.set_result(message["ready"])
        if "failed" in message and not self.ready.done():
            self.ready.set_exception(EisenError(str(message["failed"])))
        self._began = message.get("began", self._began)
        if self._reply is not None and not self._reply.done() and message.get("number") == self._number:
            self._reply.set_result(message)

    def _lost(self) -> None:
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("it died while it started"))
            self.ready.exception()
        if not self.gone.done():
            self.gone.set_result(None)

    def _deliver(self, jobs: list[Job], message: Message) -> float:
        replies = [self._unpacked(answer) for answer in message["answers"]]
        if len(replies) != len(jobs):
            raise ConnectionError("the worker sent too few answers")
        for job, reply in zip(jobs, replies, strict=True):
            if job.body.block is not None and job.body.block.number in message["held"]:
                job.body.release(reuse=False)
            job.reply(reply)
        return float(message["seconds"])

    def _unpacked(self, answer: Message) -> Reply:
        facts = (int(answer["status"]), str(answer["type"]), answer["headers"])
        if "body" in answer:
            return Reply(*facts, answer["body"])
        try:
            body = self._borrowed.view(answer["block"], answer["size"])
        except ValueError as error:
            raise ConnectionError(str(error)) from error

        def done() -> None:
            body.release()
            self._link.send({"free": answer["block"]})

        return Reply(*facts, body, done)


def _packed(job: Job) -> Message:
    body = job.body
    if body.block is None:
        return {"headers": dict(job.headers), "body": body.data}
    return {"headers": dict(job.headers), "block": body.block.number, "size": body.size}


def _spawn(theirs: socket.socket, plan: WorkerPlan) -> subprocess.Popen[bytes]:
    """Start the process; what it prints goes to the log of the server."""
    command = [sys.executable, "-P", "-m", "eisen_deploy.serving.embedded.worker", str(theirs.fileno())]
    return subprocess.Popen(  # noqa: S603  # our own module in our own interpreter
        command,
        stdin=subprocess.DEVNULL,
        stdout=2,
        pass_fds=[theirs.fileno()],
        env=plan.surroundings(),
        start_new_session=True,
    )
