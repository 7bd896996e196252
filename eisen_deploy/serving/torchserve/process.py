"""TorchServe as a process of ours: started, watched and ended."""

from __future__ import annotations

import os
import signal
import subprocess
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from eisen._core.errors import ArgumentError, ArtifactError
from eisen.storage.creation.locking import only_writer
from eisen_deploy.serving.torchserve.config import Ports, config_text, sizes_of
from eisen_deploy.serving.torchserve.launching import Workplace, command_line, environment
from eisen_deploy.serving.torchserve.ports import free_ports
from eisen_deploy.serving.torchserve.staging import Staged, stage
from eisen_deploy.serving.torchserve.watching import Management, wait_until_ready

if TYPE_CHECKING:
    from eisen_deploy.serving.settings import ServerSettings

__all__ = ["TorchServe"]

_STOP_S = 20


class TorchServe:
    """A TorchServe of one's own: no other server, folder or port is touched, and nothing is left of it.

    It ends with the thread that started it, also when that is killed (on Linux), so start it from one that lives as
    long as the server shall. It has a process group of its own: Ctrl-C does not reach it, `stop` does.
    TorchServe makes its own token, valid here for a century; that of the settings only says whether there is one.

    Args:
        settings: How the models are served.
        archives: What is served, each under the name in its manifest.
        folder: Where it works; made where it is missing, and for one server at a time.

    Raises:
        ArgumentError: If Java is missing, the port is taken, or TorchServe cannot do what the settings say.
        MissingExtraError: If the package torchserve is missing.
        CorruptFileError: If an archive is not one.

    Example:
        >>> from eisen_deploy.serving.settings import ServerSettings
        >>> TorchServe(ServerSettings(port=0), [Path("liver.mar")], Path("server")).is_running  # until start()
        False
    """

    def __init__(self, settings: ServerSettings, archives: Sequence[str | Path], folder: str | Path) -> None:
        self.settings = settings
        self.archives = [Path(archive) for archive in archives]
        self.place = Workplace(Path(folder).resolve())
        self.models: list[Staged] = []
        self._running: tuple[subprocess.Popen[bytes], Ports] | None = None
        self._undo = ExitStack()

    @property
    def is_running(self) -> bool:
        """Whether its process is there."""
        return self._running is not None and self._running[0].poll() is None

    @property
    def pid(self) -> int:
        """Number of Java's process."""
        return self._parts()[0].pid

    @property
    def ports(self) -> Ports:
        """Where it listens."""
        return self._parts()[1]

    @property
    def url(self) -> str:
        """Where clients on this machine find it, without a slash at the end."""
        return replace(self.settings, port=self.ports.inference).url

    @property
    def management(self) -> Management:
        """Its port for the management of models."""
        return Management(self.ports.management, self.place.keys)

    @property
    def token(self) -> str:
        """What clients send as ``Authorization: Bearer <token>``; nothing if none is needed."""
        return self.management.token("inference") if self.settings.token else ""

    def workers(self) -> list[int]:
        """Return the numbers of the processes of all workers that are ready."""
        entries = [entry for name in {m.name for m in self.models} for entry in self.management.models(name)]
        workers = [worker for entry in entries for worker in entry["workers"]]
        return sorted(worker["pid"] for worker in workers if worker["status"] == "READY")

    def start(self, limit_s: float = 300) -> Self:
        """Start it, and wait until every worker has loaded its model.

        Args:
            limit_s: Most seconds to wait.

        Raises:
            EisenError: If it or a worker dies, or takes too long; notes of the error have the log.
        """
        if self._running is not None:
            raise ArgumentError("the server was started already", to_do="stop it first")
        with ExitStack() as undo:
            undo.callback(self.stop)
            self._prepare()
            workers = self.settings.workers
            wait_until_ready(lambda: self.is_running, self.place, self.management, self.models, workers, limit_s)
            self._warn()
            undo.pop_all()
        return self

    def stop(self) -> None:
        """End it and its workers, and remove its files; does nothing if it was not started."""
        self._undo.close()

    def __enter__(self) -> Self:
        return self if self._running is not None else self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _parts(self) -> tuple[subprocess.Popen[bytes], Ports]:
        if self._running is None:
            raise ArgumentError("the server does not run", to_do="call start()")
        return self._running

    def _warn(self) -> None:
        """Say what TorchServe took from the archives rather than from the settings."""
        wanted = sizes_of(self.settings)
        for model in self.models:
            described = [e for e in self.management.models(model.name) if e["modelVersion"] == model.version]
            for key, value in ((key, entry.get(key)) for entry in described for key in wanted):
                if value != wanted[key]:
                    told = f"the archive of {model.name} says {key}: {value}, and TorchServe prefers that to"
                    warnings.warn(f"{told} {wanted[key]}", stacklevel=3)

    def _prepare(self) -> None:
        place, settings = self.place, self.settings
        if not place.folder.exists():
            self._undo.callback(_remove_if_empty, place.folder)
        place.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._undo.enter_context(_only_server(place.folder))
        place.clear()  # what one that was killed left
        self._undo.callback(place.clear)
        place.make()
        self.models = stage(self.archives, place.store, settings.require_signature)
        ports = free_ports(settings.host, settings.port)
        place.write(config_text(settings, ports, self.models))
        process = self._launched()
        self._undo.callback(self._end, process)
        self._running = process, ports

    def _launched(self) -> subprocess.Popen[bytes]:
        place = self.place
        with place.console.open("wb") as console:
            return subprocess.Popen(  # noqa: S603
                command_line(place, self.models),
                cwd=place.folder,
                env=environment(place, self.settings),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        """Ask Java to end, make it end, and end what is left of its group."""
        self._running = None
        with suppress(ProcessLookupError):
            process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_S)
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextmanager
def _only_server(folder: Path) -> Iterator[None]:
    try:
        with only_writer(folder / "torchserve"):
            yield
    except ArtifactError as error:
        if error.card.expected != "one writer at a time":
            raise
        raise ArgumentError(f"another TorchServe works in {folder}", to_do="choose another folder") from error


def _remove_if_empty(folder: Path) -> None:
    with suppress(OSError):
        folder.rmdir()
