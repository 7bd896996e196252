"""``eisen modules``: what a configuration can name, and with which parameters."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

if TYPE_CHECKING:
    from eisen.config import ModuleInfo

__all__ = ["modules"]


@click.command(cls=EisenCommand, short_help="Show what can be named in a configuration.")
@click.argument("what", metavar="[KIND|NAME]", required=False)
@options.import_option
@click.option(
    "--old-builder",
    "folder",
    metavar="FOLDER",
    type=click.Path(file_okay=False, path_type=Path),
    help="Write the list for the builder of the original Eisen.",
)
@options.talk_options
@click.pass_obj
def modules(screen: Screen, what: str | None, imports: tuple[str, ...], folder: Path | None) -> None:
    r"""Show what can be named in a configuration.

    \b
      eisen modules                            everything, by section
      eisen modules transforms                 one section
      eisen modules CropCenteredSubVolumes     one part with its parameters
    """
    from eisen.config import discover
    from eisen_cli.show import catalogue

    if folder is not None:
        _write_old_builder(screen, what, imports, folder)
        return
    found = {kind: paths for kind, paths in discover(imports).items() if paths}
    kind = next((kind for kind in found if what and _same(kind, what)), None)
    if what is None or kind is not None:
        shown = {kind: found[kind]} if kind else found
        infos = {section: catalogue.described(paths) for section, paths in shown.items()}
        catalogue.show_catalogue(screen, infos)
        screen.result({"status": "ok", "modules": {k: [i.as_dict() for i in v] for k, v in infos.items()}})
        return
    matches = _matching(what, found)
    for info in matches:
        catalogue.show_module(screen, info)
    screen.result({"status": "ok", "modules": [info.as_dict() for info in matches]})


def _write_old_builder(screen: Screen, what: str | None, imports: tuple[str, ...], folder: Path) -> None:
    from eisen_cli.builder.parts.old_builder import write_old_builder

    if what is not None:
        raise click.UsageError(f"--old-builder writes all modules; leave '{what}' out")
    path = write_old_builder(folder, imports)
    screen.line(f"wrote {path}", style="good")
    screen.result({"status": "ok", "file": str(path)})


def _same(kind: str, word: str) -> bool:
    """Tell whether a word means a section: in any case, in singular or plural."""
    return kind.lower().rstrip("s") == word.lower().rstrip("s")


def _matching(name: str, found: dict[str, list[str]]) -> list[ModuleInfo]:
    """Return the parts of that name, or end with the nearest name."""
    from eisen._core.errors import nearest
    from eisen.config import describe

    paths = list(dict.fromkeys(path for kind in found.values() for path in kind))
    matches = [path for path in paths if path == name or path.rpartition(".")[2].lower() == name.lower()]
    if not matches and "." in name:
        matches = [name]
    if not matches:
        names = [*found, *(path.rpartition(".")[2] for path in paths)]
        advice = nearest(name, names) or "'eisen modules' lists them all"
        raise click.UsageError(f"there is no kind or part of the name '{name}'; {advice}")
    return [describe(path) for path in matches]
