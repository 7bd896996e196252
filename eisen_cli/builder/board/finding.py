"""Listing the runs below some folders, again and again, without reading what has not changed."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any

from eisen.experiments.runs import RunRecord
from eisen_cli.builder.board.following import FollowedJson
from eisen_cli.builder.board.reading import RunReader
from eisen_cli.builder.board.status import PROCESS_FILE, Verdict, judge

__all__ = ["Finder", "RunRow"]

_SIGNS = frozenset({"run.json", "progress.json", PROCESS_FILE})
_NOT_INSIDE = ("models", "summaries", "predictions", "review", "evaluation")
_WALK_EVERY_SECONDS, _LOOK_EVERY_SECONDS = 15.0, 0.8
_DEEPEST = 6


@dataclass(frozen=True)
class RunRow:
    """A run in a list.

    Args:
        folder: The artifact folder.
        name: Its path below the folder that was searched.
        verdict: How it is doing.
        started: When it was started, ISO 8601.
        n_done: How many epochs are complete.
        n_epochs: How many were asked for.
        best: The best value.
        best_of: What that is of.
        seed: The seed.
        eta_seconds: How long it will take.
    """

    folder: Path
    name: str
    verdict: Verdict
    started: str = ""
    n_done: int | None = None
    n_epochs: int | None = None
    best: float | None = None
    best_of: str = ""
    seed: int | None = None
    eta_seconds: float | None = None


class Finder:
    """Finds runs and looks at each of them. Threads take turns, and what was seen a moment ago is not read again.

    Args:
        roots: The folders; each may be a run itself, or have runs inside.

    Example:
        >>> Finder([Path("nowhere")]).rows()
        []
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self.roots = list(roots)
        self._seen: dict[Path, _Glance] = {}
        self._walked_at = -_WALK_EVERY_SECONDS
        self._turn, self._rows, self._looked_at = threading.Lock(), list[RunRow](), -_WALK_EVERY_SECONDS

    def add(self, folder: Path) -> None:
        """List one more run, e.g. because it was just started."""
        if not any(folder == root or folder.is_relative_to(root) for root in self.roots):
            self.roots.append(folder)
        self._walked_at = self._looked_at = -_WALK_EVERY_SECONDS

    def rows(self) -> list[RunRow]:
        """Return all runs, those started last first."""
        with self._turn:
            if monotonic() - self._looked_at >= _LOOK_EVERY_SECONDS:
                self._walk()
                rows = [glance.look() for glance in self._seen.values()]
                self._rows = sorted(rows, key=lambda row: (row.started, row.name), reverse=True)
                self._looked_at = monotonic()
            return self._rows

    def _walk(self) -> None:
        began = monotonic()
        if began - self._walked_at < _WALK_EVERY_SECONDS:
            return
        found = {folder: root for root in list(self.roots) for folder in _runs_below(root)}
        self._seen = {folder: self._seen.get(folder) or _Glance(folder, root) for folder, root in found.items()}
        self._walked_at = monotonic() + 10 * (monotonic() - began)


class _Glance:
    """Looks at three small files of a run, and follows its log while it works."""

    def __init__(self, folder: Path, root: Path) -> None:
        self._folder = folder
        self._name = folder.name if folder == root else folder.relative_to(root).as_posix()
        names = ("progress.json", "run.json", PROCESS_FILE)
        self._progress, self._record, self._started = (FollowedJson(folder / name) for name in names)
        self._changed_at = monotonic()
        self._reader: RunReader | None = None

    def look(self) -> RunRow:
        if self._progress.poll():
            self._changed_at = monotonic()
        self._record.poll()
        self._started.poll()
        record = self._record.content
        silent = monotonic() - self._changed_at
        verdict = judge(self._progress.content, record, self._started.content, self._folder, silent)
        if verdict.status == "running":
            return self._running(verdict)
        self._reader, run = None, RunRecord(self._folder, record)
        best = record.get("best")
        return RunRow(
            self._folder,
            self._name,
            verdict,
            str(record.get("started") or self._started.content.get("started") or ""),
            run.epochs[0] if record else None,
            _int(record.get("epochs")),
            run.best,
            str(best.get("name", "")) if isinstance(best, dict) else "",
            _int(record.get("seed")),
        )

    def _running(self, verdict: Verdict) -> RunRow:
        self._reader = self._reader or RunReader(self._folder)
        self._reader.poll()
        view = self._reader.view
        value = view.best.get("value")
        return RunRow(
            self._folder,
            self._name,
            verdict,
            str(view.record.get("started", "")),
            view.n_done,
            view.n_epochs,
            float(value) if isinstance(value, (int, float)) else None,
            str(view.best.get("name", "")),
            _int(view.record.get("seed")),
            view.eta_seconds,
        )


def _runs_below(root: Path) -> Iterator[Path]:
    for place, inside, files in os.walk(root):
        folder = Path(place)
        is_run = not _SIGNS.isdisjoint(files)
        depth = len(folder.parts) - len(root.parts)
        inside[:] = [
            name for name in inside if name[0] != "." and depth < _DEEPEST and not (is_run and name in _NOT_INSIDE)
        ]
        if is_run:
            yield folder


def _int(value: Any) -> int | None:
    return value if isinstance(value, int) else None
