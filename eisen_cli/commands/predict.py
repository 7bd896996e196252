"""``eisen predict``: one label map per case, on the grid of its input file."""

from __future__ import annotations

from pathlib import Path

import click

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["predict"]


@click.command(cls=EisenCommand, short_help="Write a label map per case.")
@options.config_argument
@options.data_dir_option
@options.artifact_dir_option
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the label maps.  [default: predictions in the artifact folder]",
)
@options.model_option
@options.set_option
@options.seed_option
@options.talk_options
@click.pass_obj
def predict(
    screen: Screen,
    configuration: Path,
    data_dir: Path,
    artifact_dir: Path,
    output: Path | None,
    model: Path | None,
    overrides: tuple[str, ...],
    seed: int | None,
) -> None:
    """Segment the cases of the Prediction phase of CONFIGURATION with a trained model.

    Writes one NIfTI label map per case on the native grid of its input, whatever the transforms did in between.
    """
    from eisen_cli.session import finish, open_run

    with open_run(screen, configuration, data_dir, artifact_dir, overrides, seed, model=model) as run:
        result = run.predict(output)
    finish(screen, result)
