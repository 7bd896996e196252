"""A process that does one task: ``python -m eisen.experiments.campaigns.child TASK.json``.

Its standard input says how long it is wanted: when that is closed, on purpose or because the process that started it
is gone, the run stops after its batch and leaves a checkpoint.
"""

from __future__ import annotations

import _thread
import json
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from eisen.experiments.campaigns.task import Task, TaskOutcome
from eisen.experiments.observer import Observer
from eisen.experiments.records import EpochRow

__all__ = ["EXIT_CODES", "OUTCOME_FILE", "TASK_FILE", "main"]

TASK_FILE, OUTCOME_FILE = "task.json", "outcome.json"
EXIT_CODES = {"complete": 0, "failed": 1, "interrupted": 130}


class Lines(Observer):
    """Writes what a run says as lines; they end up in the log file of the task.

    Example:
        >>> Lines().on_message("continuing after epoch 3")
        continuing after epoch 3
    """

    def on_epoch(self, epoch: int, n_epochs: int, rows: Sequence[EpochRow]) -> None:
        """Write one line per phase."""
        for row in rows:
            values = "  ".join(f"{name} {value:.4g}" for name, value in {**row.losses, **row.metrics}.items())
            self._say(f"epoch {epoch + 1}/{n_epochs}  {row.phase:<10}  {values}  {row.seconds:.1f} s")

    def on_message(self, text: str) -> None:
        """Write the line."""
        self._say(text)

    def _say(self, text: str) -> None:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Do the task that a file describes, and write its outcome beside it; return the exit code.

    Args:
        arguments: Path of the file; default is the command line.
    """
    path = Path((sys.argv[1:] if arguments is None else arguments)[0])
    threading.Thread(target=_stop_when_unwanted, daemon=True).start()
    task = Task.from_facts(json.loads(path.read_text(encoding="utf-8")))
    try:
        from eisen.experiments.campaigns.work import attempt

        outcome = attempt(task, Lines())
    except KeyboardInterrupt:  # before the run took over
        outcome = TaskOutcome(task.name, task.folder, "interrupted")
    outcome.write(path.with_name(OUTCOME_FILE))
    if outcome.error:
        Lines().on_message("\n".join(f"{name}: {text}" for name, text in outcome.error.items()))
    return EXIT_CODES[outcome.status]


def _stop_when_unwanted() -> None:
    while os.read(0, 4096):  # not sys.stdin, whose lock would be held when Python ends
        pass
    _thread.interrupt_main()


if __name__ == "__main__":
    sys.exit(main())
