"""``eisen predict``: a label map, an image, or a row of a table per case, on the grid of its input file."""

from __future__ import annotations

from pathlib import Path

import click

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["predict"]

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(cls=EisenCommand, short_help="Write what a model says about each case.")
@options.config_argument
@options.data_dir_option
@options.artifact_dir_option
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the results.  [default: predictions in the artifact folder]",
)
@options.models_option
@options.tta_option
@click.option(
    "--output-kind",
    "kind",
    metavar="KIND",
    default="auto",
    show_default=True,
    help="labels or image (a value per voxel), classes or values (a row per case); auto decides by output and loss.",
)
@click.option("--probabilities", is_flag=True, help="Write probability maps beside the label maps.")
@click.option(
    "--format",
    "file_format",
    metavar="FORMAT",
    default="nii.gz",
    show_default=True,
    help="How volumes are written: nii.gz, nii, mha, nrrd, or dcm (a DICOM segmentation of the series).",
)
@click.option("--memory", metavar="SIZE", help="Make label maps slab by slab in this much memory, e.g. 4GB.")
@click.option("--calibration", type=_FILE, help="Calibration to use.  [default: calibration.json if it fits]")
@click.option("--no-calibration", is_flag=True, help="Leave the probabilities as the model gives them.")
@options.devices_option
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
    models: tuple[Path, ...],
    tta: str | None,
    kind: str,
    probabilities: bool,
    file_format: str,
    memory: str | None,
    calibration: Path | None,
    no_calibration: bool,
    overrides: tuple[str, ...],
    seed: int | None,
) -> None:
    r"""Let a trained model, or several, predict the cases of the Prediction phase of CONFIGURATION.

    Segmentation writes a label map per case on the native grid of its input, whatever the transforms did in between;
    reconstruction writes images; classification and regression write rows of predictions.csv.

    \b
      eisen predict config.json --tta flips
      eisen predict config.json --model fold-0/models/best.pt --model fold-1/models/best.pt
      eisen predict config.json --model ensemble.json --probabilities
      eisen predict config.json --format mha --memory 4GB
    """
    if calibration is not None and no_calibration:
        raise click.UsageError("--calibration and --no-calibration exclude each other")

    from eisen_cli.session import finish, open_run

    with open_run(screen, configuration, data_dir, artifact_dir, overrides, seed) as run:
        result = run.predict(
            output,
            kind=kind,
            probabilities=probabilities,
            file_format=file_format,
            memory=memory,
            tta=tta,
            models=models,
            calibration=None if no_calibration else calibration or "auto",
        )
    finish(screen, result)
