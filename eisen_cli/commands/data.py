"""``eisen data``: what is to be known about a data set before a training."""

from __future__ import annotations

import json as json_format
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eisen_cli.commands.store_check import check_store_file, is_store
from eisen_cli.commands.stores import create, info
from eisen_cli.exit_codes import ExitCode
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen, plain

if TYPE_CHECKING:
    from eisen.datasets.doctor import DataReport

__all__ = ["data"]

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group(short_help="Look through a data set; make one fast file of it.")
def data() -> None:
    """Look through a data set before training, or make one fast file of it. Each command knows --json and --debug."""


data.add_command(create)
data.add_command(info)


def _json_to(ctx: click.Context, _: click.Parameter, value: str | None) -> str | None:
    """Give stdout to the JSON document when it is to go there, so that also errors are JSON."""
    if value == "-":
        ctx.ensure_object(Screen).json = True
    return value


def _debug(ctx: click.Context, _: click.Parameter, value: bool) -> None:
    screen = ctx.ensure_object(Screen)
    screen.debug = screen.debug or value


@data.command(cls=EisenCommand, short_help="Find what is wrong with which file.")
@click.argument("source", metavar="CONFIG_FOLDER_OR_STORE", type=click.Path(path_type=Path))
@click.option(
    "--data_dir",
    "--data-dir",
    "data_dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder of the data of a configuration.  [default: ./data]",
)
@click.option("--headers-only", is_flag=True, help="Read no voxels: seconds instead of minutes.")
@click.option("--group", metavar="REGEX", help="Finds the patient in a file name, e.g. '(case\\d+)_'.")
@click.option(
    "--jobs", type=click.IntRange(min=1), help="Cases read at the same time.  [default: one per core, up to 8]"
)
@click.option(
    "--json",
    metavar="[FILE|-]",
    is_flag=False,
    flag_value="-",
    callback=_json_to,
    help="Write the report as JSON to a file, or to stdout (-).",
)
@click.option("--html", type=_FILE, help="Write the report as one HTML file with thumbnails.")
@click.option("--strict", is_flag=True, help="Let warnings stop training too.")
@click.option("--debug", is_flag=True, expose_value=False, callback=_debug, help="Show tracebacks of errors.")
@click.pass_context
def check(
    ctx: click.Context,
    source: Path,
    data_dir: Path | None,
    headers_only: bool,
    group: str | None,
    jobs: int | None,
    json: str | None,
    html: Path | None,
    strict: bool,
) -> None:
    r"""Look through all cases and say what is wrong with which file.

    CONFIG_FOLDER_OR_STORE is a configuration, a list of cases, or a folder: a decathlon task, nnU-Net raw, folders of
    images and labels, DICOM series, or loose volumes and pictures. Nothing of it is changed. The exit code is 4 when
    training should not go on.

    Of a store, the one file that 'eisen data create' makes, every array is read and compared with what was written,
    labels with images, and source files, where they are at hand, with what was read.

    \b
      eisen data check Task04_Hippocampus --html report.html
      eisen data check config.json --data-dir Task04_Hippocampus --strict
      eisen data check store.h5
    """
    screen = ctx.ensure_object(Screen)
    if is_store(source):
        others = {"--html": html, "--group": group, "--headers-only": headers_only, "--data-dir": data_dir}
        _demand_no_options(source, others)
        ctx.exit(_check_store(screen, source, jobs, json))
    for target in (html, Path(json) if json not in (None, "-") else None):
        _demand_folder(target)

    from eisen.datasets.doctor import check_data
    from eisen_cli.show.data import DataProgress, show_data

    with DataProgress(screen) as progress:
        report = check_data(
            source,
            data_dir,
            voxels=not headers_only,
            group=group,
            jobs=jobs,
            previews=html is not None,
            progress=progress,
        )
    show_data(screen, report, strict=strict)
    _write(screen, report, json, html, strict)
    ctx.exit(ExitCode.OK if report.fit_for_training(strict=strict) else ExitCode.DATA)


def _check_store(screen: Screen, path: Path, jobs: int | None, json: str | None) -> ExitCode:
    _demand_folder(None if json in (None, "-") else Path(str(json)))
    found = check_store_file(screen, path, jobs)
    _write_json(screen, found, json)
    return ExitCode.OK if found["status"] == "ok" else ExitCode.DATA


def _demand_no_options(store: Path, given: dict[str, Any]) -> None:
    for name, value in given.items():
        if value:
            raise click.UsageError(f"{name} is for configurations and folders, and {store} is a store")


def _demand_folder(target: Path | None) -> None:
    """Find out that a report cannot be written before all files are read, not after."""
    if target is not None and not target.parent.is_dir():
        from eisen._core.errors import ArtifactError

        what = f"{target} cannot be written: there is no folder {target.parent}"
        raise ArtifactError(what, file=str(target), to_do="make the folder first, or correct the path")


def _write(screen: Screen, report: DataReport, json: str | None, html: Path | None, strict: bool) -> None:
    """Write the report where it was asked for."""
    if html is not None:
        from eisen.datasets.doctor import write_html

        write_html(report, html)
        screen.line(f"report: {html}", style="quiet")
    _write_json(screen, report.as_dict(strict=strict), json)


def _write_json(screen: Screen, facts: dict[str, Any], json: str | None) -> None:
    """Write what was found for machines: into a file, and to stdout where that belongs to them."""
    document: dict[str, Any] = plain(facts)
    if json is not None and json != "-":
        from eisen._core.atomic import atomic_write

        with atomic_write(json, "w") as file:
            file.write(json_format.dumps(document, indent=2, allow_nan=False) + "\n")
        screen.line(f"report: {json}", style="quiet")
    screen.result(document)
