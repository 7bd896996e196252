"""``eisen inspect``: what is in a package, without running anything of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from eisen._core.errors import ArgumentError
from eisen_cli import options
from eisen_cli.exit_codes import ExitCode
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

if TYPE_CHECKING:
    from eisen_deploy.packaging.findings import Inspection

__all__ = ["inspect"]

_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(cls=EisenCommand, short_help="Show what is in a package, without running anything of it.")
@click.argument("package", type=click.Path(path_type=Path))
@click.option("--verify", "key", metavar="KEY.pub", type=_FILE, help="Verify the signature with this public key.")
@click.option("--card", is_flag=True, help="Show the model card, and nothing else.")
@click.option("--extract", "folder", metavar="FOLDER", type=_FOLDER, help="Unpack it into this new or empty folder.")
@options.talk_options
@click.pass_context
def inspect(ctx: click.Context, package: Path, key: Path | None, card: bool, folder: Path | None) -> None:
    r"""Show what is in PACKAGE (a .mar of anybody): nothing in it is run, imported or unpickled.

    Every member is checked first: an archive that would write outside of its folder, that unpacks to more than it says,
    or that two programs would read differently is refused.

    \b
      eisen inspect hippocampus.mar
      eisen inspect hippocampus.mar --verify clinic.pub
      eisen inspect hippocampus.mar --card
      eisen inspect hippocampus.mar --extract hippocampus
    """
    from eisen_cli.show.inspection import show_card, show_inspection
    from eisen_deploy.packaging.inspecting import inspect_archive

    screen = ctx.ensure_object(Screen)
    found = inspect_archive(package, key)
    if card and not found.card:
        raise ArgumentError(f"{package} has no model card", to_do="leave --card out to see what there is")
    if card:
        show_card(screen, found.card)
    else:
        show_inspection(screen, found)
    if not found.is_right:
        _refuse(ctx, screen, found)
    if folder is not None:
        _extract(screen, package, folder, key)
    screen.result({"status": "ok", **vars(found), "extracted": folder})


def _refuse(ctx: click.Context, screen: Screen, found: Inspection) -> None:
    """Say what is wrong, and end."""
    wrong = [state.text for state in (found.digests, found.signature) if state.state == "wrong"]
    screen.line()
    screen.line(f"error: {'; '.join(wrong)}", style="bad", error=True)
    screen.line("do not use it; get it again from whoever made it", style="bad", error=True)
    screen.result({"status": "failed", "exit_code": int(ExitCode.DATA), **vars(found)})
    ctx.exit(ExitCode.DATA)


def _extract(screen: Screen, package: Path, folder: Path, key: Path | None) -> None:
    from eisen_deploy.packaging.members import unpack
    from eisen_deploy.packaging.signing import unpack_verified

    if key is None:
        unpack(package, folder)
    else:
        unpack_verified(package, folder, key)
    screen.line()
    screen.line(f"unpacked into {folder}", style="good")
