"""Finding the runs below a folder."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal

from eisen._core.errors import ArgumentError, MissingFileError
from eisen.experiments.runs.record import RunRecord, is_record

__all__ = ["ORDERS", "Order", "find_runs", "sorted_runs"]

_OF_A_RUN = ("models", "summaries", "predictions")
"""Folders inside of an artifact folder in which there are no runs."""

Order = Literal["started", "best", "name", "seed"]
ORDERS: tuple[Order, ...] = ("started", "best", "name", "seed")


def find_runs(folder: str | Path = ".") -> Iterator[RunRecord]:
    """Yield every run in a folder and below, by name; whatever is no run is passed over.

    A ``run.json`` that is no JSON any more is yielded without facts, so that nobody misses it.

    Args:
        folder: Where to look. Hidden folders and links to folders are left out.

    Raises:
        MissingFileError: If there is no such folder.

    Example:
        >>> import tempfile
        >>> list(find_runs(tempfile.mkdtemp()))
        []
    """
    root = Path(folder)
    if not root.is_dir():
        raise MissingFileError(f"there is no folder {root}", to_do="name a folder with runs in it", file=str(root))
    for place, inside, files in os.walk(root):
        is_run = "run.json" in files
        inside[:] = sorted(name for name in inside if name[0] != "." and not (is_run and name in _OF_A_RUN))
        record = _record(Path(place)) if is_run else None
        if record is not None:
            yield record


def sorted_runs(runs: Iterable[RunRecord], by: Order = "started") -> list[RunRecord]:
    """Return runs in order: the oldest first, the best first, or by name or seed.

    Runs that were judged by different things cannot be compared; each kind comes for itself.

    Args:
        runs: The runs.
        by: ``"started"``, ``"best"``, ``"name"`` or ``"seed"``.

    Raises:
        ArgumentError: If `by` is something else.

    Example:
        >>> runs = [RunRecord(Path(name), {"best": {"value": v}}) for name, v in (("a", 0.1), ("b", 0.9), ("c", None))]
        >>> [run.name for run in sorted_runs(runs, "best")]
        ['b', 'a', 'c']
    """
    if by not in ORDERS:
        raise ArgumentError(f"by is {by!r}", expected=f"one of {', '.join(ORDERS)}")
    return sorted(runs, key=lambda run: (_goodness(run) if by == "best" else _place(run, by), str(run.folder)))


def _place(run: RunRecord, by: Order) -> tuple[bool, str, float]:
    if by == "seed":
        seed = run.facts.get("seed")
        return seed is None, "", float(seed or 0)
    return False, str(run.facts.get("started", "")) if by == "started" else "", 0.0


def _goodness(run: RunRecord) -> tuple[bool, str, float]:
    best = run.facts.get("best") or {}
    name = str(best.get("name", "")) if isinstance(best, dict) else ""
    value = run.best
    signed = 0.0 if value is None else -value if run.larger_is_better else value
    return value is None, name, signed


def _record(folder: Path) -> RunRecord | None:
    try:
        content = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    except ValueError:
        return RunRecord(folder, {"status": "unreadable"})
    except OSError:
        return None
    return RunRecord(folder, content) if is_record(content) else None
