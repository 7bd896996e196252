"""``eisen validate`` and ``eisen test``: one pass of a phase with a saved model."""

from __future__ import annotations

from pathlib import Path

import click

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["test", "validate"]


def _evaluation(method: str, phase: str) -> click.Command:
    """Return the command that runs one method of `eisen.experiments.Run`."""

    @click.command(
        method,
        cls=EisenCommand,
        help=f"Measure a trained model on the {phase} phase of CONFIGURATION.",
        short_help=f"Measure a trained model, {phase} phase.",
    )
    @options.config_argument
    @options.data_dir_option
    @options.artifact_dir_option
    @options.model_option
    @options.devices_option
    @options.set_option
    @options.seed_option
    @options.talk_options
    @click.pass_obj
    def command(
        screen: Screen,
        configuration: Path,
        data_dir: Path,
        artifact_dir: Path,
        model: Path | None,
        overrides: tuple[str, ...],
        seed: int | None,
    ) -> None:
        from eisen_cli.session import finish, open_run

        with open_run(screen, configuration, data_dir, artifact_dir, overrides, seed, model=model) as run:
            result = getattr(run, method)()
        finish(screen, result)

    return command


validate = _evaluation("validate", "Validation")
test = _evaluation("test", "Testing")
