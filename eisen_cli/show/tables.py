"""Tables: of losses and metrics while a run goes on, and of plain rows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from eisen_cli.show.screen import Screen

if TYPE_CHECKING:
    from eisen.experiments import EpochRow

__all__ = ["ResultTable", "duration", "number", "show_rows", "text_columns"]

_WIDEST_TITLE = 14


def number(value: float) -> str:
    """Return a loss or metric in few characters, decimal points one under the other.

    Example:
        >>> number(0.87349), number(12345.6), number(float("nan"))
        ('0.8735', '1.235e+04', 'nan')
    """
    return f"{value:.4f}" if not math.isfinite(value) or abs(value) < 1000 else f"{value:.3e}"


def duration(seconds: float) -> str:
    """Return a duration as people say it.

    Example:
        >>> duration(0.81), duration(42.3), duration(95), duration(3725)
        ('0.8 s', '42 s', '1:35 min', '1:02 h')
    """
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if not minutes:
        return f"{rest} s"
    return f"{minutes}:{rest:02} min" if minutes < 60 else f"{minutes // 60}:{minutes % 60:02} h"


def text_columns(rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> Iterator[str]:
    r"""Yield rows as lines with aligned columns.

    Args:
        rows: The cells; rows may have different lengths.
        right: Numbers of the columns that are aligned to the right.

    Example:
        >>> print("\n".join(text_columns([("image", "1"), ("label", "12")], right=[1])))
        image   1
        label  12
    """
    widths = [max(len(cell) for cell in column) for column in zip_longest(*rows, fillvalue="")]
    for row in rows:
        cells = [
            cell.rjust(w) if i in right else cell.ljust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=False))
        ]
        yield "  ".join(cells).rstrip()


def show_rows(
    screen: Screen, titles: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()
) -> None:
    """Write a table with a head line.

    Args:
        screen: Where to write.
        titles: The head line.
        rows: The cells.
        right: Numbers of the columns that are aligned to the right.
    """
    if not screen.is_terminal():
        for line in text_columns([titles, *rows], right=right):
            screen.line(line)
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, header_style="accent", border_style="quiet", pad_edge=False, show_edge=False)
    for i, title in enumerate(titles):
        table.add_column(title, justify="right" if i in right else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    screen.draw(table)


class ResultTable:
    """The one table of a run: a row of losses and metrics per epoch and phase.

    On a terminal the columns are aligned below a head line; the classes of a metric follow it as far as they fit.
    Elsewhere every row is a line that explains itself.

    Args:
        screen: Where to write.
        width: Characters in a line.

    Example:
        >>> from eisen.experiments import EpochRow
        >>> table = ResultTable(Screen(terminal=False), width=80)
        >>> table.add(0, 3, [EpochRow("Training", 0, {"loss": 0.5}, {"dice": 0.25}, seconds=2.0)])
        epoch 1/3  Training    loss 0.5000  dice 0.2500  2.0 s
    """

    def __init__(self, screen: Screen, width: int) -> None:
        self._screen = screen
        self._width = width
        self._names: list[str] = []

    def add(self, epoch: int, n_epochs: int, rows: Sequence[EpochRow], *, best: bool = False) -> None:
        """Write the rows of one epoch.

        Args:
            epoch: Number of the epoch, from 0.
            n_epochs: How many there will be.
            rows: One row per phase.
            best: Whether the model of this epoch is the best so far.
        """
        counter = f"{epoch + 1:>{len(str(n_epochs))}}/{n_epochs}"
        if all(row.phase != "Training" for row in rows):
            counter = ""  # one pass with a trained model is no epoch
        if not self._screen.is_terminal():
            for i, row in enumerate(rows):
                self._screen.line(_sentence(counter, row, best and i == len(rows) - 1))
            return
        known = list(dict.fromkeys(name for row in rows for name in (*row.losses, *row.metrics)))
        names = self._fitting(known, len(counter))
        if names != self._names:
            self._names = names
            self._head(len(counter), [name for name in known if name not in names])
        for i, row in enumerate(rows):
            self._row(counter if i == 0 else "", len(counter), row, best and i == len(rows) - 1)

    def _fitting(self, names: list[str], counter: int) -> list[str]:
        """Keep what fits into a line; classes leave first, from the right."""
        kept = sorted(names, key=lambda name: "[" in name)
        while len(kept) > 1 and counter + 30 + sum(_column(name) + 2 for name in kept) > self._width:
            kept.pop()
        return [name for name in names if name in kept]

    def _head(self, counter: int, left_out: list[str]) -> None:
        titles = "".join(f"  {_title(name):>{_column(name)}}" for name in self._names)
        line = f"{'epoch':<{max(counter, 5)}}  {'phase':<10}{titles}  {'time':>8}"
        self._screen.line()
        if left_out:
            self._screen.line(f"too wide for this table, see log.jsonl: {', '.join(left_out)}", style="quiet")
        self._screen.line(line, style="accent")
        self._screen.line("─" * min(self._width, len(line) + 6), style="quiet")

    def _row(self, counter: str, width: int, row: EpochRow, best: bool) -> None:
        from rich.text import Text

        values = {**row.losses, **row.metrics}
        cells = (number(values[name]) if name in values else "–" for name in self._names)
        numbers = "".join(f"  {cell:>{_column(name)}}" for name, cell in zip(self._names, cells, strict=True))
        line = Text().append(f"{counter:<{max(width, 5)}}  ", style="quiet")
        line.append(f"{row.phase:<10}{numbers}", style="" if row.phase == "Training" else "bold")
        line.append(f"  {duration(row.seconds):>8}", style="quiet")
        if best:
            line.append("  best", style="good")
        self._screen.draw(line)


def _title(name: str) -> str:
    """Return the head of a column; a class is named without its metric."""
    title = name.partition("[")[2].rstrip("]") or name
    return title if len(title) <= _WIDEST_TITLE else f"{title[: _WIDEST_TITLE - 1]}…"


def _column(name: str) -> int:
    return max(len(_title(name)), 7)


def _sentence(counter: str, row: EpochRow, best: bool) -> str:
    values = "  ".join(f"{name} {number(value)}" for name, value in {**row.losses, **row.metrics}.items())
    when = f"epoch {counter}  " if counter else ""
    return f"{when}{row.phase:<10}  {values}  {duration(row.seconds)}{'  best' if best else ''}"
