"""A packaged model on many machines: Ray Serve runs replicas of the same worker core behind the same address."""

from __future__ import annotations

import asyncio
import hmac
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.errors import ArgumentError
from eisen._core.optional import require
from eisen._core.sizes import memory_bytes
from eisen_deploy.packaging.layout import MANIFEST
from eisen_deploy.packaging.members import unpack
from eisen_deploy.serving.embedded.archives import name_and_version
from eisen_deploy.serving.embedded.forms import fields_of
from eisen_deploy.serving.messages import Answer, Refusal, Request
from eisen_deploy.serving.service import Service

if TYPE_CHECKING:
    from starlette.requests import Request as HttpRequest
    from starlette.responses import Response

__all__ = ["Replica", "application", "build"]

TOKEN_VARIABLE = "EISEN_TOKEN"  # noqa: S105 - the name of a variable, not a token


class Replica:
    """One worker of Ray Serve: holds a model and answers a request at a time.

    Args:
        archive: The package; every machine reads it under this name.
        token: What clients send as ``Authorization: Bearer <token>``; empty: nothing is needed.
        max_bytes: Largest request.
        device: Where it computes; None: the GPU that Ray gave it, or as the package says.
    """

    def __init__(self, archive: str, token: str, max_bytes: int, device: str | None = None) -> None:
        self._token, self._max_bytes = token, max_bytes
        self._place = Path(tempfile.mkdtemp(prefix="eisen-"))
        folder = Path(archive)
        if folder.is_file():
            folder = self._place / "model"
            unpack(archive, folder)
        self._version = name_and_version(folder)[1] if (folder / MANIFEST).is_file() else ""
        self._turn = asyncio.Lock()
        scratch = self._place / "scratch"
        scratch.mkdir()
        self._service = Service.open(folder, device=device or _own_gpu(), scratch=scratch, max_bytes=max_bytes)

    async def __call__(self, request: HttpRequest) -> Response:
        """Answer a request; an empty one gets the metadata."""
        from starlette.responses import Response

        try:
            self._check_token(request.headers.get("authorization", ""))
            self._check_path(request.scope.get("root_path", ""), request.scope["path"])
            body = await self._body(request)
            told = _request(body, {name.lower(): value for name, value in request.headers.items()})
            async with self._turn:
                answer = (await asyncio.to_thread(self._service.answer, [told]))[0]
        except Refusal as refusal:
            answer = refusal.answer()
        return _response(answer, Response)

    def check_health(self) -> None:
        """Let Ray replace a replica whose files are gone."""
        if not self._place.is_dir():
            raise RuntimeError("the files of the model are gone")

    def __del__(self) -> None:
        service = getattr(self, "_service", None)
        if service is not None:
            service.close()
        if place := getattr(self, "_place", None):
            shutil.rmtree(place, ignore_errors=True)

    def _check_token(self, header: str) -> None:
        kind, _, given = header.partition(" ")
        same = hmac.compare_digest(given.strip().encode("utf-8", "surrogateescape"), self._token.encode())
        if self._token and not (same and kind.lower() == "bearer"):
            raise Refusal(
                "the token is missing or wrong",
                HTTPStatus.UNAUTHORIZED,
                "Unauthorized",
                expected="a header Authorization: Bearer <token>",
            )

    def _check_path(self, root: str, path: str) -> None:
        """After the address there may be the version of the model, and nothing else."""
        rest = path.removeprefix(root).strip("/")
        if rest and rest != self._version:
            raise Refusal(
                f"there is no version {rest[:200]!r} of this model",
                HTTPStatus.NOT_FOUND,
                "ModelNotFound",
                expected=self._version,
            )

    async def _body(self, request: HttpRequest) -> bytearray:
        body = bytearray()
        async for piece in request.stream():
            body += piece
            if len(body) > self._max_bytes:
                raise Refusal(
                    "the request is too large",
                    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                    "TooLarge",
                    expected=f"at most {self._max_bytes} bytes",
                )
        return body


def application(
    archive: str | Path,
    *,
    replicas: int = 1,
    cpus: float = 1.0,
    gpus: float = 0.0,
    token: str | None = None,
    max_bytes: int | str = "1GB",
    queue_size: int = 100,
) -> Any:
    """Return an application of Ray Serve that answers as ``eisen serve`` does.

    Args:
        archive: The package, or the folder it is unpacked in; every machine reads it under this name.
        replicas: How many workers there are, on whatever machines have room.
        cpus: Processors that each one gets.
        gpus: GPUs that each one gets; 0.5: two share one.
        token: What clients send; None: the environment variable ``EISEN_TOKEN``; empty: none is needed.
        max_bytes: Largest request, e.g. ``"1GB"``.
        queue_size: Most requests that wait; one more gets a 503.

    Returns:
        What `ray.serve.run` takes, with ``route_prefix="/predictions/<name>"``.

    Raises:
        MissingExtraError: If Ray is not installed.
        ArgumentError: If an argument is wrong, or there is no token and none was declined.

    Example:
        On a Ray cluster, with the archive in a folder that all machines share::

            from ray import serve
            from eisen_deploy.serving.ray import application

            serve.start(http_options={"host": "127.0.0.1", "port": 8000})
            serve.run(application("/models/liver.mar", replicas=4, gpus=1), route_prefix="/predictions/liver")
    """
    token = os.environ.get(TOKEN_VARIABLE) if token is None else token
    if token is None:
        raise ArgumentError(
            "the model would be served to everybody",
            expected="a token",
            to_do=f"set {TOKEN_VARIABLE}, or say token='' if nobody else reaches the address",
        )
    if not Path(archive).exists():
        raise ArgumentError(f"there is no {archive}", expected="a package made by eisen pack")
    serve = require("ray.serve", "ray", "serving on a Ray cluster")
    deployment = serve.deployment(Replica).options(
        num_replicas=replicas,
        max_ongoing_requests=1,
        max_queued_requests=queue_size,
        ray_actor_options={"num_cpus": cpus, "num_gpus": gpus},
    )
    return deployment.bind(str(Path(archive).resolve()), token, memory_bytes(max_bytes))


def build(arguments: Mapping[str, str]) -> Any:
    """Return the same application for the command line of Ray.

    Args:
        arguments: The arguments of `application` as text.

    Example:
        With the token in ``EISEN_TOKEN``::

            serve run --route-prefix /predictions/liver eisen_deploy.serving.ray:build archive=/models/liver.mar
    """
    kinds: dict[str, Any] = {"replicas": int, "cpus": float, "gpus": float, "queue_size": int}
    given = {name: kinds.get(name, str)(value) for name, value in arguments.items()}
    return application(given.pop("archive", ""), **given)


def _own_gpu() -> str | None:
    """Return the device if Ray gave this worker a GPU: it shows each worker its own ones only."""
    ray = sys.modules.get("ray")
    return "cuda:0" if ray is not None and ray.is_initialized() and ray.get_gpu_ids() else None


def _request(body: bytearray, headers: Mapping[str, str]) -> Request:
    return Request(body, headers, fields_of(memoryview(body), headers))


def _response(answer: Answer, kind: type[Response]) -> Response:
    return kind(answer.body, answer.status, dict(answer.headers), answer.content_type)
