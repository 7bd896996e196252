"""``eisen build``: put an experiment together in the browser."""

from __future__ import annotations

from pathlib import Path

import click

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["build"]


@click.command(cls=EisenCommand, short_help="Put an experiment together in the browser.")
@click.argument("configuration", type=click.Path(dir_okay=False, path_type=Path), required=False)
@options.data_dir_option
@options.artifact_dir_option
@options.import_option
@options.page_options
@click.option("--demo", is_flag=True, help="Draw phantoms into ./eisen_demo and open an experiment on them.")
@options.talk_options
@click.pass_obj
def build(
    screen: Screen,
    configuration: Path | None,
    data_dir: Path,
    artifact_dir: Path,
    imports: tuple[str, ...],
    port: int,
    browser: bool,
    folders: tuple[Path, ...],
    demo: bool,
) -> None:
    r"""Open CONFIGURATION in the visual builder; without it, start from a template or from your data.

    The page is served on this machine only and needs the token in its address. A file that does not exist yet is made
    when it is saved. Nothing of a configuration is run before you ask for a dry run or a training.

    \b
      eisen build                                  templates, or start from your data
      eisen build --demo                           an experiment on phantoms, to look around
      eisen build liver.json --data_dir scans      edit, dry-run and train it
      eisen build liver.json --import my_package   with your own modules
    """
    if demo and configuration is not None:
        raise click.UsageError("--demo brings its own configuration")

    from eisen_cli.builder.launch import Launch, open_builder

    if demo:
        configuration, data_dir, artifact_dir = _demo(screen)
    launch = Launch(screen, port=port, browser=browser)
    open_builder(launch, configuration, data_dir, artifact_dir, imports, folders)


def _demo(screen: Screen) -> tuple[Path, Path, Path]:
    """Return configuration, data and artifact folder of the demonstration, and make them where they are not there."""
    from eisen_cli.demo.story import Demo

    story = Demo(screen, Path("eisen_demo"))
    if not story.config.exists() or not story.data.is_dir():
        screen.line(f"drawing phantoms into {story.data}")
        story.prepare(n_cases=12, size=48)
    return story.config, story.data, story.artifacts
