"""Error cards: what was wrong, where, what was expected, what to do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eisen._core.errors import Card, ConfigError, EisenError, Problem
from eisen_cli.exit_codes import ExitCode
from eisen_cli.show.screen import Screen

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

__all__ = ["show_config_error", "show_error", "show_repairs"]

_ORDER = ("case", "file", "config", "step", "field", "shapes", "process", "expected", "to do")


def show_error(screen: Screen, error: EisenError, code: ExitCode) -> None:
    """Show an error as a card: a panel on a terminal, plain text elsewhere.

    Args:
        screen: Where to write; cards go to stderr.
        error: The error.
        code: What the command will exit with; it names the kind of error.
    """
    if isinstance(error, ConfigError):
        show_config_error(screen, error)
    elif screen.is_terminal(error=True):
        _show_panel(screen, error.card, code)
    else:
        screen.line(f"error: {error}", error=True)


def show_config_error(screen: Screen, error: ConfigError) -> None:
    """Show all problems of a configuration: place, what, expected, and on a terminal the line of the file.

    Args:
        screen: Where to write; problems go to stderr.
        error: The error with its problems.
    """
    if not screen.is_terminal(error=True):
        for problem in error.problems:
            screen.line(str(problem), error=True)
        screen.line(f"error: {_count(error.problems)}", error=True)
        return
    for problem in error.problems:
        _show_problem(screen, problem)
    screen.line(f"{_count(error.problems)}; nothing was run", style="bad", error=True)


def show_repairs(screen: Screen, repairs: Sequence[str]) -> None:
    """Say, one line each, what was understood differently from what the configuration says.

    Args:
        screen: Where to write.
        repairs: The lines of `Experiment.repairs`.
    """
    for repair in repairs:
        screen.line(f"understood: {repair}", style="warn")


def _count(problems: Sequence[Problem]) -> str:
    return f"{len(problems)} problem{'s' if len(problems) != 1 else ''} in the configuration"


def _show_panel(screen: Screen, card: Card, code: ExitCode) -> None:
    from rich import box
    from rich.console import Group
    from rich.panel import Panel
    from rich.text import Text

    body = Group(Text(card.what, style="bold"), Text(), _rows(card))
    title = Text(code.meaning, style="bad")
    screen.draw(
        Panel(body, title=title, title_align="left", border_style="bad", box=box.ROUNDED, padding=(1, 2)), error=True
    )
    if card.reproduce:  # below the panel and in one piece, so that it can be copied
        screen.line("see it again with", style="quiet", error=True)
        screen.line(f"  {card.reproduce}", style="accent", error=True)


def _rows(card: Card) -> Table:
    from rich.table import Table
    from rich.text import Text

    rows = dict(card.rows())
    grid = Table.grid(padding=(0, 2))
    grid.add_column(justify="right", style="quiet", no_wrap=True)
    grid.add_column(overflow="fold")
    for name in _ORDER:
        if name in rows:
            grid.add_row(name, Text(rows[name], style="good" if name == "to do" else ""))
    return grid


def _show_problem(screen: Screen, problem: Problem) -> None:
    from rich.text import Text

    place = Text(f"{problem.file}:{problem.line}:{problem.column} " if problem.line else "", style="quiet")
    screen.draw(place.append(problem.where, style="accent"), error=True)
    screen.draw(Text(f"  {problem.what}", style="bold"), error=True)
    if source := _source_line(problem):
        screen.draw(_caret(problem, source, screen.console(error=True).width), error=True)
    if problem.expected:
        screen.draw(Text(f"  {problem.expected}", style="good"), error=True)
    screen.line(error=True)


def _source_line(problem: Problem) -> str:
    """Return the line of the file that a problem is in, or nothing if it cannot be shown."""
    if not problem.line:
        return ""
    try:
        return Path(problem.file).read_text(encoding="utf-8").splitlines()[problem.line - 1]
    except (OSError, ValueError, IndexError):
        return ""


def _caret(problem: Problem, source: str, width: int) -> Text:
    """Return the line with a caret under the word, cut left and right so that it fits."""
    from rich.text import Text

    margin = f"  {problem.line} │ "
    start, word = problem.column - 1, _word(source, problem.column - 1)
    room = max(width - len(margin) - 2, 20)
    left = max(min(start - room // 3, len(source) - room), len(source) - len(source.lstrip()), 0)
    shown = f"{'…' if source[:left].strip() else ''}{source[left : left + room].rstrip()}"
    caret = max(start - left + (1 if shown.startswith("…") else 0), 0)
    shown += "…" if source[left + room :].strip() else ""
    text = Text(margin, style="quiet", no_wrap=True).append(shown, style="")
    text.append(f"\n{' ' * (len(margin) - 2)}│ ", style="quiet")
    return text.append(" " * caret + "^" * min(len(word), max(room - caret, 1)), style="bad")


def _word(source: str, start: int) -> str:
    """Return the JSON word that begins at a position: a text with its quotes, a number, or one bracket."""
    match = re.match(r'"(?:[^"\\]|\\.)*"|[\w.+-]+|.', source[start:])
    return match.group() if match else " "
