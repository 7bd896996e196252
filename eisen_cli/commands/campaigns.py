"""The options that crossval and sweep share: where runs are made, which of them, and how they are shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from eisen_cli.options import Command
from eisen_cli.show.screen import Screen

if TYPE_CHECKING:
    from eisen.experiments.campaigns import CampaignObserver, Plan

__all__ = ["campaign_options", "opened_plan"]

_OPTIONS = (
    click.option(
        "--executor",
        type=click.Choice(["serial", "processes", "ray"]),
        help="One run after another, several local processes, or a Ray cluster.  [default: serial; processes with "
        "--jobs above 1]",
    ),
    click.option("--jobs", type=click.IntRange(min=1), help="How many runs at a time."),
    click.option(
        "--ray-address", metavar="ADDRESS", help="Of a Ray cluster, e.g. auto.  [default: Ray on this machine]"
    ),
    click.option("--only", metavar="RUN", multiple=True, help="Do only this run, e.g. fold-2. Repeatable."),
    click.option("--force", is_flag=True, help="Go on although configuration, data or code have changed since."),
)


def campaign_options(command: Command) -> Command:
    """Add the options of campaigns to a command."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def opened_plan(screen: Screen, words: Mapping[str, Any]) -> Callable[[CampaignObserver], Plan]:
    """Read the configuration once, so that repairs are said once, and return what makes the plan for a display.

    Args:
        screen: Where to write.
        words: The options of the command.

    Raises:
        ConfigError: If the configuration is wrong.
    """
    from eisen_cli.process import keep_memory
    from eisen_cli.session import open_experiment

    keep_memory()
    open_experiment(screen, words["configuration"], words["overrides"], words["seed"], words["epochs"])
    seeded = [] if words["seed"] is None else [f"General.Seed={words['seed']}"]
    jobs = words["jobs"]

    def plan(observer: CampaignObserver) -> Plan:
        from eisen.experiments.campaigns import Plan

        return Plan(
            words["configuration"],
            words["data_dir"],
            words["artifact_dir"],
            words["epochs"],
            (*words["overrides"], *seeded),
            words["executor"] or ("processes" if jobs and jobs > 1 else "serial"),
            jobs,
            words["ray_address"],
            words["only"],
            words["force"],
            observer,
        )

    return plan
