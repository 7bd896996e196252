"""What a run shows while it works: a bar per epoch, the table of results, and where everything went."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from eisen.experiments import EpochRow, Observer, RunResult
from eisen_cli.show.screen import Screen
from eisen_cli.show.tables import ResultTable, duration, number, text_columns

if TYPE_CHECKING:
    from rich.progress import Progress, Task
    from rich.text import Text

__all__ = ["RunDisplay", "shortest", "show_result"]

_REDRAW_SECONDS = 0.1


class RunDisplay(Observer):
    """Shows a run on a screen. Use it as a context manager, so that the bar goes away at the end.

    Args:
        screen: Where to write.

    Example:
        >>> with RunDisplay(Screen(terminal=False)) as display:
        ...     display.on_message("starting at epoch 3")
        starting at epoch 3
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._bar: Progress | None = None
        self._task: Any = None
        self._table = ResultTable(screen, width=screen.console().width if screen.is_terminal() else 80)
        self._redrawn = 0.0
        self._best = False

    def __enter__(self) -> RunDisplay:
        if self._screen.is_terminal():
            self._bar = _progress(self._screen)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def on_phase_start(self, phase: str, epoch: int, n_batches: int) -> None:
        """Start a new bar."""
        if self._bar is None:
            return
        if self._task is not None:
            self._bar.remove_task(self._task)
        text = f"epoch {epoch + 1} {phase}" if phase in ("Training", "Validation") else phase
        self._task = self._bar.add_task(text, total=n_batches)

    def on_batch(self, done: int, n_batches: int) -> None:
        """Move the bar, ten times a second at most."""
        now = monotonic()
        if self._bar is not None and (now - self._redrawn > _REDRAW_SECONDS or done == n_batches):
            self._redrawn = now
            self._bar.update(self._task, completed=done)

    def on_epoch(self, epoch: int, n_epochs: int, rows: Sequence[EpochRow]) -> None:
        """Add the epoch to the table."""
        self._table.add(epoch, n_epochs, rows, best=self._best)
        self._best = False

    def on_artifact(self, path: Path, what: str) -> None:  # noqa: ARG002 - a method of Observer
        """Remember that this epoch has the best model so far."""
        self._best = self._best or what == "best model"

    def on_message(self, text: str) -> None:
        """Write the line."""
        self._screen.line(text, style="quiet")


def show_result(screen: Screen, result: RunResult) -> None:
    """Write the best values of a run, how long it took, and where everything was written.

    Args:
        screen: Where to write.
        result: What `eisen.experiments.Run` returned.
    """
    screen.line()
    if result.best:
        screen.line(_best_sentence(result), style="good")
    epochs = f"{result.n_epochs} epoch{'s' if result.n_epochs != 1 else ''} in " if result.n_epochs else ""
    screen.line(f"{'interrupted' if result.interrupted else 'done'}: {epochs}{duration(result.seconds)}")
    for line in text_columns([["", what, shortest(path)] for path, what in result.artifacts]):
        screen.line(line)


def _best_sentence(result: RunResult) -> str:
    best = dict(result.best)
    value = best.get("value")
    text = number(float(value)) if isinstance(value, (int, float)) else str(value)
    epoch = best.get("epoch")
    when = f" in epoch {epoch + 1}" if isinstance(epoch, int) else ""
    return f"best {best.get('name', 'value')} {text} ({best.get('phase', 'run')}{when})"


def shortest(path: str | Path) -> str:
    """Return a path as one would type it from here.

    Args:
        path: The path.
    """
    path = Path(path)
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _progress(screen: Screen) -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
    from rich.text import Text

    class Rate(ProgressColumn):
        """Batches per second since the phase began."""

        def render(self, task: Task) -> Text:
            rate = task.completed / task.elapsed if task.elapsed and task.completed else None
            return Text(f"{rate:.1f}/s" if rate else "–/s", style="quiet")

    return Progress(
        TextColumn("{task.description}", style="accent"),
        BarColumn(bar_width=None, style="grey30", complete_style="accent", finished_style="good"),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(compact=True),
        console=screen.console(),
        transient=True,
        expand=True,
    )
