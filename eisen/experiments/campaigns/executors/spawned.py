"""A task in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter

from eisen._core.atomic import artifact_error, atomic_write
from eisen._core.errors import EisenError
from eisen.experiments.artifacts import make_folder
from eisen.experiments.campaigns.child import OUTCOME_FILE, TASK_FILE
from eisen.experiments.campaigns.task import Task, TaskOutcome

__all__ = ["Spawned", "child_environment"]

LOG_FILE = "output.log"
_KEPT_BYTES = str(2**30)


class Spawned:
    """A process that does one task; what it prints goes to ``output.log`` in the folder of the task.

    It belongs to no terminal, so Ctrl-C does not reach it: `stop` asks it to end after its batch.

    Args:
        task: What to do.
        environment: Its environment, from `child_environment`.

    Raises:
        ArtifactError: If its folder cannot be written.
    """

    def __init__(self, task: Task, environment: Mapping[str, str]) -> None:
        self.task = task
        self._started = perf_counter()
        make_folder(task.root)
        (task.root / OUTCOME_FILE).unlink(missing_ok=True)
        with atomic_write(task.root / TASK_FILE, "w") as file:
            json.dump(task.facts(), file, indent=2)
        command = [sys.executable, "-m", "eisen.experiments.campaigns.child", str(task.root / TASK_FILE)]
        try:
            log = (task.root / LOG_FILE).open("ab")
        except OSError as error:
            raise artifact_error(error, task.root / LOG_FILE) from error
        with log:
            self._process = subprocess.Popen(  # noqa: S603 - our own module
                command,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
            )

    def outcome(self) -> TaskOutcome | None:
        """Return how the task ended; None while it runs."""
        code = self._process.poll()
        if code is None:
            return None
        self.stop()
        with suppress(OSError, EisenError):
            return TaskOutcome.read(self.task.root / OUTCOME_FILE)
        return self._died(code)

    def stop(self) -> None:
        """Ask the process to end after the batch that is being computed."""
        if self._process.stdin is not None:
            with suppress(OSError):
                self._process.stdin.close()

    def kill(self) -> None:
        """End the process at once; its last checkpoint stays usable."""
        self.stop()
        if self._process.poll() is None:
            with suppress(OSError):  # with its readers, which are in the same session
                os.killpg(self._process.pid, signal.SIGKILL) if hasattr(os, "killpg") else self._process.kill()
        self._process.wait()

    def _died(self, code: int) -> TaskOutcome:
        """Return the outcome of a process that could not write one."""
        name = f"signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"exit code {code}"
        log = self.task.root / LOG_FILE
        memory = "; that is what the system does when memory runs out" if code == -signal.SIGKILL else ""
        error = {
            "type": "TrainingError",
            "what": f"the process of {self.task.name} ended without a word, with {name}{memory}",
            "file": str(log),
            "expected": _last_line(log) or "an outcome",
            "to_do": "look into the log; the same command continues it, with fewer --jobs if memory ran out",
        }
        seconds = perf_counter() - self._started
        return TaskOutcome(self.task.name, self.task.folder, "failed", seconds, error=error)


def child_environment(n_threads: int, device: str | None = None, paths: Sequence[str] = ()) -> dict[str, str]:
    """Return the environment of a process that does a task.

    Args:
        n_threads: Threads it may compute with, unless the user has set ``OMP_NUM_THREADS``.
        device: Number of the GPU it shall see; None leaves all as they are.
        paths: Folders that modules are looked for in, besides those of this process.

    Example:
        >>> child_environment(2, "1")["CUDA_VISIBLE_DEVICES"]
        '1'
    """
    environment = dict(os.environ)
    environment.setdefault("OMP_NUM_THREADS", str(max(1, n_threads)))
    folders = [str(Path(entry or ".").absolute()) for entry in (*sys.path, *paths)]
    environment["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(folders))
    environment["PYTHONUNBUFFERED"] = "1"
    if not any(name.startswith("MALLOC_") for name in environment):  # keep memory between steps, as the command does
        environment |= {"MALLOC_TRIM_THRESHOLD_": _KEPT_BYTES, "MALLOC_MMAP_THRESHOLD_": _KEPT_BYTES}
    if device is not None:
        environment["CUDA_VISIBLE_DEVICES"] = device
    return environment


def _last_line(log: Path) -> str:
    with suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f"last line of the log: {lines[-1][:200]}" if lines else ""
    return ""
