"""``eisen crossval``: train every fold, measure every case once, say how sure the result is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from eisen_cli import options
from eisen_cli.commands.campaigns import campaign_options, opened_plan
from eisen_cli.exit_codes import ExitCode
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["crossval"]

_FILE = click.Path(dir_okay=False, path_type=Path)
_SHARE = click.FloatRange(0, 1, max_open=True)


@click.command(cls=EisenCommand, short_help="Train every fold, measure every case once.")
@options.config_argument
@click.argument("epochs", type=click.IntRange(min=1), required=False)
@options.data_dir_option
@options.artifact_dir_option
@click.option("--folds", type=click.IntRange(min=2), help="How many folds.  [default: 5]")
@click.option(
    "--group",
    metavar="FIELD|REGEX",
    help="What a patient's cases have in common: a listed field, or 'regex:^(p\\d+)_'.",
)
@click.option("--no-group", is_flag=True, help="Declare that no two cases are of one patient.")
@click.option("--stratify", metavar="FIELD|REGEX", help="Give each part its share of these classes.")
@click.option("--read", is_flag=True, help="Read each case once where its class is not listed.")
@click.option(
    "--validation", type=_SHARE, help="Share of the cases outside the test that picks the epoch.  [default: 0.2]"
)
@click.option(
    "--repeats", type=click.IntRange(min=1), default=1, show_default=True, help="Divide so often, each time anew."
)
@click.option("--split", type=_FILE, help="A frozen split of 'eisen split' instead of the options above.")
@click.option(
    "--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="Train each fold with so many seeds."
)
@campaign_options
@options.set_option
@options.seed_option
@options.talk_options
@click.pass_obj
def crossval(screen: Screen, /, seeds: int, **words: Any) -> None:
    r"""Train every fold of CONFIGURATION for EPOCHS epochs, and measure each test case once with its best model.

    Cases of one patient must stay together: name what they have in common with --group, or declare with --no-group
    that there is no such thing. A second call skips what is complete and continues what was interrupted.

    \b
      eisen crossval config.json 50 --folds 5 --group patient --artifact_dir runs/cv
      eisen crossval config.json 50 --group patient --seeds 3 --executor processes --jobs 2
      eisen crossval config.json 50 --split split.json --only fold-2        one fold, e.g. in a job array
      eisen predict config.json --model runs/cv/ensemble.json
    """
    plan = opened_plan(screen, words)

    from eisen.experiments.campaigns import CrossValidation, SplitWish
    from eisen_cli.show.campaign import CampaignDisplay, show_crossval

    choices = {name: words[name] for name in ("folds", "group", "no_group", "stratify", "repeats", "validation")}
    wish = SplitWish(words["split"], **choices, read_samples=words["read"])
    with CampaignDisplay(screen) as display:
        result = CrossValidation(plan(display), wish, seeds).run()
    show_crossval(screen, result)
    status = "interrupted" if result.interrupted else "failed" if result.failures else "ok"
    screen.result({"status": status, **vars(result), "complete": result.is_complete})
    codes = {"interrupted": ExitCode.INTERRUPTED, "failed": ExitCode.FAILED, "ok": ExitCode.OK}
    click.get_current_context().exit(codes[status])
