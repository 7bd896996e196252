"""``eisen keys``: a pair of keys to sign packages with."""

from __future__ import annotations

import os
from pathlib import Path

import click

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["ask_passphrase", "keys"]


@click.command(cls=EisenCommand, short_help="Make a pair of keys to sign packages with.")
@click.argument("name", type=click.Path(path_type=Path))
@click.option("--passphrase", is_flag=True, help="Protect the private key; asks, or takes EISEN_KEY_PASSPHRASE.")
@options.talk_options
@click.pass_obj
def keys(screen: Screen, name: Path, passphrase: bool) -> None:
    r"""Make NAME.key, to sign packages with, and NAME.pub, to verify them with (Ed25519).

    The private key stays with you; the public one is for everybody who uses your packages.

    \b
      eisen keys clinic
      eisen pack artifacts model.mar --sign clinic.key
      eisen inspect model.mar --verify clinic.pub
      eisen serve model.mar --require-signature clinic.pub
    """
    from eisen_deploy.packaging.keys import PASSPHRASE_VARIABLE, make_keys

    secret = os.environ.get(PASSPHRASE_VARIABLE) or ask_passphrase(new=True) if passphrase else None
    made = make_keys(name, secret)
    screen.line(
        f"{made.private}  to sign with; give it to nobody{', nor its passphrase' if secret else ''}", style="warn"
    )
    screen.line(f"{made.public}  to verify with; for everybody", style="good")
    screen.line(f"fingerprint {made.fingerprint}", style="quiet")
    screen.result({"status": "ok", **vars(made)})


def ask_passphrase(*, new: bool = False) -> str:
    """Ask for the passphrase of a key, on stderr.

    Args:
        new: Ask twice, because a typing error would lock the key for ever.
    """
    return str(click.prompt("passphrase of the key", hide_input=True, confirmation_prompt=new, err=True))
