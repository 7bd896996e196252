"""``eisen demo``: phantoms, a training, an evaluation and a picture, without any download."""

from __future__ import annotations

from pathlib import Path

import click

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["demo"]


@click.command(cls=EisenCommand, short_help="See it work; no data needed.")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default="./eisen_demo")
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the data.  [default: as in the configuration]")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Other patients, other weights.")
@click.option("--cases", type=click.IntRange(min=2), default=24, show_default=True, help="Training cases to draw.")
@click.option("--size", type=click.IntRange(min=16), default=48, show_default=True, help="Voxels across a slice.")
@options.talk_options
@click.pass_obj
def demo(screen: Screen, folder: Path, epochs: int | None, seed: int, cases: int, size: int) -> None:
    """Draw phantoms, train on them, evaluate, and paint an overlay, all in FOLDER.

    Takes about two minutes on two cores, and downloads nothing.
    """
    from eisen_cli.demo.story import Demo

    story = Demo(screen, folder, seed)
    outcome = story.tell(epochs, cases, size)
    screen.result({"status": "ok", **outcome})
