"""A request on its way: what went out, how long the server computes, what comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from eisen_cli.show.screen import Screen

if TYPE_CHECKING:
    from rich.progress import Progress

__all__ = ["Transfer", "size"]


def size(n: int) -> str:
    """Return a number of bytes as people say it.

    Example:
        >>> size(812), size(1_250_000), size(3_000_000_000)
        ('812 B', '1.2 MB', '3.0 GB')
    """
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if n >= factor:
            return f"{n / factor:.1f} {unit}"
    return f"{n} B"


class Transfer:
    """Shows requests on their way; nothing where nobody watches. Use it as a context manager.

    Args:
        screen: Where to write.

    Example:
        >>> with Transfer(Screen(terminal=False)) as transfer:
        ...     transfer.begin("scan.nii.gz")
        ...     transfer("sending", 10, 100)
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._bar: Progress | None = None
        self._task: Any = None
        self._name = ""

    def __enter__(self) -> Self:
        if self._screen.is_terminal():
            self._bar = _bar(self._screen)
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, name: str) -> None:
        """Start with another file."""
        self._name = name
        if self._bar is not None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._task = self._bar.add_task(f"sending {name}", total=None, amount="")

    def __call__(self, what: str, done: int, total: int | None) -> None:
        """Move the bar.

        Args:
            what: What goes on.
            done: How many bytes are through.
            total: Of how many; None: not known.
        """
        if self._bar is None:
            return
        if what == "sending" and done == total:  # all of it is out: now the model computes
            self._bar.update(self._task, description=f"predicting {self._name}", total=None, amount=size(done))
            return
        amount = size(done) + (f" of {size(total)}" if total else "")
        self._bar.update(
            self._task, description=f"{what} {self._name}", completed=done, total=total or None, amount=amount
        )


def _bar(screen: Screen) -> Progress:
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("{task.description}", style="accent"),
        BarColumn(bar_width=None, style="grey30", complete_style="accent", finished_style="good", pulse_style="accent"),
        TextColumn("{task.fields[amount]}", style="quiet"),
        TimeElapsedColumn(),
        console=screen.console(),
        transient=True,
        expand=True,
    )
