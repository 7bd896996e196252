"""The cache on the screen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen.storage import CacheEntry
from eisen.storage.cache.place import gigabytes
from eisen_cli.show.progress import shortest
from eisen_cli.show.screen import Screen
from eisen_cli.show.tables import show_rows

if TYPE_CHECKING:
    from eisen.experiments.filling import Filled

__all__ = ["document", "show_cache", "show_filled"]

_SHOWN = 3
_LONGEST_COMMAND = 60
_MOST_FAILED = 5


def show_cache(screen: Screen, entries: Sequence[CacheEntry], root: Path) -> None:
    """Write a line per recipe, and what became of those that are outdated.

    Args:
        screen: Where to write.
        entries: The recipes.
        root: Folder of the cache.
    """
    if not entries:
        screen.line(f"nothing is cached in {root}; CachedDataset with folder=True fills it", style="quiet")
        return
    rows = [_row(entry) for entry in entries]
    show_rows(screen, ("folder", "cases", "size", "used", "data set", "steps", "made by"), rows, right=[1, 2])
    for entry in entries:
        if entry.outdated:
            screen.line(f"{entry.path.name[:8]} is outdated: {_reasons(entry.outdated)}", style="warn")
    total = gigabytes(sum(entry.n_bytes for entry in entries))
    screen.line(f"{sum(entry.n_cases for entry in entries)} cases, {total} in {shortest(root)}", style="quiet")
    if any(entry.outdated for entry in entries):
        screen.line("eisen cache clean --unused", style="quiet")


def document(entry: CacheEntry) -> dict[str, Any]:
    """Return an entry for machines.

    Args:
        entry: The entry.
    """
    used = datetime.fromtimestamp(entry.last_used, UTC).isoformat(timespec="seconds")
    return {**vars(entry), "last_used": used}


def show_filled(screen: Screen, filled: Filled) -> None:
    """Say what the filling of one cache came to.

    Args:
        screen: Where to write.
        filled: What `eisen.experiments.filling.fill` returned.
    """
    for name, why in list(filled.failed.items())[:_MOST_FAILED]:
        screen.line(f"{filled.phase}: {name} cannot be read: {why}", style="bad")
    if len(filled.failed) > _MOST_FAILED:
        screen.line(f"{filled.phase}: and {len(filled.failed) - _MOST_FAILED} more", style="bad")
    n_there = filled.n_cases - len(filled.failed)
    old = f", {filled.n_kept_before} of them from before" if filled.n_kept_before else ""
    words = f"{n_there} of {filled.n_cases} cases{old}, {gigabytes(filled.n_bytes)} in {shortest(filled.folder)}"
    screen.line(f"{filled.phase}: {words}", style="warn" if filled.failed else "good")
    screen.line(f"kept after: {', '.join(filled.steps) or 'reading the list'}", style="quiet")


def _row(entry: CacheEntry) -> list[str]:
    command = entry.command
    short = command if len(command) <= _LONGEST_COMMAND else f"{command[:_LONGEST_COMMAND]}..."
    return [
        entry.path.name[:8],
        str(entry.n_cases),
        gigabytes(entry.n_bytes),
        _ago(time.time() - entry.last_used),
        entry.dataset,
        entry.steps,
        short,
    ]


def _ago(seconds: float) -> str:
    """Return how long ago something was.

    Example:
        >>> _ago(30), _ago(7200), _ago(86400 * 3)
        ('just now', '2 h ago', '3 days ago')
    """
    if seconds < 120:
        return "just now"
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit} ago"
    return "2 min ago"


def _reasons(outdated: Sequence[str]) -> str:
    more = len(outdated) - _SHOWN
    return "; ".join(outdated[:_SHOWN]) + (f"; and {more} more" if more > 0 else "")
