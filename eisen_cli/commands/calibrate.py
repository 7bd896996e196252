"""``eisen calibrate``: probabilities that are as sure as they are right."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["calibrate"]


@click.command(cls=EisenCommand, short_help="Make probabilities as sure as they are right.")
@options.config_argument
@options.data_dir_option
@options.artifact_dir_option
@options.models_option
@options.tta_option
@click.option("--target", metavar="FIELD", help="Field with the reference.  [default: what the losses look at]")
@click.option(
    "--samples", type=click.IntRange(min=1), default=200_000, show_default=True, help="How many voxels to use at most."
)
@options.set_option
@options.seed_option
@options.talk_options
@click.pass_obj
def calibrate(
    screen: Screen,
    configuration: Path,
    data_dir: Path,
    artifact_dir: Path,
    models: tuple[Path, ...],
    tta: str | None,
    target: str | None,
    samples: int,
    overrides: tuple[str, ...],
    seed: int | None,
) -> None:
    r"""Fit one temperature on the Validation phase of CONFIGURATION, for a trained model or several.

    Writes calibration.json, which eisen predict uses for exactly these models, and calibration.png. No decision
    changes, only how sure of it the model is.

    \b
      eisen calibrate config.json --data_dir data --artifact_dir runs/first
      eisen calibrate config.json --model ensemble.json --tta flips
    """
    from eisen_cli.session import finish, open_run

    with open_run(screen, configuration, data_dir, artifact_dir, overrides, seed) as run:
        result = run.calibrate(tta=tta, models=models, target=target, samples=samples)
    if result.calibration:
        _show(screen, result.calibration)
    finish(screen, result)


def _show(screen: Screen, found: Mapping[str, Any]) -> None:
    from eisen_cli.show.tables import number, show_rows

    what = f"{found['n_samples']} decisions in {found['n_cases']} cases"
    screen.line(f"temperature {found['temperature']:.3f}: {found['advice']} ({what})", style="good")
    titles = {"nll": "negative log-likelihood", "ece": "expected calibration error", "accuracy": "accuracy"}
    rows = [[title, number(found["before"][key]), number(found["after"][key])] for key, title in titles.items()]
    show_rows(screen, ["", "before", "after"], rows, right=[1, 2])
