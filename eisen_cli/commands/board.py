"""``eisen board``: watch, compare and look into runs in the browser."""

from __future__ import annotations

from pathlib import Path

import click

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["board"]


@click.command(cls=EisenCommand, short_help="Watch and compare runs in the browser.")
@click.argument("artifacts", type=click.Path(file_okay=False, path_type=Path), nargs=-1)
@options.data_dir_option
@options.page_options
@options.talk_options
@click.pass_obj
def board(
    screen: Screen,
    artifacts: tuple[Path, ...],
    data_dir: Path,
    port: int,
    browser: bool,
    folders: tuple[Path, ...],
) -> None:
    r"""Show running and finished experiments: curves, times, logs, cases; stop, resume and extend them.

    ARTIFACTS are artifact folders, or folders with several of them inside; by default ./artifacts. Runs of other
    machines can be watched through a shared folder.

    \b
      eisen board                       the run in ./artifacts
      eisen board runs                  every run below the folder runs
      eisen board runs/a runs/b         two of them
    """
    from eisen_cli.builder.launch import Launch, open_board

    launch = Launch(screen, port=port, browser=browser)
    open_board(launch, artifacts or (Path("./artifacts"),), data_dir, folders)
