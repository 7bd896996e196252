"""The embedded server: started in a thread of its own, with a process per worker."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from eisen._core.errors import EisenError
from eisen._core.optional import require
from eisen_deploy.serving.embedded.limits import Limits
from eisen_deploy.serving.settings import ServerSettings

if TYPE_CHECKING:
    from uvicorn import Config

    from eisen_deploy.serving.embedded.crew import Crew
    from eisen_deploy.serving.embedded.plan import Model

__all__ = ["EmbeddedServer"]

_NEEDED = ("httptools", "msgpack", "prometheus_client", "python_multipart", "starlette", "uvicorn")


class EmbeddedServer:
    """Serves packages under the addresses of TorchServe, without Java.

    Args:
        settings: How.
        folders: Unpacked archives. Of several versions of a name the first answers when no version is given.
        scratch: Folder for files of the workers.
        limits: How long strangers may take.
        tell: Called, from another thread, with a dictionary for every request and whatever happens to workers.
        service: ``"file.py:Class"`` in place of the service of eisen, for tests.

    Raises:
        MissingExtraError: If a package of the extra ``deploy`` is missing.

    Example:
        >>> server = EmbeddedServer(ServerSettings(port=0), [], "/tmp/scratch")
        >>> server.url
        'http://127.0.0.1:0'
    """

    def __init__(
        self,
        settings: ServerSettings,
        folders: Sequence[str | Path],
        scratch: str | Path,
        *,
        limits: Limits | None = None,
        tell: Callable[[dict[str, Any]], None] | None = None,
        service: str = "",
    ) -> None:
        for name in _NEEDED:
            require(name, "deploy", "serving a model")
        self.settings, self._folders, self._scratch = settings, [Path(folder) for folder in folders], Path(scratch)
        self._limits, self._listener, self._service = limits or Limits(), tell or (lambda _: None), service
        self._crews: list[Crew] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._end: asyncio.Event | None = None
        self._started = threading.Event()
        self._error: BaseException | None = None
        self._why = ""

    @property
    def url(self) -> str:
        """Where it is reached, without a slash at the end."""
        return self.settings.url

    @property
    def token(self) -> str:
        """What clients need; empty: nothing."""
        return self.settings.token

    @property
    def state(self) -> str:
        """``"loading"``, ``"ready"``, ``"restarting"``, ``"failing"`` or ``"stopping"``: of the worst model."""
        states = {crew.state for crew in self._crews} or {"loading"}
        return next(s for s in ("stopping", "failing", "loading", "restarting", "ready") if s in states)

    @property
    def is_running(self) -> bool:
        """Whether it listens."""
        return self._thread is not None and self._thread.is_alive()

    def pids(self) -> list[int]:
        """Return the numbers of the processes of all workers."""
        return [worker.pid for crew in self._crews for worker in crew.workers.values() if worker is not None]

    def start(self) -> None:
        """Listen, and start to load the models; returns at once.

        Raises:
            ArgumentError: If the port is taken, or the TLS files are wrong.
        """
        from eisen_deploy.serving.embedded.listening import config_of, listener_of

        listener = listener_of(self.settings)
        self.settings = replace(self.settings, port=listener.getsockname()[1])
        try:
            config = config_of(self.settings, self._limits)
        except BaseException:
            listener.close()
            raise
        self._thread = threading.Thread(target=self._run, args=(config, listener), name="eisen-serve", daemon=True)
        self._thread.start()
        self._started.wait()
        if self._error is not None:
            raise self._error

    def wait_ready(self, timeout_s: float = 900, watch: Callable[[str], None] | None = None) -> None:
        """Wait until every model can answer.

        Args:
            timeout_s: Most seconds.
            watch: Called now and then with the state.

        Raises:
            EisenError: If a model cannot be loaded, or the time is over.
        """
        until = time.monotonic() + timeout_s
        while (state := self.state) != "ready":
            if state in ("failing", "stopping"):
                raise EisenError(f"a model cannot be loaded: {self._reason()}")
            if time.monotonic() > until:
                raise EisenError(f"the models were not ready within {timeout_s:g} s", to_do="read the log above")
            if watch is not None:
                watch(state)
            time.sleep(0.05)

    def request_stop(self, grace_s: float | None = None) -> None:
        """Let the server stop, without waiting for it: what is being computed ends, everything else is refused.

        Args:
            grace_s: Most seconds for what is being computed; when asked again, the last word counts.
        """
        if self._loop is None or self._end is None:
            return
        until = time.monotonic() + (self._limits.grace_s if grace_s is None else grace_s)
        with suppress(RuntimeError):  # it has ended by itself
            self._loop.call_soon_threadsafe(self._stop_by, until)
            self._loop.call_soon_threadsafe(self._end.set)

    def stop(self, grace_s: float | None = None) -> None:
        """Stop, and wait until no process is left; can be called twice.

        Args:
            grace_s: Most seconds for what is being computed.
        """
        self.request_stop(grace_s)
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _stop_by(self, until: float) -> None:
        for crew in self._crews:
            crew.stop_by = until

    def _reason(self) -> str:
        """Return why a worker did not start; that is known a moment after it failed."""
        for _ in range(100):
            if self._why:
                break
            time.sleep(0.05)
        return self._why or "the log says why"

    def _tell(self, line: dict[str, Any]) -> None:
        if line["event"] == "worker died":
            self._why = line["why"]
        self._listener(line)

    def _run(self, config: Config, listener: socket.socket) -> None:
        with listener:
            try:
                asyncio.run(self._serve(config, listener))
            except BaseException as error:
                self._error = error
            finally:
                self._started.set()

    async def _serve(self, config: Config, listener: socket.socket) -> None:
        from uvicorn import Server

        from eisen_deploy.serving.embedded.crew import Crew
        from eisen_deploy.serving.embedded.front import Front
        from eisen_deploy.serving.embedded.jobs import first_of

        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        crews = [Crew(model, self.settings, self._limits, self._tell) for model in self._models()]
        config.loaded_app = Front(crews, self.settings, self._limits, self._tell)
        server = Server(config)
        for crew in crews:
            crew.start()
        self._crews = crews
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            while not server.started and not serving.done():
                await asyncio.sleep(0.005)
            self._started.set()
            await first_of(serving, asyncio.create_task(self._end.wait()))
        finally:
            await asyncio.gather(*(crew.stop() for crew in crews))
            server.should_exit = True
            await serving

    def _models(self) -> list[Model]:
        from eisen_deploy.serving.embedded.archives import models_in

        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        threads = self.settings.threads or max(1, cores // self.settings.workers)
        return models_in(self._folders, self._scratch, self.settings, threads, self._service)
