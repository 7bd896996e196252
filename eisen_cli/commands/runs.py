"""``eisen runs``: the runs that are there, what they are made of, and whether they can be repeated."""

from __future__ import annotations

from pathlib import Path

import click

from eisen_cli import options
from eisen_cli.exit_codes import ExitCode
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["runs"]

_RUN = click.Path(path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.group(short_help="List, show, compare and repeat runs.")
def runs() -> None:
    """List, show, compare and repeat runs of 'eisen train'. Every command knows --json and --debug."""


@runs.command("list", cls=EisenCommand, short_help="List the runs below a folder.")
@click.argument("folder", type=_FOLDER, default=".")
@click.option(
    "--sort",
    type=click.Choice(["started", "best", "name", "seed"]),
    default="started",
    show_default=True,
    help="What comes first: the oldest, the best, or by name or seed.",
)
@options.talk_options
@click.pass_obj
def list_(screen: Screen, folder: Path, sort: str) -> None:
    """List the runs in FOLDER and below.

    A run whose process is gone without an end is 'dead'; 'eisen train ... --resume' continues it.
    """
    from eisen.experiments.runs import find_runs, sorted_runs
    from eisen_cli.show.runs import show_list, summary

    found = sorted_runs(find_runs(folder), sort)  # type: ignore[arg-type]
    show_list(screen, found, folder)
    screen.result([summary(run) for run in found])


@runs.command(cls=EisenCommand, short_help="Show what a run was made of and what came out.")
@click.argument("run", type=_RUN)
@options.talk_options
@click.pass_obj
def show(screen: Screen, run: Path) -> None:
    """Show configuration, data, split, code, machine, results and files of RUN, an artifact folder."""
    from eisen.experiments.runs import read_run
    from eisen_cli.show.runs import show_run, summary

    record = read_run(run)
    show_run(screen, record)
    screen.result({**summary(record), "record": record.facts})


@runs.command(cls=EisenCommand, short_help="Compare two runs.")
@click.argument("first", type=_RUN)
@click.argument("second", type=_RUN)
@options.talk_options
@click.pass_context
def diff(ctx: click.Context, first: Path, second: Path) -> None:
    """Compare two runs: what went in, by kind, and what came out, side by side.

    The exit code is 0 when nothing is different, and 1 when something is.
    """
    from eisen.experiments.runs import compare_runs, read_run
    from eisen_cli.show.runs import show_comparison

    screen = ctx.ensure_object(Screen)
    runs_ = read_run(first), read_run(second)
    compared = compare_runs(*runs_)
    show_comparison(screen, *runs_, compared)
    screen.result({"same": compared.is_same, **vars(compared)})
    ctx.exit(ExitCode.OK if compared.is_same else ExitCode.FAILED)


@runs.command(cls=EisenCommand, short_help="Train a run again and compare the weights.")
@click.argument("run", type=_RUN)
@click.option(
    "--artifact_dir",
    "--artifact-dir",
    "artifact_dir",
    type=_FOLDER,
    help="Folder for the repetition, new or empty.  [default: RUN-reproduced]",
)
@click.option(
    "--data_dir", "--data-dir", "data_dir", type=_FOLDER, help="Folder of the data.  [default: that of the run]"
)
@options.talk_options
@click.pass_context
def reproduce(ctx: click.Context, run: Path, artifact_dir: Path | None, data_dir: Path | None) -> None:
    """Train RUN again from its own configuration and seed, and compare the weights byte for byte.

    First it is said what is not as it was: configuration, data, split, code, versions, machine. The exit code is 0
    when all weights are identical, and 1 when they are not.
    """
    from eisen_cli.process import keep_memory

    keep_memory()
    screen = ctx.ensure_object(Screen)

    from eisen.experiments.runs import reproduce_run
    from eisen_cli.show.progress import RunDisplay
    from eisen_cli.show.runs import show_verdict

    with RunDisplay(screen) as display:
        made = reproduce_run(run, artifact_dir, data_dir, observer=display)
    show_verdict(screen, made)
    screen.result({"identical": made.identical, **vars(made)})
    failed = ExitCode.INTERRUPTED if made.result.interrupted else ExitCode.FAILED
    ctx.exit(ExitCode.OK if made.identical else failed)
