"""The screen of one command: where people read, and where machines read."""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

__all__ = ["PALETTE", "Screen", "plain"]

PALETTE = {
    "accent": "sky_blue2",
    "good": "dark_sea_green3",
    "warn": "khaki3",
    "bad": "indian_red1",
    "quiet": "grey58",
    "title": "bold",
}
"""The colours of every screen, by what they mean."""

_BAR = {"progress.download": PALETTE["quiet"], "progress.remaining": PALETTE["quiet"]}


@dataclass
class Screen:
    """Writes for people and, with ``--json``, for machines.

    People read on stdout; with ``--json`` stdout holds one JSON document and nothing else, and people read on
    stderr. Errors always go to stderr. rich is used on a terminal only; elsewhere come plain lines.

    Args:
        json: Whether stdout belongs to a machine.
        debug: Whether errors end in a traceback.
        terminal: Whether to draw for a terminal; default is to look.
        silent: Whether only errors are shown, as in all but one of several processes.
        by_line: Whether machines read one document per line, as from a server.

    Example:
        >>> Screen(terminal=False).line("3 cases", style="good")
        3 cases
    """

    json: bool = False
    debug: bool = False
    terminal: bool | None = None
    silent: bool = False
    by_line: bool = False
    _consoles: dict[bool, Console] = field(default_factory=dict, init=False, repr=False)

    def is_terminal(self, *, error: bool = False) -> bool:
        """Tell whether people read on a terminal that can draw.

        Args:
            error: Ask for stderr.
        """
        if self.silent and not error:
            return False
        if self.terminal is not None:
            return self.terminal
        return self._stream(error).isatty() and os.environ.get("TERM") != "dumb"

    def console(self, *, error: bool = False) -> Console:
        """Return the rich console with the palette; always the same one, so that bars and lines do not collide.

        Args:
            error: The one of stderr.
        """
        if error not in self._consoles:
            from rich.console import Console
            from rich.theme import Theme

            stream = self._stream(error)
            terminal = self.terminal or None
            self._consoles[error] = Console(
                file=stream, theme=Theme(PALETTE | _BAR), highlight=False, force_terminal=terminal
            )
        return self._consoles[error]

    def line(self, text: str = "", *, style: str = "", error: bool = False) -> None:
        """Write one line.

        Args:
            text: The line; brackets in it are just brackets.
            style: A name of `PALETTE`, used on a terminal.
            error: Write to stderr.
        """
        if self.silent and not error:
            return
        if self.is_terminal(error=error):
            self.console(error=error).print(text, style=style or None, markup=False, soft_wrap=True)
        else:
            stream = self._stream(error)
            stream.write(f"{text}\n")
            stream.flush()

    def draw(self, drawing: RenderableType, *, error: bool = False) -> None:
        """Draw something of rich; only for terminals."""
        if self.silent and not error:
            return
        self.console(error=error).print(drawing)

    def _stream(self, error: bool) -> TextIO:
        return sys.stderr if error or self.json else sys.stdout

    def result(self, document: Any) -> None:
        """Write the JSON document of the command to stdout, when ``--json`` was asked for."""
        if self.json and not self.silent:
            sys.stdout.write(json.dumps(plain(document), indent=None if self.by_line else 2, allow_nan=False) + "\n")
            sys.stdout.flush()


def plain(value: Any) -> Any:
    """Return a value as JSON knows it: records become objects, paths text, numbers that are none null.

    Example:
        >>> plain({"dice": float("nan"), "shape": (1, 2)})
        {'dice': None, 'shape': [1, 2]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {entry.name: plain(getattr(value, entry.name)) for entry in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
