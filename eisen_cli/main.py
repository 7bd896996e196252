"""The command line of eisen. Commands are imported when they are used, and what they need when they run."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import click

from eisen_cli.exit_codes import explained
from eisen_cli.process import wait_politely
from eisen_cli.ranks import hush, is_main
from eisen_cli.show.screen import Screen

__all__ = ["COMMANDS", "cli", "main"]

COMMANDS = {
    "build": "eisen_cli.commands.build",
    "train": "eisen_cli.train.train",
    "validate": "eisen_cli.commands.evaluate",
    "test": "eisen_cli.commands.evaluate",
    "predict": "eisen_cli.commands.predict",
    "evaluate": "eisen_cli.commands.scoring",
    "calibrate": "eisen_cli.commands.calibrate",
    "review": "eisen_cli.commands.review",
    "generate": "eisen_cli.commands.generate",
    "call": "eisen_cli.commands.call",
    "check": "eisen_cli.commands.check",
    "find-lr": "eisen_cli.commands.finders",
    "find-batch-size": "eisen_cli.commands.finders",
    "data": "eisen_cli.commands.data",
    "cache": "eisen_cli.commands.cache",
    "compare": "eisen_cli.commands.compare",
    "split": "eisen_cli.commands.split",
    "crossval": "eisen_cli.commands.crossval",
    "sweep": "eisen_cli.commands.sweep",
    "metrics": "eisen_cli.commands.metrics",
    "runs": "eisen_cli.commands.runs",
    "board": "eisen_cli.commands.board",
    "pack": "eisen_cli.commands.pack",
    "serve": "eisen_cli.commands.serve",
    "inspect": "eisen_cli.commands.inspect",
    "keys": "eisen_cli.commands.keys",
    "schema": "eisen_cli.commands.schema",
    "modules": "eisen_cli.commands.modules",
    "demo": "eisen_cli.commands.demo",
    "completion": "eisen_cli.commands.completion",
}
"""Every command and the module it lives in, in the order of the help text."""


class _Commands(click.Group):
    """A group that imports a command when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*COMMANDS, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(import_module(COMMANDS[cmd_name]), cmd_name.replace("-", "_"))
        return command

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - a method of click
        with formatter.section("Exit codes"):
            formatter.write(f"{explained()}\n")


def _print_version(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    if value:
        from eisen import __version__

        click.echo(f"eisen {__version__}")
        ctx.exit()


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version.",
)
@click.option("--debug", is_flag=True, help="Show tracebacks of errors.")
@click.pass_context
def cli(ctx: click.Context, debug: bool) -> None:
    """From raw medical scans to a trained and evaluated model.

    Start with 'eisen demo', which needs no data.
    """
    screen = ctx.ensure_object(Screen)
    screen.debug, screen.silent = debug, not is_main()


def main() -> None:
    """Run the command line; the console script ``eisen``."""
    wait_politely()
    hush()
    here = str(Path.cwd())
    if not {"", here} & set(sys.path):
        sys.path.append(here)  # user modules beside the configuration; last, so that they hide nothing
    cli(prog_name="eisen")
