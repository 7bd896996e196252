"""``eisen sweep``: train with different values of the configuration, and compare."""

from __future__ import annotations

from typing import Any

import click

from eisen_cli import options
from eisen_cli.commands.campaigns import campaign_options, opened_plan
from eisen_cli.exit_codes import ExitCode
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["sweep"]


@click.command(cls=EisenCommand, short_help="Train with different values, compare, name the best.")
@options.config_argument
@click.argument("epochs", type=click.IntRange(min=1), required=False)
@options.data_dir_option
@options.artifact_dir_option
@click.option(
    "--grid", "grids", metavar="PATH=VALUE,VALUE,...", multiple=True, help="Try each of these values. Repeatable."
)
@click.option("--random", "n_trials", metavar="N", type=click.IntRange(min=1), help="Draw the values N times.")
@click.option(
    "--param",
    "ranges",
    metavar="PATH=KIND(...)",
    multiple=True,
    help="What to draw from: choice(a,b), uniform(low,high), loguniform(low,high) or int(low,high). Repeatable.",
)
@campaign_options
@options.set_option
@options.seed_option
@options.talk_options
@click.pass_obj
def sweep(
    screen: Screen, /, grids: tuple[str, ...], n_trials: int | None, ranges: tuple[str, ...], **words: Any
) -> None:
    r"""Train what CONFIGURATION describes with different values, for EPOCHS epochs each.

    Either every combination of a grid, or N draws. Paths are written as for --set; one that is not in the
    configuration is an error before anything runs. Trials are compared by their best validation value, and each is an
    ordinary run: trial-000, trial-001 ... A second call skips what is complete and continues what was interrupted.

    \b
      eisen sweep config.json 20 --grid Training.Optimizer[0].params.lr=1e-2,1e-3 --grid Training.BatchSize=2,4
      eisen sweep config.json 20 --random 16 --param "Training.Optimizer[0].params.lr=loguniform(1e-4,1e-1)"
    """
    from eisen.experiments.campaigns.search import grid_trials, parse_grid, parse_range, random_trials

    _demand_one_kind(grids, n_trials, ranges)
    plan = opened_plan(screen, words)
    if grids:
        trials = grid_trials(dict(map(parse_grid, grids)))
    else:
        trials = random_trials(dict(map(parse_range, ranges)), n_trials or 1, _seed(words))

    from eisen.experiments.campaigns import Sweep
    from eisen_cli.show.campaign import CampaignDisplay, show_sweep

    with CampaignDisplay(screen) as display:
        result = Sweep(plan(display), trials).run()
    show_sweep(screen, result)
    status = "interrupted" if result.interrupted else "failed" if result.failures else "ok"
    screen.result({"status": status, **vars(result), "best": result.best, "complete": result.is_complete})
    codes = {"interrupted": ExitCode.INTERRUPTED, "failed": ExitCode.FAILED, "ok": ExitCode.OK}
    click.get_current_context().exit(codes[status])


def _demand_one_kind(grids: tuple[str, ...], n_trials: int | None, ranges: tuple[str, ...]) -> None:
    if grids and (n_trials or ranges):
        raise click.UsageError("--grid tries every combination, --random draws: use one of them")
    if not grids and not (n_trials and ranges):
        raise click.UsageError("nothing to try: use --grid PATH=VALUE,VALUE or --random N --param PATH=KIND(...)")
    named = [text.partition("=")[0].strip() for text in grids or ranges]
    twice = next((path for path in named if named.count(path) > 1), None)
    if twice:
        raise click.UsageError(f"{twice} is given twice")


def _seed(words: dict[str, Any]) -> int:
    """Return what drawing depends on: the seed of the runs."""
    from eisen.config import read_config

    if words["seed"] is not None:
        return int(words["seed"])
    return read_config(words["configuration"], words["overrides"]).hyper.seed or 0
