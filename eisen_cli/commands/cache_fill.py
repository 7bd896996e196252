"""``eisen cache fill``: everything a training would compute once, computed before it."""

from __future__ import annotations

from pathlib import Path

import click

from eisen_cli import options
from eisen_cli.exit_codes import ExitCode
from eisen_cli.failures import EisenCommand
from eisen_cli.process import cores
from eisen_cli.show.screen import Screen

__all__ = ["fill"]


@click.command(cls=EisenCommand, short_help="Compute ahead what CachedDataset keeps.")
@options.config_argument
@options.data_dir_option
@click.option(
    "--phase",
    type=click.Choice(["Training", "Validation", "Testing", "Prediction"], case_sensitive=False),
    help="Cases of this phase only.  [default: all phases]",
)
@click.option(
    "-j", "--jobs", type=click.IntRange(min=1), help="Cases computed at the same time.  [default: one per core]"
)
@options.set_option
@options.talk_options
@click.pass_context
def fill(
    ctx: click.Context,
    configuration: Path,
    data_dir: Path,
    phase: str | None,
    jobs: int | None,
    overrides: tuple[str, ...],
) -> None:
    r"""Compute what the data sets of CONFIGURATION keep on disk: those of type CachedDataset with a folder.

    Trainings, folds and processes then find all cases. What is there already is not computed again, so a command that
    was interrupted goes on where it was. The exit code is 4 when a case cannot be read; the others are kept.

    \b
      eisen cache fill config.json --data_dir data
      eisen cache fill config.json --phase Training -j 8
    """
    from eisen_cli.session import open_experiment

    screen = ctx.ensure_object(Screen)
    experiment = open_experiment(screen, configuration, overrides)

    from eisen.experiments.filling import caches_of, fill
    from eisen_cli.show.bar import Bar
    from eisen_cli.show.cache import show_filled

    found = []
    caches = caches_of(experiment, data_dir, phase)
    with Bar(screen) as bar:
        for name, cache in caches:

            def move(done: int, n_cases: int, _seconds: float, name: str = name) -> None:
                bar.move(name, done, n_cases)

            found.append(fill(name, cache, jobs or cores(), move))
            show_filled(screen, found[-1])
    failed = any(each.failed for each in found)
    screen.result({"status": "incomplete" if failed else "ok", "caches": found})
    ctx.exit(ExitCode.DATA if failed else ExitCode.OK)
