"""``eisen schema``: the JSON Schema of a configuration, for editors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

if TYPE_CHECKING:
    from eisen.config import Experiment

__all__ = ["schema"]


@click.command(cls=EisenCommand, short_help="Print the JSON Schema of a configuration.")
@click.argument("configuration", type=click.Path(dir_okay=False, path_type=Path), required=False)
@options.import_option
@options.talk_options
@click.pass_obj
def schema(screen: Screen, configuration: Path | None, imports: tuple[str, ...]) -> None:
    r"""Print the JSON Schema of a configuration; editors complete and check with it.

    Parts of eisen and of installed extensions are in it, those of --import, and those of the modules that
    CONFIGURATION names.

    \b
      eisen schema > eisen.schema.json
      { "$schema": "eisen.schema.json", "General": ...
    """
    from eisen.config import config_schema

    named: list[str] = []
    if configuration is not None:
        from eisen_cli.session import open_experiment

        # stdout belongs to the schema, so people read the repairs on stderr
        named = [*_foreign_modules(open_experiment(Screen(json=True, terminal=screen.terminal), configuration))]
    click.echo(json.dumps(config_schema([*imports, *named]), indent=2))


def _foreign_modules(experiment: Experiment) -> Iterator[str]:
    """Yield the modules of a configuration that are neither eisen's nor PyTorch's."""
    seen = set()
    parts = [experiment.models, *(getattr(phase, name) for phase in experiment.phases.values() for name in _LISTS)]
    for entry in (entry for part in parts for entry in part):
        module = entry.type.rpartition(".")[0]
        if module.partition(".")[0] not in ("eisen", "torch") and module not in seen:
            seen.add(module)
            yield module


_LISTS = (
    "datasets",
    "readers",
    "transforms",
    "losses",
    "metrics",
    "optimizer",
    "scheduler",
    "workflow",
    "hooks",
)
