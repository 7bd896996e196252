"""Starting and stopping what works in an artifact folder; it lives on when page, browser and server are gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from eisen._core.atomic import atomic_write
from eisen._core.errors import ArgumentError, ArtifactError
from eisen.experiments.artifacts import Artifacts, make_folder
from eisen_cli.builder.board.alive import ProcessMark, mark_of
from eisen_cli.builder.board.commands import Order
from eisen_cli.builder.board.following import FollowedJson
from eisen_cli.builder.board.status import PROCESS_FILE, Verdict, judge

__all__ = ["OUTPUT_FILE", "STOP_FILE", "Processes", "verdict_of"]

OUTPUT_FILE = "output.log"
"""What the processes started by the page wrote on stdout and stderr."""

STOP_FILE = "stop"
"""A running training ends after its batch when it finds this file."""

_LARGEST_OUTPUT = 4 * 2**20


class Processes:
    """Starts commands in sessions of their own and waits for them in the background, so that none becomes a zombie.

    Args:
        cwd: The folder they run in, where modules of the user are found; default is the present one.
    """

    def __init__(self, cwd: Path | None = None) -> None:
        self._cwd = cwd or Path.cwd()
        self._lock = threading.Lock()
        self._children: dict[Path, subprocess.Popen[bytes]] = {}

    def start(self, order: Order) -> ProcessMark:
        """Start a command.

        Args:
            order: What to run and where.

        Raises:
            ArgumentError: If something works in that folder already.
            ArtifactError: If nothing can be written there.
        """
        folder = order.artifact_dir
        with self._lock:
            make_folder(folder)
            _demand_free(folder)
            (folder / STOP_FILE).unlink(missing_ok=True)
            child = self._spawn(order)
            mark = mark_of(child.pid) or ProcessMark(child.pid, "", 0.0)
            facts = {**mark.facts(), **order.facts(), "started": datetime.now(UTC).isoformat(timespec="seconds")}
            _write(folder, facts)
            self._children[folder] = child
        threading.Thread(target=self._wait, args=(child, folder, facts), daemon=True).start()
        return mark

    def stop(self, folder: Path, *, at_once: bool = False) -> str:
        """Ask what works in a folder to stop after its batch, as Ctrl-C does; return in words what was done.

        Args:
            folder: The artifact folder.
            at_once: Ask a second time: the process ends in the middle of its batch, with the checkpoint it has.

        Raises:
            ArgumentError: If nothing works there.
            ArtifactError: If it is on another machine and nothing can be written there.
        """
        verdict = verdict_of(folder)
        if not verdict.is_busy:
            raise ArgumentError(f"nothing works in {folder}", expected="a running training", to_do="look at its status")
        mark = verdict.process
        if mark is not None and mark.is_alive:
            number = signal.SIGTERM if verdict.status == "waiting" else signal.SIGINT
            try:
                os.kill(mark.pid, number)
            except ProcessLookupError:
                return "it has just ended"
            except PermissionError:
                pass
            else:
                return "it stops now" if at_once else "it stops after this batch"
        _ask_by_file(folder)
        return "it stops when it has found the file 'stop'"

    def wait(self, folder: Path, timeout: float) -> int | None:
        """Wait for what was started here in a folder; return its exit code, None when it still works."""
        child = self._children.get(folder)
        try:
            return None if child is None else child.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def _spawn(self, order: Order) -> subprocess.Popen[bytes]:
        path = order.artifact_dir / OUTPUT_FILE
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "120"}
        try:
            is_long = path.exists() and path.stat().st_size > _LARGEST_OUTPUT
            with path.open("wb" if is_long else "ab") as output:
                output.write(f"\n$ {order.text}\n".encode())
                output.flush()
                return subprocess.Popen(  # noqa: S603 - our own command line, never through a shell
                    order.argv,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    cwd=self._cwd,
                    env=environment,
                    start_new_session=True,
                )
        except OSError as error:
            raise ArtifactError(f"the command cannot be started: {error}", file=str(path)) from error

    def _wait(self, child: subprocess.Popen[bytes], folder: Path, facts: Mapping[str, Any]) -> None:
        """Wait for a child and note how it ended, unless another one has been started there since."""
        code = child.wait()
        with self._lock:
            if self._children.get(folder) is not child:
                return
            try:
                _write(folder, {**facts, "exit_code": code})
            except ArtifactError:  # the folder was removed, or the disk is full; the run's own files say how it ended
                return


def verdict_of(folder: Path) -> Verdict:
    """Return how the run in a folder is doing now.

    Args:
        folder: The artifact folder.

    Example:
        >>> verdict_of(Path("nowhere")).status
        'none'
    """
    artifacts = Artifacts(folder)
    progress, record, started = (
        FollowedJson(path) for path in (folder / "progress.json", artifacts.run_json, folder / PROCESS_FILE)
    )
    for file in (progress, record, started):
        file.poll()
    return judge(progress.content, record.content, started.content, folder)


def _demand_free(folder: Path) -> None:
    verdict = verdict_of(folder)
    if verdict.is_busy:
        where = f" on {verdict.process.host}" if verdict.process and not verdict.process.is_here else ""
        raise ArgumentError(
            f"'eisen {verdict.task}' works in {folder} already{where}",
            expected="a folder in which nothing else works",
            to_do="stop it or wait for its end, or choose another artifact folder",
        )


def _ask_by_file(folder: Path) -> None:
    try:
        (folder / STOP_FILE).touch()
    except OSError as error:
        raise ArtifactError(f"the file {folder / STOP_FILE} cannot be made: {error}", file=str(folder)) from error


def _write(folder: Path, facts: Mapping[str, Any]) -> None:
    with atomic_write(folder / PROCESS_FILE, "w") as file:
        json.dump({"format": 1, **facts}, file, indent=1)
