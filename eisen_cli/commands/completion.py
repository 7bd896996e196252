"""``eisen completion``: the script that lets a shell complete commands, options and paths."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["completion"]

_HOW = {
    "bash": 'eval "$(eisen completion bash)"    in ~/.bashrc',
    "zsh": 'eval "$(eisen completion zsh)"    in ~/.zshrc',
    "fish": "eisen completion fish > ~/.config/fish/completions/eisen.fish",
}


@click.command(cls=EisenCommand, short_help="Print the completion script of a shell.")
@click.argument("shell", type=click.Choice(list(_HOW)))
@options.talk_options
@click.pass_obj
def completion(screen: Screen, shell: str) -> None:
    r"""Print the completion script for a SHELL: bash, zsh or fish.

    \b
    bash  eval "$(eisen completion bash)"    in ~/.bashrc
    zsh   eval "$(eisen completion zsh)"    in ~/.zshrc
    fish  eisen completion fish > ~/.config/fish/completions/eisen.fish
    """
    from eisen_cli.main import cli

    kind = get_completion_class(shell)
    assert kind is not None, "click knows these three"
    # click's own source() asks the installed bash for its version; the script itself needs no bash to be printed.
    maker = kind(cli, {}, "eisen", "_EISEN_COMPLETE")
    script = maker.source_template % maker.source_vars()
    if screen.json:
        screen.result({"status": "ok", "shell": shell, "script": script, "how": _HOW[shell]})
    else:
        click.echo(script)
