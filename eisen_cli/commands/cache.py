"""``eisen cache``: what is kept on disk so that it need not be computed again: filling, looking, removing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import click

from eisen_cli import options
from eisen_cli.commands.cache_fill import fill
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["cache"]

_FOLDER = click.Path(file_okay=False, path_type=Path)
_UNITS = {"h": 1 / 24, "d": 1.0, "w": 7.0}
_folder_option = click.option(
    "--folder",
    type=_FOLDER,
    help="Folder of the cache.  [default: $EISEN_CACHE, else eisen in the cache folder of the user]",
)


@click.group(short_help="Fill, show and clean the cache of preprocessed cases.")
def cache() -> None:
    """Fill, show and clean the cache of preprocessed cases, see CachedDataset. Every command knows --json, --debug."""


cache.add_command(fill)


@cache.command("ls", cls=EisenCommand, short_help="What is cached, and from which configuration.")
@_folder_option
@options.talk_options
@click.pass_obj
def ls(screen: Screen, folder: Path | None) -> None:
    """Show what is cached: which steps, from which command, its size, and when it was last used.

    What is outdated was made by another version or other code of eisen or its libraries and is never used again;
    'eisen cache clean --unused' removes it.
    """
    from eisen.storage import cache_root, list_cache
    from eisen_cli.show.cache import document, show_cache

    entries, root = list_cache(folder), cache_root(folder)
    show_cache(screen, entries, root)
    screen.result({"status": "ok", "folder": root, "entries": [document(entry) for entry in entries]})


def _days(_: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    """Return the days in ``30d``, ``12h`` or ``2w``."""
    if value is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([hdw]?)", value.strip())
    if match is None:
        raise click.BadParameter(f"{value!r} is no time; write e.g. 30d, 12h or 2w", param=parameter)
    return float(match[1]) * _UNITS[match[2] or "d"]


@cache.command(cls=EisenCommand, short_help="Remove cached cases.")
@_folder_option
@click.option("--all", "every", is_flag=True, help="Everything.")
@click.option("--older-than", "days", metavar="TIME", callback=_days, help="Not used for so long, e.g. 30d, 12h, 2w.")
@click.option("--unused", is_flag=True, help="What can never be used again: outdated, or made of files that are gone.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@options.talk_options
@click.pass_context
def clean(ctx: click.Context, folder: Path | None, every: bool, days: float | None, unused: bool, yes: bool) -> None:
    r"""Remove cached cases: all, those not used for a while, or those that can never be used again.

    Only what eisen has cached is removed, whatever else lies in the folder. Trainings that use the cache go on.

    \b
      eisen cache clean --unused
      eisen cache clean --older-than 30d --yes
      eisen cache clean --all
    """
    from eisen.storage import cache_root, clean_cache, to_clean
    from eisen.storage.cache.place import gigabytes

    screen = ctx.ensure_object(Screen)
    if every == (unused or days is not None):
        raise click.UsageError("say what to remove: --all, or --unused and/or --older-than TIME")
    cases = to_clean(folder, older_than_days=days, unused=unused)
    n_bytes = _size(cases)
    if cases and not yes:
        _ask(screen, f"remove {len(cases)} cached cases, {gigabytes(n_bytes)}, from {cache_root(folder)}?")
    freed = clean_cache(cases)
    screen.line(
        f"removed {len(cases)} cases, {gigabytes(freed)}" if cases else "there is nothing to remove",
        style="good" if cases else "quiet",
    )
    screen.result({"status": "ok", "folder": cache_root(folder), "n_cases": len(cases), "n_bytes": freed})


def _size(cases: Sequence[Path]) -> int:
    return sum(case.stat().st_size for case in cases if case.is_file())


def _ask(screen: Screen, question: str) -> None:
    """Ask before anything is removed; machines have to say --yes."""
    if screen.json:
        raise click.UsageError("--json does not ask: say --yes")
    click.confirm(question, abort=True)
