"""``eisen find-lr`` and ``eisen find-batch-size``: settings found by a few training steps."""

from __future__ import annotations

from pathlib import Path

import click

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["find_batch_size", "find_lr"]

_PICTURE = click.Path(dir_okay=False, path_type=Path)


@click.command("find-lr", cls=EisenCommand, short_help="Find a learning rate.")
@options.config_argument
@options.data_dir_option
@click.option("--min", "low", type=float, default=1e-7, show_default=True, help="First learning rate.")
@click.option("--max", "high", type=float, default=10.0, show_default=True, help="Last learning rate.")
@click.option("--steps", type=click.IntRange(min=10), default=100, show_default=True, help="Training steps.")
@click.option("--optimizer", metavar="NAME", help="Which optimizer, when there are several.  [default: all alike]")
@click.option("-o", "--output", type=_PICTURE, help="Draw the curve into this PNG file.")
@options.set_option
@options.seed_option
@options.talk_options
@click.pass_obj
def find_lr(
    screen: Screen,
    configuration: Path,
    data_dir: Path,
    low: float,
    high: float,
    steps: int,
    optimizer: str | None,
    output: Path | None,
    overrides: tuple[str, ...],
    seed: int | None,
) -> None:
    r"""Train a few steps of CONFIGURATION with a growing learning rate, and say which one to begin with.

    The range test of Smith (2017): the loss falls fastest with a good learning rate, and explodes when it is too large.
    No weights and no files are changed.

    \b
      eisen find-lr config.json --data_dir data -o lr.png
    """
    from eisen_cli.session import open_experiment

    experiment = open_experiment(screen, configuration, overrides, seed)

    from eisen.experiments import finders
    from eisen_cli.show.finders import StepsProgress, drawn, show_rates

    with StepsProgress(screen, "learning rate") as progress:
        finding = finders.find_lr(
            experiment, data_dir, low=low, high=high, n_steps=steps, optimizer=optimizer, progress=progress
        )
    show_rates(screen, finding)
    drawn(screen, output, lambda path: finders.plot_rates(finding, path))
    facts = {"suggestion": finding.suggestion, "tenth_of_lowest": finding.tenth_of_lowest, "setting": finding.setting}
    screen.result({"status": "ok", **facts, "finding": finding})


@click.command("find-batch-size", cls=EisenCommand, short_help="Find the largest and the fastest batch size.")
@options.config_argument
@options.data_dir_option
@click.option(
    "--max", "maximum", type=click.IntRange(min=1), default=256, show_default=True, help="Largest size to try."
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=30.0,
    show_default=True,
    help="On a CPU, compute instead of measuring sizes that take longer.",
)
@click.option("-o", "--output", type=_PICTURE, help="Draw speed and memory into this PNG file.")
@options.set_option
@options.seed_option
@options.talk_options
@click.pass_obj
def find_batch_size(
    screen: Screen,
    configuration: Path,
    data_dir: Path,
    maximum: int,
    seconds: float,
    output: Path | None,
    overrides: tuple[str, ...],
    seed: int | None,
) -> None:
    r"""Do whole training steps of CONFIGURATION with growing batches: which fits, and which is the fastest.

    On a GPU sizes are tried until one does not fit. On a CPU the memory of larger batches is computed from that of
    smaller ones, so that the machine is never brought to its limit. No weights and no files are changed.

    \b
      eisen find-batch-size config.json --data_dir data -o sizes.png
    """
    from eisen_cli.session import open_experiment

    experiment = open_experiment(screen, configuration, overrides, seed)

    from eisen.experiments import finders
    from eisen_cli.show.finders import StepsProgress, drawn, show_sizes

    with StepsProgress(screen, "batch size") as progress:
        finding = finders.find_batch_size(
            experiment, data_dir, maximum=maximum, seconds=seconds, progress=progress.at_size
        )
    show_sizes(screen, finding)
    drawn(screen, output, lambda path: finders.plot_sizes(finding, path))
    facts = {"largest": finding.largest, "fastest": finding.fastest, "setting": finding.setting}
    speeds = {str(trial.size): trial.cases_per_second for trial in finding.trials}
    screen.result({"status": "ok", **facts, "cases_per_second": speeds, "finding": finding})
