"""What the making of a store shows, and what is in one."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from eisen.storage import StoreObserver
from eisen_cli.show.bar import Bar
from eisen_cli.show.progress import shortest
from eisen_cli.show.screen import Screen
from eisen_cli.show.tables import duration, show_rows

if TYPE_CHECKING:
    from eisen.experiments.storing import CasesToStore
    from eisen.storage import FieldSummary, StoreSummary

__all__ = ["CreationDisplay", "VerifyDisplay", "show_plan", "show_store", "size_text"]

_MOST_CASES = 5
_MOST_NAMES = 4


class CreationDisplay(Bar, StoreObserver):
    """Shows how far the making of a store is.

    Args:
        screen: Where to write.

    Example:
        >>> with CreationDisplay(Screen(terminal=False)) as display:
        ...     display.on_message("going on from case 12")
        going on from case 12
    """

    def __init__(self, screen: Screen) -> None:
        super().__init__(screen)
        self.n_reused, self._n_cases, self._started = 0, 0, monotonic()
        self._end: tuple[Path, int] | None = None

    def on_start(self, n_cases: int) -> None:
        """Draw the bar."""
        self._n_cases = n_cases
        self.move("cases", 0, n_cases)

    def on_case(self, name: str, done: int, n_cases: int, reused: bool) -> None:
        """Move the bar."""
        del name
        self.n_reused += reused
        self.move("cases", done, n_cases)

    def on_end(self, path: Path, n_bytes: int) -> None:
        """Remember where the store is."""
        self._end = path, n_bytes

    def on_message(self, text: str) -> None:
        """Write the line."""
        self.screen.line(text, style="quiet")

    def show_end(self, configuration: Path) -> None:
        """Say what was written, and how to look at it.

        Args:
            configuration: Where the cases came from.
        """
        del configuration
        if self._end is None:
            return
        path, n_bytes = self._end
        again = f", {self.n_reused} of them from the run before" if self.n_reused else ""
        seconds = monotonic() - self._started
        words = f"{_count(self._n_cases, 'case')}{again}, {size_text(n_bytes)} in {duration(seconds)}"
        self.screen.line(f"{shortest(path)}  {words}", style="good")
        self.screen.line(f"eisen data info {shortest(path)}", style="quiet")


class VerifyDisplay(Bar):
    """Shows how many digests were computed."""

    def __call__(self, done: int, total: int) -> None:
        """Move the bar."""
        self.move("digests", done, total)


def show_plan(screen: Screen, cases: CasesToStore) -> None:
    """Say which cases will be stored, and what is left for later.

    Args:
        screen: Where to write.
        cases: What `eisen.experiments.storing.cases_to_store` returned.
    """
    screen.line(f"{_count(len(cases.dataset), 'case')} of {' and '.join(cases.phases)}", style="title")
    screen.line(f"stored after: {', '.join(['the readers', *cases.kept])}", style="quiet")
    for phase, names in cases.left_out.items():
        if names:
            screen.line(f"left out, for {phase} to do: {', '.join(names)}", style="quiet")


def show_store(screen: Screen, summary: StoreSummary, *, all_cases: bool = False) -> None:
    """Write what is in a store.

    Args:
        screen: Where to write.
        summary: What `eisen.storage.summarise_store` returned.
        all_cases: Whether to list every case.
    """
    screen.line(shortest(summary.path), style="title")
    screen.line(_head(summary), style="quiet")
    screen.line()
    rows = [_row(entry, len(summary.cases)) for entry in summary.fields]
    rows = rows if summary.pixels else [[*row[:5], "", *row[6:]] for row in rows]
    show_rows(screen, ["field", "holds", "channels", "type", "size", "form", "on disk", "geometry"], rows, right=[6])
    screen.line()
    shown = summary.cases if all_cases else summary.cases[:_MOST_CASES]
    more = len(summary.cases) - len(shown)
    screen.line(f"cases: {', '.join(shown)}{f' and {more} more (--cases)' if more else ''}", style="quiet")
    if summary.config_digest:
        screen.line(f"configuration: {summary.config_digest[:12]}", style="quiet")
    _show_verdict(screen, summary)


def _head(summary: StoreSummary) -> str:
    kind = f"store of eisen {summary.version}" if summary.layout == "eisen" else "file of pymia"
    extra = [] if summary.pixels else ["metadata only: the pixels are in their files"]
    extra += ["anonymous"] if summary.anonymous else []
    return ", ".join([kind, _count(len(summary.cases), "case"), size_text(summary.n_bytes), *extra])


def _row(entry: FieldSummary, n_cases: int) -> list[str]:
    names = ", ".join(entry.entries[:_MOST_NAMES]) + (", …" if len(entry.entries) > _MOST_NAMES else "")
    placed = "" if entry.kind != "array" else "every case" if entry.n_geometry == n_cases else f"{entry.n_geometry}"
    size = " × ".join(_range(low, high) for low, high in zip(entry.smallest, entry.largest, strict=True))
    disk = size_text(entry.n_bytes) if entry.n_bytes else ""
    return [entry.name, entry.kind, names, entry.dtype, size, entry.form, disk, placed]


def _range(low: int, high: int) -> str:
    return str(low) if low == high else f"{low}…{high}"


def _show_verdict(screen: Screen, summary: StoreSummary) -> None:
    if summary.verified is None:
        return
    for about in summary.changed:
        screen.line(f"source file changed or gone: {about}", style="warn")
    for about in summary.damaged:
        screen.line(f"damaged: {about}", style="bad")
    if not summary.damaged:
        words = f"all {summary.verified} arrays are what was written" if summary.verified else "no pixels to verify"
        screen.line(words, style="good")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'s' if number != 1 else ''}"


def size_text(n_bytes: int) -> str:
    """Return a number of bytes as people say it.

    Example:
        >>> size_text(512), size_text(5_700_000), size_text(12_300_000_000)
        ('512 B', '5.7 MB', '12.3 GB')
    """
    if n_bytes < 1000:
        return f"{n_bytes} B"
    value, unit = float(n_bytes), "B"
    for unit in ("kB", "MB", "GB", "TB"):  # noqa: B007 - the last one is what counts
        value /= 1000
        if value < 1000:
            break
    return f"{value:.1f} {unit}"
