"""What the doctor found in a data set: the worst first, then what the labels and images are like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from eisen_cli.show.bar import Bar
from eisen_cli.show.screen import Screen
from eisen_cli.show.tables import duration, show_rows

if TYPE_CHECKING:
    from rich.text import Text

    from eisen.datasets.doctor import DataReport, Finding, Severity

__all__ = ["DataProgress", "show_data"]

_STYLES = {"error": "bad", "warning": "warn", "note": "quiet"}
_SHOWN = {"error": 5, "warning": 3, "note": 1}
_MOST_LABELS = 20


class DataProgress(Bar):
    """A bar for the headers and one for the voxels; nothing where nobody watches."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Move the bar of what is being read."""
        self.move(what, done, total)


def show_data(screen: Screen, report: DataReport, *, strict: bool = False) -> None:
    """Write a report for people.

    Args:
        screen: Where to write.
        report: What `eisen.datasets.doctor.check_data` returned.
        strict: Whether warnings count as errors.
    """
    screen.line(report.source, style="title")
    screen.line(_head(report), style="quiet")
    for severity, code, found in report.grouped():
        screen.line()
        _show_kind(screen, severity, code, found)
    screen.line()
    _show_tables(screen, report)
    fit = report.fit_for_training(strict=strict)
    words = "nothing speaks against training" if fit else "training should not go on"
    screen.line(f"{_counts(report)}: {words}", style="good" if fit else "bad")


def _head(report: DataReport) -> str:
    phases = ", ".join(f"{count} {phase}" for phase, count in report.phases.items() if phase)
    cases = phases or f"{report.n_cases} case{'s' if report.n_cases != 1 else ''}"
    how = "" if report.voxels_read else ", headers only"
    return f"{report.layout}: {cases}; {duration(report.seconds)}{how}"


def _counts(report: DataReport) -> str:
    from eisen.datasets.doctor import Severity

    counts = {severity.value: report.count(severity) for severity in Severity}
    parts = [f"{count} {name}{'s' if count != 1 else ''}" for name, count in counts.items() if count]
    return ", ".join(parts) or "no findings"


def _show_kind(screen: Screen, severity: Severity, code: str, found: Sequence[Finding]) -> None:
    """Write the findings of one kind: the first few, how many more, and what to do."""
    from eisen.datasets.doctor import KINDS

    style, shown = _STYLES[severity.value], _SHOWN[severity.value]
    times = f" ({len(found)} times)" if len(found) > 1 else ""
    if screen.is_terminal():
        from rich.text import Text

        head = Text().append(f"{severity.value:<9}", style=style).append(KINDS[code].meaning, style="bold")
        screen.draw(head.append(f"{times}  {code}", style="quiet"))
    else:
        screen.line(f"{severity.value}: {KINDS[code].meaning}{times} [{code}]")
    for words in _sentences(found[:shown]):
        _indented(screen, words)
    if len(found) > shown:
        _indented(screen, f"and {len(found) - shown} more", style="quiet")
    _indented(screen, f"to do: {found[0].to_do}", style="good")


def _sentences(found: Sequence[Finding]) -> Iterator[str | Text]:
    """Yield one line per finding: which case, which field, what."""
    for entry in found:
        about = " ".join(filter(None, [entry.case, entry.field if entry.field != "image" else ""]))
        if not about and entry.file:
            about = entry.file
        repeats = bool(entry.case) and entry.what.startswith(entry.case)
        yield entry.what if repeats or not about else f"{about}: {entry.what}"


def _indented(screen: Screen, words: str | Text, style: str = "") -> None:
    """Write a sentence below its heading; on a terminal it is wrapped there."""
    if not screen.is_terminal():
        screen.line(f"  {words}")
        return
    from rich.padding import Padding
    from rich.text import Text

    screen.draw(Padding(words if isinstance(words, Text) else Text(words, style=style), (0, 0, 0, 9)))


def _show_tables(screen: Screen, report: DataReport) -> None:
    if report.labels:
        rows = [
            [row.field, str(row.value), row.name, str(row.n_cases), f"{row.volume} {row.unit}" if row.volume else ""]
            for row in report.labels[:_MOST_LABELS]
        ]
        show_rows(screen, ["label", "value", "name", "cases", "median (smallest … largest)"], rows, right=[1, 3])
        if len(report.labels) > _MOST_LABELS:
            screen.line(f"and {len(report.labels) - _MOST_LABELS} more label values", style="quiet")
        screen.line()
    rows = []
    for field in report.fields:
        shape, spacing = (" × ".join(f"{s.median:.4g}" for s in spreads) for spreads in (field.shape, field.spacing_mm))
        span = f"{field.low.median:.4g} to {field.high.median:.4g}" if field.low and field.high else ""
        rows.append([field.field, str(field.n_cases), ", ".join(field.dtypes), shape, spacing, span])
    show_rows(screen, ["field", "cases", "type", "median size", "voxel mm", "intensities"], rows, right=[1])
    screen.line()
