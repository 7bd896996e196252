"""``eisen train``: train what a configuration describes, validating after every epoch."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from eisen._core.errors import EisenError
from eisen_cli import options
from eisen_cli.failures import EisenCommand, report
from eisen_cli.ranks import LAUNCHED, is_main
from eisen_cli.show.screen import Screen

__all__ = ["SUPPORTED_PHASES", "eisen_training", "train"]

SUPPORTED_PHASES = ["Training", "Validation"]
"""The phases that training runs, in this order in every epoch."""

_PAGE = "eisen_cli.train.page"


def _remember_page(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    ctx.meta[_PAGE] = value


class _TrainCommand(EisenCommand):
    """Lets ``--resume`` stand alone as well as with a value, wherever it is typed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        spelled = []
        for i, arg in enumerate(args):
            alone = arg == "--resume" and not _is_boolean(args[i + 1 : i + 2])
            spelled.append("--resume=true" if alone else arg)
        return super().parse_args(ctx, spelled)

    def invoke(self, ctx: click.Context) -> object:
        """Train; with ``--page`` beside a server for the page, which several processes share."""
        if not ctx.meta.get(_PAGE) or LAUNCHED in os.environ or not is_main():
            return super().invoke(ctx)
        from eisen_cli.builder.board.page_server import PageServer

        screen = ctx.ensure_object(Screen)
        try:
            server = PageServer(screen, ctx.params["artifact_dir"], ctx.params["data_dir"])
            server.start()
        except EisenError as error:
            ctx.exit(report(screen, error))
        with server:
            return super().invoke(ctx)


def _is_boolean(words: list[str]) -> bool:
    """Tell whether the next word is the value of the option rather than the next argument."""
    return bool(words) and words[0].lower() in ("1", "0", "true", "false", "yes", "no", "on", "off", "t", "f", "y", "n")


@click.command(cls=_TrainCommand, short_help="Train a model.")
@options.config_argument
@click.argument("epochs", type=click.IntRange(min=1), required=False)
@options.data_dir_option
@options.artifact_dir_option
@click.option(
    "--resume",
    type=bool,
    default=False,
    metavar="[BOOLEAN]",
    help="Continue from the checkpoint in the artifact folder.",
)
@click.option(
    "--force", is_flag=True, help="Continue although configuration, data or code have changed since the checkpoint."
)
@click.option(
    "--page",
    is_flag=True,
    expose_value=False,
    callback=_remember_page,
    help="Show the run in the browser; on a terminal the page stays until Ctrl-C.",
)
@options.devices_option
@options.set_option
@options.seed_option
@options.talk_options
@click.pass_obj
def train(
    screen: Screen,
    configuration: Path,
    epochs: int | None,
    data_dir: Path,
    artifact_dir: Path,
    resume: bool,
    force: bool,
    overrides: tuple[str, ...],
    seed: int | None,
) -> None:
    """Train what CONFIGURATION describes for EPOCHS epochs.

    Without EPOCHS the configuration decides with .Epochs, and 10 is the last word. Ctrl-C ends the run after the
    current batch and leaves a checkpoint that --resume continues from.
    """
    from eisen_cli.session import finish, open_run

    places = (configuration, data_dir, artifact_dir)
    with open_run(screen, *places, overrides, seed, epochs, resume=resume, force=force) as run:
        result = run.train()
    finish(screen, result)


def eisen_training(
    configuration: str | Path, epochs: int, data_dir: str | Path, artifacts_dir: str | Path, resume: Any
) -> None:
    """Train what a configuration describes, as scripts for the original command line did.

    Args:
        configuration: Path of the configuration.
        epochs: How many epochs.
        data_dir: Folder of the data.
        artifacts_dir: Folder for the results; it is made when it is absent.
        resume: Continue from the checkpoint in that folder.

    Raises:
        ConfigError: If the configuration is wrong.
        DataError: If the data cannot be used.
    """
    from eisen_cli.session import open_run

    with open_run(Screen(), configuration, data_dir, artifacts_dir, epochs=epochs, resume=bool(resume)) as run:
        run.train()
