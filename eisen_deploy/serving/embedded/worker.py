"""The process that holds a model and computes: ``python -m eisen_deploy.serving.embedded.worker SOCKET``."""

from __future__ import annotations

import logging
import signal
import socket
import sys
import time
import traceback
import weakref
from collections.abc import Sequence
from typing import Any

from eisen._core.errors import EisenError
from eisen_deploy.serving.embedded.blocks import INLINE, BlockPool, BorrowedBlocks
from eisen_deploy.serving.embedded.forms import fields_of
from eisen_deploy.serving.embedded.link import Message, WorkerLink
from eisen_deploy.serving.embedded.opening import (
    Opened,
    end_with_the_front,
    give_memory_back,
    open_service,
    use_threads,
)
from eisen_deploy.serving.messages import Answer, Refusal, Request

__all__ = ["main"]

_log = logging.getLogger(__name__)
_TRIM_S = 5.0


class _Worker:
    """Takes requests out of messages and puts answers into others."""

    def __init__(self, link: WorkerLink, service: Opened) -> None:
        self._link, self._service = link, service
        self._blocks = BlockPool(lambda number: link.send({"forget": number}))
        self._borrowed = BorrowedBlocks()
        self._known: set[int] = set()

    def run(self) -> None:
        """Answer until the front hangs up or says that it is enough."""
        while True:
            while not self._link.has_news(_TRIM_S):
                self._blocks.trim()
                give_memory_back()
            received = self._link.receive()
            if received is None:
                return
            message, files = received
            for number, file in zip(message.get("blocks", ()), files, strict=True):
                self._borrowed.add(number, file)
            if "forget" in message:
                self._borrowed.forget(message["forget"])
            if "free" in message:
                self._blocks.give_number(message["free"])
            if "requests" in message:
                self._answer(message)
            if "quit" in message:
                return

    def _answer(self, message: Message) -> None:
        self._link.send({"began": message["number"]})
        started = time.perf_counter()
        watched: dict[int, weakref.ref[Any]] = {}
        answers = _answers(self._service, [self._request(given, watched) for given in message["requests"]])
        blocks: list[int] = []
        files: list[int] = []
        packed = [self._packed(answer, blocks, files) for answer in answers]
        del answers
        reply = {
            "number": message["number"],
            "answers": packed,
            "blocks": blocks,
            "seconds": time.perf_counter() - started,
            "held": [number for number, lent in watched.items() if lent() is not None],
        }
        self._link.send(reply, files)

    def _request(self, given: Message, watched: dict[int, weakref.ref[Any]]) -> Request | Answer:
        """Return a request, or the answer to one that is damaged."""
        try:
            body = given["body"] if "body" in given else self._lend(given, watched)
            return Request(body, given["headers"], fields_of(body, given["headers"]))
        except Refusal as refusal:
            return refusal.answer()

    def _lend(self, given: Message, watched: dict[int, weakref.ref[Any]]) -> memoryview:
        """Return the body where it lies, and remember to look whether the model keeps it."""
        import numpy as np

        lent = np.frombuffer(self._borrowed.view(given["block"], given["size"]), np.uint8)
        watched[given["block"]] = weakref.ref(lent)  # a view of memory cannot be asked who else looks, an array can
        return lent.data

    def _packed(self, answer: Answer, blocks: list[int], files: list[int]) -> Message:
        """Return an answer as a message; a large body goes into a block."""
        packed = {"status": int(answer.status), "type": answer.content_type, "headers": dict(answer.headers)}
        size = len(answer.body)
        if size <= INLINE:
            return packed | {"body": bytes(answer.body)}
        block = self._blocks.take(size)
        block.view[:size] = answer.body
        if block.number not in self._known:
            self._known.add(block.number)
            blocks.append(block.number)
            files.append(block.file)
        return packed | {"block": block.number, "size": size}


def _answers(service: Opened, requests: Sequence[Request | Answer]) -> list[Answer]:
    """Return an answer for each; a model that fails altogether fails them all, and the worker lives on."""
    good = [request for request in requests if isinstance(request, Request)]
    try:
        answers = service.answer(good) if good else []
        if len(answers) != len(good):
            raise RuntimeError(f"{len(good)} requests got {len(answers)} answers")
    except Exception:
        _log.exception("the model failed")
        failed = Refusal("the model failed; the log of the server says why", 500, "PredictionFailed")
        answers = [failed.answer()] * len(good)
    rest = iter(answers)
    return [next(rest) if isinstance(request, Request) else request for request in requests]


def main() -> None:
    """Hold a model and answer, until the front says that it is enough or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the front, which ends its workers
    logging.basicConfig(level=logging.INFO, format="%(asctime)s worker %(process)d: %(message)s", datefmt="%H:%M:%S")
    connection = socket.socket(fileno=int(sys.argv[1]))
    end_with_the_front(connection)
    link = WorkerLink(connection)
    received = link.receive()
    if received is None:
        return
    boot, started = received[0], time.perf_counter()
    try:
        service = open_service(boot)
        use_threads(boot["threads"])
    except Exception as error:
        link.send({"failed": _why(error)})
        return
    link.send({"ready": time.perf_counter() - started})
    try:
        _Worker(link, service).run()
    finally:
        service.close()


def _why(error: BaseException) -> str:
    if isinstance(error, (EisenError, Refusal)):
        return str(error)
    return "".join(traceback.format_exception(error)).rstrip()


if __name__ == "__main__":
    main()
