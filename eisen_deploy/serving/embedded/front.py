"""The addresses of the server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from starlette.exceptions import HTTPException
from starlette.routing import Route, Router

from eisen_deploy.serving.embedded.crew import Crew
from eisen_deploy.serving.embedded.describing import describe, health
from eisen_deploy.serving.embedded.exchange import Exchange
from eisen_deploy.serving.embedded.guard import Guard
from eisen_deploy.serving.embedded.jobs import Body, Job, first_of
from eisen_deploy.serving.embedded.limits import Limits
from eisen_deploy.serving.embedded.metrics import Metrics
from eisen_deploy.serving.embedded.reading import BodyReader, ClientGoneError, Receive, Scope, Send, body_size
from eisen_deploy.serving.messages import Answer, Refusal
from eisen_deploy.serving.settings import ServerSettings

__all__ = ["Front"]

_log = logging.getLogger(__name__)
_EXCHANGE = "eisen.exchange"
_KINDS = {404: "NotFound", 405: "MethodNotAllowed"}


class Front:
    """The ASGI application.

    Args:
        crews: What is served; the first of a name answers when no version is given.
        settings: Token, sizes, names.
        limits: Times.
        tell: Called with a line for the log.
    """

    def __init__(
        self, crews: list[Crew], settings: ServerSettings, limits: Limits, tell: Callable[[dict[str, Any]], None]
    ) -> None:
        self._crews, self._settings, self._limits, self._tell = crews, settings, limits, tell
        self._metrics, self._guard = Metrics(crews), Guard(settings)
        self._room, self._reserved = _room(settings.max_bytes), 0
        self._router = Router(redirect_slashes=False, default=_not_found, routes=self._routes())

    def _routes(self) -> list[Route]:
        predict, ask = ["GET", "POST", "PUT"], ["GET"]
        return [
            Route("/ping", _Endpoint(self._ping), methods=ask),
            Route("/predictions/{name}", _Endpoint(self._predict), methods=predict),
            Route("/predictions/{name}/{version}", _Endpoint(self._predict), methods=predict),
            Route("/models", _Endpoint(self._list), methods=ask),
            Route("/models/{name}", _Endpoint(self._describe), methods=ask),
            Route("/models/{name}/{version}", _Endpoint(self._describe), methods=ask),
            Route("/metrics", _Endpoint(self._numbers), methods=ask),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever happens."""
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send, self._limits)
        try:
            await self._safely(exchange, scope, receive, send)
        except ClientGoneError:
            exchange.gone()
        except Exception:
            _log.exception("the server failed")
            await exchange.refuse(Refusal("the server failed; its log says why", 500, "ServerError"))
        finally:
            line = exchange.line(scope["path"] if scope.get("path_params") is not None else "(other)")
            self._metrics.count(line)
            self._tell(line)

    async def _safely(self, exchange: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        method, headers = scope["method"], exchange.headers
        try:
            preflight = self._guard.is_preflight(method, headers)
            exchange.extra = self._guard.extra_headers(headers.get("origin"), preflight=preflight)
            self._guard.check(method, scope["path"], headers)
            if preflight:
                await exchange.answer(Answer(b"", "text/plain"))
                return
            scope[_EXCHANGE], scope["app"] = exchange, self
            await self._router(scope, receive, send)
        except Refusal as refusal:
            await exchange.refuse(refusal)
        except HTTPException as error:
            facts = {"allow": (error.headers or {}).get("Allow", "")}
            await exchange.refuse(Refusal(str(error.detail), error.status_code, _KINDS[error.status_code], **facts))

    async def _ping(self, exchange: Exchange) -> None:
        await exchange.answer(health(self._crews))

    async def _list(self, exchange: Exchange) -> None:
        models = [{"modelName": crew.model.name, "modelVersion": crew.model.version} for crew in self._crews]
        await exchange.answer(Answer.of_json({"models": models}))

    async def _describe(self, exchange: Exchange) -> None:
        first = self._crew(exchange)
        versioned = "version" in exchange.scope["path_params"]
        same = [crew for crew in self._crews if crew.model.name == first.model.name]
        crews = [first] if versioned else same
        await exchange.answer(Answer.of_json([describe(crew, self._settings) for crew in crews]))

    async def _numbers(self, exchange: Exchange) -> None:
        await exchange.answer(Answer(self._metrics.text(), self._metrics.content_type))

    async def _predict(self, exchange: Exchange) -> None:
        crew = self._crew(exchange)
        exchange.model = str(crew.model)
        crew.check()
        body = await self._read(exchange, crew)
        job = exchange.job = Job(exchange.headers, body)
        try:
            crew.check()
        except Refusal:
            body.release()
            raise
        crew.submit(job)
        await self._wait(exchange, crew, job)
        await exchange.reply(job.answer.result())

    def _crew(self, exchange: Exchange) -> Crew:
        """Return what the address names."""
        wanted = exchange.scope["path_params"]
        for crew in self._crews:
            if crew.model.name == wanted["name"] and wanted.get("version", crew.model.version) == crew.model.version:
                return crew
        exchange.scope["path_params"] = None  # whatever this name is, it is none of ours: it does not go into the log
        served = ", ".join(str(crew.model) for crew in self._crews)
        raise Refusal(f"there is no model {'/'.join(wanted.values())[:200]!r}", 404, "ModelNotFound", expected=served)

    async def _read(self, exchange: Exchange, crew: Crew) -> Body:
        """Read the body, if there is room for it."""
        size = body_size(exchange.headers, self._settings.max_bytes)
        reserved = self._settings.max_bytes if size is None else size
        if self._reserved and self._reserved + reserved > self._room:
            raise Refusal("the memory is full of other requests", 503, "NoMemory", retry_after_s=5)
        self._reserved, crew.reading = self._reserved + reserved, crew.reading + 1
        try:
            reader = BodyReader(exchange.scope, exchange.receive, crew.pool, self._limits)
            body = await reader.read(size, self._settings.max_bytes)
        finally:
            self._reserved, crew.reading = self._reserved - reserved, crew.reading - 1
        exchange.body_is_read, exchange.bytes_in = True, body.size
        return body

    async def _wait(self, exchange: Exchange, crew: Crew, job: Job) -> None:
        """Wait for the answer; forget the request when the client hangs up."""
        hanging_up = asyncio.create_task(_hung_up(exchange.receive))
        try:
            await first_of(job.answer, hanging_up)
        finally:
            hanging_up.cancel()
        if not job.answer.done():
            job.answer.cancel()
            crew.queue.remove(job)
            raise ClientGoneError


class _Endpoint:
    """An address as ASGI."""

    def __init__(self, answer: Callable[[Exchange], Any]) -> None:
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002  # ASGI wants them
        await self._answer(scope[_EXCHANGE])


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _not_found(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001  # ASGI wants them
    scope["path_params"] = None
    raise Refusal(
        "there is nothing at this address",
        404,
        "NotFound",
        expected="/ping, /predictions/<name>, /models, /models/<name> or /metrics",
    )


def _room(max_bytes: int) -> int:
    """Return how many bytes of bodies there may be at a time."""
    import psutil

    return max(max_bytes, int(psutil.virtual_memory().available // 2))
