"""``eisen generate``: images from a trained generator."""

from __future__ import annotations

from pathlib import Path

import click

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["generate"]


@click.command(cls=EisenCommand, short_help="Write images that a trained GAN makes.")
@options.config_argument
@options.artifact_dir_option
@options.model_option
@click.option("-n", "--number", type=click.IntRange(min=1), default=16, show_default=True, help="How many images.")
@click.option(
    "-o",
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the images.  [default: generated in the artifact folder]",
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Other images.")
@options.set_option
@options.talk_options
@click.pass_obj
def generate(
    screen: Screen,
    configuration: Path,
    artifact_dir: Path,
    model: Path | None,
    number: int,
    output: Path | None,
    seed: int,
    overrides: tuple[str, ...],
) -> None:
    r"""Make images from random numbers with the trained GAN of CONFIGURATION.

    Writes PNG pictures or NIfTI volumes, and grid.png with all of them. The same seed gives the same images.

    \b
      eisen generate gan.json --artifact_dir runs/gan -n 64 -o pictures
      eisen generate gan.json --model runs/gan/checkpoint.pt --seed 1
    """
    from eisen_cli.session import open_experiment

    experiment = open_experiment(screen, configuration, overrides)

    from eisen.experiments.artifacts import Artifacts
    from eisen.experiments.generate import generate as make

    artifacts = Artifacts(artifact_dir)
    made = make(experiment, model or artifacts.best, output or artifacts.root / "generated", number, seed)
    size = " x ".join(map(str, made.shape[1:]))
    screen.line(f"{number} image{'s' * (number != 1)} of {size} in {made.folder}", style="good")
    screen.line(f"all of them: {made.grid}")
    screen.result({"status": "ok", "folder": made.folder, "images": made.images, "grid": made.grid, "seed": seed})
