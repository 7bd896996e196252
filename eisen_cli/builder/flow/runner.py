"""Dry runs in processes of their own: one at a time, with a time limit, and none outlives the server."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import json
import os
import shutil
import signal
import sys
import tempfile
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eisen_cli.builder.flow.outcome import Outcome, read_outcome

__all__ = ["DryRunner", "Request"]

_MODULE = "eisen_cli.builder.flow.process"
_LINE = 2**20


@dataclass(frozen=True)
class Request:
    """What is to be tried.

    Args:
        configuration: The whole configuration.
        phase: Name of the phase.
        data_dir: Folder of the data.
        case: Number of the case from 0, or a part of its name; None is the first.
        epoch: Epoch whose random numbers are used, from 0.
        seed: Replaces the seed of the configuration; None keeps it.
    """

    configuration: Mapping[str, Any]
    phase: str
    data_dir: Path
    case: int | str | None = None
    epoch: int = 0
    seed: int | None = None

    def line(self, folder: Path) -> bytes:
        """Return the request as the process reads it."""
        document = {**vars(self), "data_dir": str(self.data_dir), "folder": str(folder), "threads": 2}
        return json.dumps(document).encode() + b"\n"


class DryRunner:
    """Does dry runs, one at a time: a newer one ends the one that is running.

    Args:
        limit: Seconds after which a dry run is ended.

    Attributes:
        underway: What the running one does, e.g. ``{"kind": "step", "name": "Resample", "place": ...}``; else None.
    """

    def __init__(self, limit: float = 180.0) -> None:
        self.limit = limit
        self.underway: dict[str, Any] | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._root: Path | None = None
        self._folders: dict[str, Path] = {}
        self._turn = 0

    @property
    def is_running(self) -> bool:
        """Whether one is running."""
        return self._process is not None

    async def run(self, request: Request, on_step: Callable[[], None] = lambda: None) -> Outcome | None:
        """Do a dry run.

        Args:
            request: What is to be tried.
            on_step: Is called when `underway` has changed.

        Returns:
            What was found, also when it failed or took too long; None when it was cancelled.
        """
        self.cancel()
        self._turn += 1
        turn, folder = self._turn, self._new_folder()
        request = Request(**{**vars(request), "configuration": copy.deepcopy(dict(request.configuration))})
        process = await self._start(request, folder)
        if turn != self._turn:  # cancelled while it started
            _kill(process)
        else:
            self._process = process
        why = await self._waited(process, on_step)
        if turn != self._turn:
            shutil.rmtree(folder, ignore_errors=True)
            return None
        self._process, self.underway = None, None
        self._keep(request.phase, folder)
        return read_outcome(folder, request.configuration, request.phase, why)

    def cancel(self) -> None:
        """End the dry run that is running; its `run` returns None."""
        self._turn += 1
        if self._process is not None:
            _kill(self._process)
        self._process, self.underway = None, None

    def close(self) -> None:
        """End what is running and remove all files."""
        self.cancel()
        self._folders.clear()
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
        self._root = None

    async def _start(self, request: Request, folder: Path) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            _MODULE,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**os.environ, "PYTHONUNBUFFERED": "1", "MPLBACKEND": "agg"},
            start_new_session=True,
            limit=_LINE,
        )
        assert process.stdin is not None
        with contextlib.suppress(ConnectionError):
            process.stdin.write(request.line(folder))
            await process.stdin.drain()
        return process

    async def _waited(self, process: asyncio.subprocess.Process, on_step: Callable[[], None]) -> str:
        """Wait for the end and return why it came early, in words; empty when it came by itself."""
        try:
            await asyncio.wait_for(self._read(process, on_step), self.limit)
            code = await process.wait()
        except TimeoutError:
            return f"it took longer than {self.limit:g} seconds and was stopped"
        finally:
            _kill(process)
            await process.wait()
            if process.stdin is not None:
                process.stdin.close()
        return "" if code == 0 else _death(code)

    async def _read(self, process: asyncio.subprocess.Process, on_step: Callable[[], None]) -> None:
        assert process.stdout is not None
        async for line in process.stdout:
            with contextlib.suppress(ValueError):
                step = json.loads(line)
                if process is self._process:
                    self.underway = step
                    on_step()

    def _new_folder(self) -> Path:
        if self._root is None:
            self._root = Path(tempfile.mkdtemp(prefix="eisen-dry-run-"))
            weakref.finalize(self, shutil.rmtree, self._root, ignore_errors=True)  # when the server ends as well
        return Path(tempfile.mkdtemp(dir=self._root))

    def _keep(self, phase: str, folder: Path) -> None:
        """Keep the files of the last dry run of a phase, and of no other."""
        old = self._folders.get(phase)
        if old is not None:
            shutil.rmtree(old, ignore_errors=True)
        self._folders[phase] = folder


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()


def _death(code: int) -> str:
    if code == -signal.SIGKILL:
        return "its process was killed, as it is when the memory is full"
    if code < 0:
        return f"its process died of {signal.Signals(-code).name}"
    return f"its process ended with code {code}"
