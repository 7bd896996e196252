"""What the finders found: a table with bars, and the line to copy."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from eisen_cli.show.screen import Screen
from eisen_cli.show.tables import duration, show_rows

if TYPE_CHECKING:
    from rich.progress import Progress

    from eisen.experiments.finders import RateFinding, SizeFinding, SizeTrial

__all__ = ["StepsProgress", "drawn", "show_rates", "show_sizes"]

_ROWS, _BAR = 16, 30


class StepsProgress:
    """A bar for the steps of a finder; nothing where nobody watches.

    Args:
        screen: Where to draw.
        what: What is looked for.
    """

    def __init__(self, screen: Screen, what: str) -> None:
        self._screen, self._what = screen, what
        self._bar: Progress | None = None
        self._task: Any = None

    def __enter__(self) -> Self:
        if self._screen.is_terminal():
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            columns = (
                TextColumn("{task.description}", style="accent"),
                BarColumn(bar_width=None),
                MofNCompleteColumn(),
            )
            self._bar = Progress(*columns, console=self._screen.console(), transient=True, expand=True)
            self._bar.start()
            self._task = self._bar.add_task(self._what, total=None)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: int, total: int) -> None:
        """Move the bar."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done, total=total)

    def at_size(self, size: int) -> None:
        """Say which batch size is tried."""
        if self._bar is not None:
            self._bar.update(self._task, description=f"{self._what} {size}")


def show_rates(screen: Screen, finding: RateFinding) -> None:
    """Write the curve of the range test, and what to do with it.

    Args:
        screen: Where to write.
        finding: What `eisen.experiments.finders.find_lr` returned.
    """
    low, high = min(finding.smoothed), finding.smoothed[0]
    high = max(high, *finding.smoothed[: finding.smoothed.index(low) + 1])
    rows = []
    for place in _shown(finding):
        rate, loss = finding.rates[place], finding.smoothed[place]
        marks = [words for words, at in (("steepest", finding.steepest), ("lowest", finding.lowest)) if at == rate]
        rows.append((f"{rate:.1e}", f"{loss:.4g}", _bar((loss - low) / ((high - low) or 1.0)), ", ".join(marks)))
    show_rows(screen, ("learning rate", "loss", "", ""), rows, right=[0, 1])
    if finding.diverged_at is not None:
        screen.line(f"with {finding.diverged_at:.1e} the loss explodes", style="quiet")
    screen.line()
    if finding.suggestion is None:
        screen.line("The loss did not fall with any of these rates.", style="warn")
        screen.line("Try more --steps, a wider range from --min to --max, or look at the data with 'eisen check'.")
        return
    screen.line(f"suggestion: {finding.suggestion:g}, where the loss falls fastest", style="good")
    screen.line(f"the other rule, a tenth of where it is lowest: {finding.tenth_of_lowest:g}", style="quiet")
    screen.line(f"  --set {finding.setting}")


def show_sizes(screen: Screen, finding: SizeFinding) -> None:
    """Write speed and memory of the batch sizes, and what to do with them.

    Args:
        screen: Where to write.
        finding: What `eisen.experiments.finders.find_batch_size` returned.
    """
    fastest = max((trial.cases_per_second or 0.0 for trial in finding.trials), default=0.0) or 1.0
    rows = [
        (
            str(trial.size),
            "" if not trial.seconds else _time(trial.seconds),
            "" if trial.cases_per_second is None else f"{trial.cases_per_second:.3g}",
            _memory(trial),
            _bar((trial.cases_per_second or 0.0) / fastest),
            "" if trial.fits else "does not fit",
        )
        for trial in finding.trials
    ]
    show_rows(screen, ("batch size", "step", "cases/s", "memory", "", ""), rows, right=[0, 1, 2, 3])
    screen.line()
    why = " (there are no more training cases)" if finding.largest == finding.n_cases else ""
    why = why or (" (as far as --max goes)" if finding.largest == finding.maximum else "")
    memory = f" of {finding.limit_bytes / 1e9:.3g} GB" if finding.limit_bytes else ""
    screen.line(f"largest that fits: {finding.largest}{why}; memory{memory} on {finding.device}")
    screen.line(f"suggestion: {finding.fastest}, the smallest that is as fast as the fastest", style="good")
    screen.line(f"  --set {finding.setting}")


def drawn(screen: Screen, output: Path | None, draw: Callable[[Path], None]) -> None:
    """Draw a picture where one was asked for, and say where it is.

    Args:
        screen: Where to write.
        output: The file; None draws nothing.
        draw: Draws it.
    """
    if output is not None:
        draw(output)
        screen.line(f"picture: {output}", style="quiet")


def _shown(finding: RateFinding) -> list[int]:
    """Return the places of the curve to show: evenly spread, and those that are spoken of."""
    n = len(finding.rates)
    spread = {round(k * (n - 1) / (_ROWS - 1)) for k in range(_ROWS)}
    named = {finding.rates.index(rate) for rate in (finding.steepest, finding.lowest) if rate is not None}
    return sorted(spread | named)


def _bar(share: float) -> str:
    return "█" * round(_BAR * min(max(share, 0.0), 1.0))


def _time(seconds: float) -> str:
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else duration(seconds)


def _memory(trial: SizeTrial) -> str:
    if trial.peak_bytes is None:
        return ""
    return f"{'about ' if trial.is_forecast else ''}{trial.peak_bytes / 1e9:.3g} GB"
