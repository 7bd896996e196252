"""From whatever ended a command to a card on the screen and an exit code."""

from __future__ import annotations

import errno
import logging
import shlex
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from eisen._core.errors import ConfigError, EisenError
from eisen_cli.exit_codes import ExitCode, exit_code_of
from eisen_cli.options import DEVICES
from eisen_cli.ranks import as_told, speaks_for, with_process
from eisen_cli.show.screen import Screen

__all__ = ["EisenCommand", "report"]


class EisenCommand(click.Command):
    """A command whose errors are cards and exit codes, never tracebacks unless ``--debug`` asks for them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.help:  # docstrings are raw text, while click looks for the character to leave a paragraph as it is
            self.help = self.help.replace("\\b\n", "\b\n")

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; on an error show its card and exit with its code."""
        try:
            with _warnings_as_lines(ctx.ensure_object(Screen)), _cache_as_lines(ctx.ensure_object(Screen)):
                if ctx.meta.get(DEVICES) is not None:
                    _spread(ctx)
                return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except (Exception, KeyboardInterrupt) as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise
            ctx.exit(report(ctx.ensure_object(Screen), error))


def _spread(ctx: click.Context) -> None:
    """Run the command in as many processes as ``--devices`` says, and exit with their code; in each, do nothing."""
    from eisen_cli.devices import run_on_devices

    code = run_on_devices(ctx.meta[DEVICES])
    if code is not None:
        ctx.exit(code)


@contextmanager
def _warnings_as_lines(screen: Screen) -> Iterator[None]:
    """Show a warning as one line, and also those about old names and parameters, which Python would hide."""

    def show(message: Warning | str, *_: object, **__: object) -> None:
        screen.line(f"note: {' '.join(str(message).split())}", style="warn")

    with warnings.catch_warnings():
        warnings.filterwarnings("default", category=DeprecationWarning, module=r"eisen(\.|_cli|$)")
        warnings.showwarning = show
        yield


class _Lines(logging.Handler):
    """Writes what is logged as lines on the screen."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(logging.INFO)
        self._screen = screen

    def emit(self, record: logging.LogRecord) -> None:
        style = "warn" if record.levelno >= logging.WARNING else "quiet"
        self._screen.line(f"cache: {record.getMessage()}", style=style)


@contextmanager
def _cache_as_lines(screen: Screen) -> Iterator[None]:
    """Show what the cache of cases says: how much room it needs, how long it takes, why a case is computed again."""
    log, lines = logging.getLogger("eisen.cache"), _Lines(screen)
    level = log.level
    log.addHandler(lines)
    log.setLevel(logging.INFO)
    try:
        yield
    finally:
        log.removeHandler(lines)
        log.setLevel(level)


def report(screen: Screen, error: BaseException) -> ExitCode:
    """Show what ended a command and return the exit code for it.

    Args:
        screen: Where to write.
        error: What was raised.
    """
    code = exit_code_of(error)
    if not speaks_for(error):
        return code
    error, screen.silent = as_told(error), False
    shown = with_process(error if isinstance(error, EisenError) else _unexpected(error))
    if screen.debug:
        traceback.print_exception(error, file=sys.stderr)
    if code is ExitCode.INTERRUPTED:
        screen.line("stopped by Ctrl-C", style="warn", error=True)
    else:
        from eisen_cli.show.cards import show_error

        show_error(screen, shown, code)
    screen.result(_document(error, code))
    return code


def _unexpected(error: BaseException) -> EisenError:
    """Return the card of an error that nobody foresaw."""
    frame = traceback.extract_tb(error.__traceback__)[-1:]
    return EisenError(
        f"{type(error).__name__}: {error}".rstrip(": "),
        file="".join(f"{entry.filename}:{entry.lineno}" for entry in frame),
        to_do="run again with --debug to see where it comes from",
        reproduce=f"{_typed()} --debug",
    )


def _typed() -> str:
    """Return the command line as it was typed."""
    return shlex.join(["eisen", *sys.argv[1:]])


def _document(error: BaseException, code: ExitCode) -> dict[str, object]:
    """Return the error for machines."""
    document: dict[str, object] = {"status": "failed", "exit_code": int(code)}
    if isinstance(error, EisenError):
        document["error"] = {"type": type(error).__name__, **{k: v for k, v in vars(error.card).items() if v}}
    else:
        document["error"] = {"type": type(error).__name__, "what": str(error)}
    if isinstance(error, ConfigError):
        document["problems"] = error.problems
    return document
