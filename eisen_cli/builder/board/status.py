"""How a run is doing, judged by the files it leaves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from eisen_cli.builder.board.alive import ProcessMark

__all__ = ["PROCESS_FILE", "Status", "Verdict", "command_of", "judge"]

PROCESS_FILE = "process.json"
"""What the page has started in an artifact folder, and how to find it again."""

Status = Literal["none", "waiting", "running", "complete", "interrupted", "failed", "dead"]
_ENDS = ("complete", "interrupted", "failed")
_SILENT_SECONDS = 600.0


@dataclass(frozen=True)
class Verdict:
    """How a run is doing.

    Args:
        status: ``"none"`` where no run was ever started, ``"waiting"`` while a started one has not begun,
            ``"dead"`` when its process is gone without an end.
        words: What else there is to say, one sentence.
        task: The command that works in the folder now, e.g. ``"train"`` or ``"review"``; empty when none does.
        process: The process that works, or did.
    """

    status: Status
    words: str = ""
    task: str = ""
    process: ProcessMark | None = None

    @property
    def is_busy(self) -> bool:
        """Whether something works in the folder, so that nothing else may be started there."""
        return bool(self.task)


def judge(
    progress: Mapping[str, Any],
    record: Mapping[str, Any],
    started: Mapping[str, Any],
    folder: Path,
    silent_seconds: float = 0.0,
) -> Verdict:
    """Return how a run is doing.

    Args:
        progress: ``progress.json``.
        record: ``run.json``.
        started: ``process.json``.
        folder: The artifact folder.
        silent_seconds: For how long ``progress.json`` has not changed.
    """
    ours = ProcessMark.read(started)
    is_newer = ours is not None and _is_older(progress, ours)
    command = str(started.get("command", "train"))
    if ours is not None and is_newer and ours.is_alive:
        if command == "train":
            return Verdict("waiting", "the process has started and is getting ready", command, ours)
        return Verdict(_ended(record, folder), "", command, ours)
    if ours is not None and is_newer and _has_failed(started, record, ours):
        return Verdict("failed", _could_not_start(started), "", ours)
    return _by_progress(progress, record, folder, silent_seconds)


def _by_progress(
    progress: Mapping[str, Any], record: Mapping[str, Any], folder: Path, silent_seconds: float
) -> Verdict:
    mark, said = ProcessMark.read(progress), str(progress.get("status", ""))
    command = command_of(progress)
    if said != "running" or mark is None:
        if command == "train" and said in _ENDS:
            return Verdict(said, _error(said, record), "", mark)  # type: ignore[arg-type]
        status = _ended(record, folder)
        return Verdict(status, _error(status, record), "train" if status == "running" else "", mark)
    alive = mark.is_alive
    if alive is None:
        alive = silent_seconds < _SILENT_SECONDS
    if command != "train":
        return Verdict(_ended(record, folder), "", command if alive else "", mark)
    if alive:
        words = "" if mark.is_here else f"on {mark.host}"
        if silent_seconds > 60:
            words = f"no sign of life for {silent_seconds / 60:.0f} min {words}".rstrip()
        return Verdict("running", words, command, mark)
    where = "its process is gone" if mark.is_here else f"no sign of life from {mark.host} for a long time"
    return Verdict("dead", f"{where}; Resume goes on from the last checkpoint", "", mark)


def command_of(progress: Mapping[str, Any]) -> str:
    """Return the command that wrote ``progress.json``, one word.

    Example:
        >>> command_of({"command": "eisen train config.json"}), command_of({})
        ('train', 'train')
    """
    words = [word for word in str(progress.get("command", "")).split() if word != "eisen"]
    return words[0] if words else "train"


def _ended(record: Mapping[str, Any], folder: Path) -> Status:
    """Return what ``run.json`` says; where nothing else is known, that is the only witness."""
    if not record:
        return "none"
    from eisen.experiments.runs import RunRecord

    status = RunRecord(folder, record).status.rstrip("?")
    return status if status in (*_ENDS, "running", "dead") else "none"  # type: ignore[return-value]


def _error(status: str, record: Mapping[str, Any]) -> str:
    return str(record.get("error", "")) if status == "failed" else ""


def _has_failed(started: Mapping[str, Any], record: Mapping[str, Any], ours: ProcessMark) -> bool:
    """Tell whether a training that is over has never begun."""
    is_training = started.get("command", "train") == "train"
    has_begun = _time(record.get("started")) >= ours.started - 1
    return is_training and not has_begun and started.get("exit_code") != 0 and ours.is_here


def _could_not_start(started: Mapping[str, Any]) -> str:
    code = started.get("exit_code")
    how = f" with exit code {code}" if isinstance(code, int) else ""
    return f"the training ended{how} before its first epoch; its output says why"


def _is_older(progress: Mapping[str, Any], ours: ProcessMark) -> bool:
    """Tell whether the progress was written before a process began; one that it has started itself began later."""
    wrote = ProcessMark.read(progress)
    return wrote is None or (not wrote.is_same(ours) and wrote.started < ours.started)


def _time(text: Any) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return 0.0
