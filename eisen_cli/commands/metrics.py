"""``eisen metrics``: what can be measured, and how each metric is defined."""

from __future__ import annotations

import click

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["metrics"]


@click.command(cls=EisenCommand, short_help="Show what can be measured, and how it is defined.")
@click.argument("what", metavar="[GROUP|NAME]", required=False)
@options.talk_options
@click.pass_obj
def metrics(screen: Screen, what: str | None) -> None:
    r"""Show what can be measured, and how it is defined.

    \b
      eisen metrics                            all metrics
      eisen metrics overlap                    one group, or a kind such as image
      eisen metrics "HDRFDST(percentile=95)"   one metric: formula, source, empty masks, parameters
    """
    from eisen.evaluation.definitions import definition_of, definitions
    from eisen_cli.show.metrics import show_definition, show_definitions

    found = definitions(what)
    if found:
        show_definitions(screen, found)
    else:
        found = [definition_of(str(what))]
        show_definition(screen, found[0])
    screen.result({"status": "ok", "metrics": [definition.as_dict() for definition in found]})
