"""The options that several commands share, spelled the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from eisen_cli.show.screen import Screen

__all__ = [
    "DEVICES",
    "artifact_dir_option",
    "config_argument",
    "data_dir_option",
    "devices_option",
    "import_option",
    "model_option",
    "models_option",
    "page_options",
    "seed_option",
    "set_option",
    "talk_options",
    "tta_option",
]

DEVICES = "eisen_cli.devices"
"""Where a context keeps the value of ``--devices``, which `EisenCommand` acts on."""

Command = TypeVar("Command", bound=Callable[..., Any])
_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)


def _flag(name: str) -> Callable[[click.Context, click.Parameter, bool], None]:
    """Return a callback that switches an attribute of the screen on."""

    def switch(ctx: click.Context, _: click.Parameter, value: bool) -> None:
        screen = ctx.ensure_object(Screen)
        setattr(screen, name, getattr(screen, name) or value)

    return switch


config_argument = click.argument("configuration", type=_FILE)
data_dir_option = click.option(
    "--data_dir",
    "--data-dir",
    "data_dir",
    type=_FOLDER,
    default="./data",
    show_default=True,
    help="Folder of the data.",
)
artifact_dir_option = click.option(
    "--artifact_dir",
    "--artifact-dir",
    "artifact_dir",
    type=_FOLDER,
    default="./artifacts",
    show_default=True,
    help="Folder for the results; made when absent.",
)
model_option = click.option(
    "--model", type=_FILE, help="Weights to use.  [default: models/best.pt in the artifact folder]"
)
models_option = click.option(
    "--model",
    "models",
    type=_FILE,
    multiple=True,
    help="Weights to use; several, or one ensemble.json, predict together. Repeatable.  "
    "[default: models/best.pt in the artifact folder]",
)
tta_option = click.option(
    "--tta",
    metavar="VIEWS",
    help="Test-time augmentation: flips, flips:0,1 (axes from 0), rotations, or flips+rotations.",
)
set_option = click.option(
    "--set",
    "overrides",
    metavar="PATH=VALUE",
    multiple=True,
    help="Override any value of the configuration, e.g. Training.Optimizer[0].params.lr=1e-3. Repeatable.",
)
seed_option = click.option("--seed", type=click.IntRange(min=0), help="Override .Seed of the configuration.")


def _remember_devices(ctx: click.Context, _: click.Parameter, value: str | None) -> None:
    ctx.meta[DEVICES] = value


devices_option = click.option(
    "--devices",
    metavar="N|auto",
    expose_value=False,
    callback=_remember_devices,
    help="Compute in N processes, one per GPU ('auto': all GPUs of this machine; without GPUs N processes on the CPU).",
)
import_option = click.option(
    "--import", "imports", metavar="MODULE", multiple=True, help="Include the parts of this module. Repeatable."
)
_page_options = (
    click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port.  [default: any free one]"),
    click.option("--browser/--no-browser", default=True, help="Open the page in the browser.  [default: yes]"),
    click.option("--folder", "folders", type=_FOLDER, multiple=True, help="Another folder to allow. Repeatable."),
)
_json_option = click.option(
    "--json", is_flag=True, expose_value=False, callback=_flag("json"), help="Machine-readable output on stdout."
)
_debug_option = click.option(
    "--debug", is_flag=True, expose_value=False, callback=_flag("debug"), help="Show tracebacks of errors."
)


def page_options(command: Command) -> Command:
    """Add ``--port``, ``--no-browser`` and ``--folder`` to a command that serves pages."""
    for option in reversed(_page_options):
        command = option(command)
    return command


def talk_options(command: Command) -> Command:
    """Add ``--json`` and ``--debug`` to a command."""
    return _json_option(_debug_option(command))
