"""A bar that moves, with the time that is left."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from eisen_cli.show.screen import Screen

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Bar"]


class Bar:
    """A bar with the time that is left; nothing where nobody watches. Use it as a context manager.

    Args:
        screen: Where to write.

    Example:
        >>> with Bar(Screen(terminal=False)) as bar:
        ...     bar.move("cases", 1, 4)
    """

    def __init__(self, screen: Screen) -> None:
        self.screen = screen
        self._bar: Progress | None = None
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Self:
        if self.screen.is_terminal():
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

            self._bar = Progress(
                TextColumn("{task.description}", style="accent"),
                BarColumn(bar_width=None, style="grey30", complete_style="accent", finished_style="good"),
                MofNCompleteColumn(),
                TimeRemainingColumn(compact=True),
                console=self.screen.console(),
                transient=True,
                expand=True,
            )
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def move(self, what: str, done: int, total: int) -> None:
        """Move the bar; each thing that is counted has its own.

        Args:
            what: What is counted, e.g. ``"cases"``.
            done: How many of them are done.
            total: How many there are.
        """
        if self._bar is None:
            return
        if what not in self._tasks:
            self._tasks[what] = self._bar.add_task(what, total=total)
        self._bar.update(self._tasks[what], completed=done, total=total)
