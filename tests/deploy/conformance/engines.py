"""What answers requests: the two engines, and the worker core alone, which tells what they have to say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from eisen_deploy.packaging.members import unpack
from eisen_deploy.serving.embedded.forms import fields_of
from eisen_deploy.serving.messages import Answer, Refusal, Request
from eisen_deploy.serving.service import Service
from eisen_deploy.serving.settings import ServerSettings
from tests.deploy.calling import Reply, call


@dataclass(frozen=True)
class Case:
    """A request.

    Args:
        model: Which model it is for.
        body: What is sent.
        headers: What is sent along.
        method: Of HTTP.
        rest: Of the address, behind the name of the model.
    """

    model: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    rest: str = ""


class Engine(Protocol):
    """Answers requests."""

    @property
    def name(self) -> str:
        """What it is called."""

    def ask(self, case: Case) -> Reply:
        """Return the answer to a request."""


class WorkerCore:
    """The worker core in this process, without a server around it."""

    name = "core"

    def __init__(self, services: Mapping[str, Service]) -> None:
        self._services = services

    def ask(self, case: Case) -> Reply:
        """Return the answer to a request; method and address do not matter."""
        headers = {name.lower(): value for name, value in case.headers.items()}
        headers["content-length"] = str(len(case.body))
        try:
            request = Request(case.body, headers, fields_of(case.body, headers))
        except Refusal as refusal:
            return _reply(refusal.answer())
        return _reply(self._services[case.model].answer([request])[0])


class Server:
    """A server."""

    def __init__(self, name: str, url: str, token: str) -> None:
        self.name, self.url, self.token = name, url, token

    def ask(self, case: Case) -> Reply:
        """Return the answer to a request."""
        headers = {"Authorization": f"Bearer {self.token}", **case.headers}
        return call(f"{self.url}/predictions/{case.model}{case.rest}", case.body, headers, case.method)


@contextmanager
def worker_core(archives: Mapping[str, Path], folder: Path) -> Iterator[WorkerCore]:
    """Open packages in this process, with one thread as the servers have."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    services = {}
    try:
        for name, archive in archives.items():
            unpack(archive, folder / name)
            services[name] = Service.open(folder / name)
        yield WorkerCore(services)
    finally:
        for service in services.values():
            service.close()
        torch.set_num_threads(before)


@contextmanager
def embedded(archives: Mapping[str, Path], folder: Path, settings: ServerSettings) -> Iterator[Server]:
    """Start the embedded server."""
    from eisen_deploy.serving.embedded import EmbeddedServer

    for name, archive in archives.items():
        unpack(archive, folder / name)
    (folder / "scratch").mkdir()
    with EmbeddedServer(settings, [folder / name for name in archives], folder / "scratch") as server:
        server.wait_ready(120)
        yield Server("embedded", server.url, server.token)


@contextmanager
def torchserve(archives: Mapping[str, Path], folder: Path, settings: ServerSettings) -> Iterator[Server]:
    """Start TorchServe."""
    from eisen_deploy.serving.torchserve import TorchServe

    with TorchServe(settings, list(archives.values()), folder / "ts") as server:
        yield Server("torchserve", server.url, server.token)


def _reply(answer: Answer) -> Reply:
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Reply(int(answer.status), {**headers, "content-type": answer.content_type}, answer.body)
