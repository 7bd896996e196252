"""Following the artifact folder of a run, cheaply: where nothing has changed, a few looks at the clock of its files."""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path
from time import monotonic
from typing import Any

from eisen.experiments.artifacts import Artifacts
from eisen_cli.builder.board.following import FollowedJson, FollowedLines
from eisen_cli.builder.board.passes import Passes, events_of
from eisen_cli.builder.board.processes import OUTPUT_FILE
from eisen_cli.builder.board.status import PROCESS_FILE, Verdict, command_of, judge
from eisen_cli.builder.board.view import RunView

__all__ = ["RunReader"]

_OUTPUT_BYTES = 64 * 2**10
_OUTPUT_LINES, _LOG_LINES = 600, 2000
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class RunReader:
    """Reads a run again and again; not to be used by two threads at once.

    Args:
        folder: The artifact folder; it may not exist yet, and may be on another machine.

    Example:
        >>> reader = RunReader(Path("nowhere"))
        >>> reader.poll(), reader.view.status
        (False, 'none')
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.view = RunView(folder)
        artifacts = Artifacts(folder)
        self._progress, self._record = FollowedJson(folder / "progress.json"), FollowedJson(artifacts.run_json)
        self._started = FollowedJson(folder / PROCESS_FILE)
        self._log, self._history = FollowedLines(artifacts.log), FollowedLines(artifacts.history)
        self._output = FollowedLines(folder / OUTPUT_FILE, last=_OUTPUT_BYTES)
        self._passes = Passes()
        self._events: deque[dict[str, Any]] = deque(maxlen=_LOG_LINES)
        self._lines: deque[str] = deque(maxlen=_OUTPUT_LINES)
        self._curves, self._restarts = self._passes.curves(), 0
        self._changed_at = monotonic()

    def poll(self) -> bool:
        """Look for what is new; return whether `view` is another one now."""
        has_progress = self._progress.poll()
        if has_progress:
            self._changed_at = monotonic()
        changed = [has_progress, self._record.poll(), self._started.poll()]
        changed += [self._poll_epochs(), self._poll_output()]
        verdict = self._verdict()
        if not any(changed) and verdict == self.view.verdict:
            return False
        self.view = self._look(verdict)
        return True

    def _poll_epochs(self) -> bool:
        before = self._log.restarts, self._history.restarts
        log, history = list(events_of(self._log.poll())), list(events_of(self._history.poll()))
        if self._log.restarts != before[0]:
            self._restarts += 1
            self._passes = Passes()
            self._events.clear()
        elif self._history.restarts != before[1]:
            self._passes.forget_history()
        self._passes.take(log)
        self._passes.take_history(history)
        self._events.extend(log)
        if log or history:
            self._curves = self._passes.curves()
        return bool(log or history)

    def _poll_output(self) -> bool:
        restarts, lines = self._output.restarts, self._output.poll()
        if self._output.restarts != restarts:
            self._lines.clear()
        self._lines.extend(_COLOURS.sub("", line.rpartition("\r")[2] or line.rstrip("\r")) for line in lines)
        return bool(lines)

    def _verdict(self) -> Verdict:
        silent = monotonic() - self._changed_at
        return judge(self._progress.content, self._record.content, self._started.content, self.folder, silent)

    def _look(self, verdict: Verdict) -> RunView:
        progress = self._progress.content
        is_of_training = command_of(progress) == "train" and verdict.status != "waiting"
        return RunView(
            self.folder,
            verdict,
            self._record.content,
            progress if is_of_training else {},
            self._curves,
            self._passes.n_done,
            self._passes.n_epochs,
            self._passes.best_epoch,
            tuple(self._events),
            tuple(self._lines),
            self.view.number + 1,
            self._passes.began + 1000 * self._restarts,
        )
