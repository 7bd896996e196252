"""``eisen check``: a dry run that shows every field after every step."""

from __future__ import annotations

from pathlib import Path

import click

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["check"]


@click.command(cls=EisenCommand, short_help="Dry run: build everything, push one batch through.")
@options.config_argument
@options.data_dir_option
@click.option(
    "--phase",
    type=click.Choice(["Training", "Validation", "Testing", "Prediction"], case_sensitive=False),
    help="Phase to check.  [default: the first one of the configuration]",
)
@click.option("--case", help="Number of a case from 0, or a part of its name.  [default: the first one]")
@click.option(
    "--epoch", type=click.IntRange(min=0), default=0, show_default=True, help="Epoch whose random numbers are used."
)
@options.set_option
@options.seed_option
@options.talk_options
@click.pass_obj
def check(
    screen: Screen,
    configuration: Path,
    data_dir: Path,
    phase: str | None,
    case: str | None,
    epoch: int,
    overrides: tuple[str, ...],
    seed: int | None,
) -> None:
    """Build everything CONFIGURATION describes and push one batch through; write nothing.

    Shows the shape, type and range of every field after every step, then losses and metrics.
    """
    from eisen_cli.session import open_experiment

    experiment = open_experiment(screen, configuration, overrides, seed)

    from eisen import experiments
    from eisen_cli.show.report import show_check

    number = int(case) if case is not None and case.isdecimal() else case
    report = experiments.check(experiment, data_dir, phase, number, epoch)
    show_check(screen, report, experiment.models[0].name)
    screen.result({"status": "ok", "report": report})
