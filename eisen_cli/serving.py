"""What ``eisen serve`` does: look at the archives, start an engine, say how it is used, and stop it again."""

from __future__ import annotations

import fcntl
import queue
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

from eisen._core.errors import ArgumentError, EisenError
from eisen_cli.show.screen import Screen
from eisen_cli.show.serving import show_line, show_models, show_ready

if TYPE_CHECKING:
    from eisen_deploy.serving.embedded import EmbeddedServer
    from eisen_deploy.serving.embedded.archives import Served
    from eisen_deploy.serving.settings import ServerSettings
    from eisen_deploy.serving.torchserve import TorchServe

__all__ = ["chosen_engine", "serve_archives"]

_LARGEST_OF_JAVA = 2**31 - 1
_PREFIX, _LOCK = "eisen-serve-", "in-use"


@dataclass(frozen=True)
class _Told:
    """Lines from the thread of the server, shown by this one: a terminal that is stuck holds up nobody."""

    lines: queue.SimpleQueue[dict[str, Any]]

    def show(self, screen: Screen) -> None:
        while not self.lines.empty():
            show_line(screen, self.lines.get())


def chosen_engine(wanted: str, settings: ServerSettings, *, own_token: bool = False) -> tuple[str, str]:
    """Return the engine, and why this one.

    Args:
        wanted: ``"auto"``, ``"embedded"`` or ``"torchserve"``.
        settings: How the models are served.
        own_token: Whether the user has chosen the token.

    Example:
        >>> from eisen_deploy.serving.settings import ServerSettings
        >>> chosen_engine("embedded", ServerSettings())
        ('embedded', '')
    """
    only_here = [
        (own_token and bool(settings.token), "TorchServe makes its own tokens"),
        (settings.max_bytes > _LARGEST_OF_JAVA, "TorchServe takes at most 2 GiB"),
        (len(settings.allowed_origins) > 1, "TorchServe lets in pages of one origin only"),
        (bool(settings.allowed_hosts), "TorchServe does not look at the name it is called by"),
    ]
    reasons = [why for needed, why in only_here if needed]
    if wanted == "torchserve" and reasons:
        raise ArgumentError(reasons[0], to_do="leave the option out, or use --engine embedded")
    if wanted != "auto":
        return wanted, ""
    if reasons:
        return "embedded", reasons[0]
    from eisen_deploy.serving.torchserve import has_java, has_torchserve

    if not has_java():
        return "embedded", "there is no Java for TorchServe"
    if not has_torchserve():
        return "embedded", "the package torchserve is not installed"
    return "torchserve", "Java and torchserve are here; --engine embedded needs neither and is faster for volumes"


def serve_archives(
    screen: Screen, archives: Sequence[Path], settings: ServerSettings, engine: tuple[str, str], *, trust: bool
) -> None:
    """Serve archives until somebody stops it.

    Args:
        screen: Where to write.
        archives: The files.
        settings: How.
        engine: Which engine, and why.
        trust: Whether packages that are code may be served.

    Raises:
        EisenError: If an archive is refused, or a model cannot be loaded.
    """
    from eisen_deploy.serving.embedded.archives import look_at

    with _signals() as stopped, _private_folder() as folder:
        models = [look_at(archive, trust=trust) for archive in archives]
        name, why = engine
        show_models(screen, models, settings, name, why)
        started = time.monotonic()
        if name == "torchserve":
            _with_torchserve(screen, models, settings, folder, stopped, started)
        else:
            _with_embedded(screen, models, settings, folder, stopped, started)


def _with_embedded(
    screen: Screen,
    models: list[Served],
    settings: ServerSettings,
    folder: Path,
    stopped: list[int],
    started: float,
) -> None:
    from eisen_deploy.serving.embedded import EmbeddedServer
    from eisen_deploy.serving.embedded.archives import unpacked

    folders = [
        unpacked(model.archive, folder / f"model-{number}", settings.require_signature)
        for number, model in enumerate(models)
    ]
    told = _Told(queue.SimpleQueue())
    server = EmbeddedServer(settings, folders, folder / "scratch", tell=told.lines.put)

    def step() -> None:
        told.show(screen)
        if not server.is_running:
            raise EisenError("the server ended by itself", to_do="read the log above")

    try:
        server.start()
        server.wait_ready(watch=lambda _: _unless_stopped(stopped, step))
        told.show(screen)
        show_ready(screen, models, server.settings, server.token, time.monotonic() - started)
        _until_stopped(stopped, step)
        screen.line("stopping: what is being computed is finished first; Ctrl-C again ends it at once", style="quiet")
        _stop(server, stopped)
    finally:
        server.stop(0)
        told.show(screen)
    screen.line("stopped", style="quiet")


def _stop(server: EmbeddedServer, stopped: list[int]) -> None:
    """Stop in peace; at the second signal, at once."""
    before = len(stopped)
    server.request_stop()
    while server.is_running and len(stopped) == before:
        time.sleep(0.05)


def _with_torchserve(
    screen: Screen,
    models: list[Served],
    settings: ServerSettings,
    folder: Path,
    stopped: list[int],
    started: float,
) -> None:
    from eisen_deploy.serving.torchserve import TorchServe

    server = TorchServe(settings, [model.archive for model in models], folder / "torchserve")
    try:
        with _interruptible(stopped):
            server.start()
        at = replace(settings, port=server.ports.inference)
        show_ready(screen, models, at, server.token, time.monotonic() - started)
        _until_stopped(stopped, lambda: _still_there(server))
        screen.line("stopping", style="quiet")
    finally:
        server.stop()
    screen.line("stopped", style="quiet")


def _still_there(server: TorchServe) -> None:
    if not server.is_running:
        raise EisenError("TorchServe ended by itself", to_do="start it again; its log is in ts_log.log")


def _until_stopped(stopped: list[int], step: Callable[[], None]) -> None:
    while not stopped:
        step()
        time.sleep(0.1)


def _unless_stopped(stopped: list[int], step: Callable[[], None]) -> None:
    """Do something while models are loaded; a signal ends that."""
    if stopped:
        raise KeyboardInterrupt
    step()


@contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect the signals that ask for the end: Ctrl-C and SIGTERM."""
    stopped: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        stopped.append(number)

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _interruptible(stopped: list[int]) -> Iterator[None]:
    """Let a signal end what does not look for signals itself."""

    def interrupt(number: int, _: FrameType | None) -> None:
        stopped.append(number)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _private_folder() -> Iterator[Path]:
    """Make a folder that only this user can look into, and remove it at the end; and what killed servers left."""
    _sweep(Path(tempfile.gettempdir()))
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with (folder / _LOCK).open("wb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(place: Path) -> None:
    """Remove the folders of servers that were killed: images of patients may be in them."""
    for lock in place.glob(f"{_PREFIX}*/{_LOCK}"):
        with suppress(OSError), lock.open("rb+") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
