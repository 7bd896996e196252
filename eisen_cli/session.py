"""From the words of a command line to a run that shows itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from eisen_cli.exit_codes import ExitCode
from eisen_cli.process import keep_memory
from eisen_cli.ranks import is_main
from eisen_cli.show.screen import Screen, plain

if TYPE_CHECKING:
    from eisen.config import Experiment
    from eisen.experiments import Run, RunResult

__all__ = ["finish", "open_experiment", "open_run"]


def open_experiment(
    screen: Screen,
    configuration: str | Path,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    epochs: int | None = None,
) -> Experiment:
    """Read a configuration and say which repairs it needed.

    Args:
        screen: Where to write.
        configuration: Path of the file.
        overrides: ``PATH=VALUE`` texts.
        seed: Replaces ``.Seed``.
        epochs: Replaces ``.Epochs``.

    Raises:
        ConfigError: If the configuration is wrong; it holds all problems.
    """
    from eisen.config import read_config
    from eisen_cli.show.cards import show_repairs

    seeded = [] if seed is None else [f"General.Seed={seed}"]
    experiment = read_config(configuration, [*overrides, *seeded], epochs=epochs)
    show_repairs(screen, experiment.repairs)
    return experiment


@contextmanager
def open_run(
    screen: Screen,
    configuration: str | Path,
    data_dir: str | Path,
    artifact_dir: str | Path,
    overrides: Sequence[str] = (),
    seed: int | None = None,
    epochs: int | None = None,
    *,
    resume: bool = False,
    force: bool = False,
    model: Path | None = None,
) -> Iterator[Run]:
    """Yield a run that is shown on the screen while it works.

    Args:
        screen: Where to write.
        configuration: Path of the configuration.
        data_dir: Folder of the data.
        artifact_dir: Folder for the results.
        overrides: ``PATH=VALUE`` texts.
        seed: Replaces ``.Seed``.
        epochs: Replaces ``.Epochs``.
        resume: Continue from the checkpoint in the artifact folder.
        force: Continue although something has changed since.
        model: Weights to use.
    """
    keep_memory()
    experiment = open_experiment(screen, configuration, overrides, seed, epochs)

    from eisen.experiments import Run
    from eisen_cli.show.progress import RunDisplay

    with RunDisplay(screen) as display:
        yield Run(experiment, data_dir, artifact_dir, resume=resume, force=force, model=model, observer=display)


def finish(screen: Screen, result: RunResult) -> None:
    """Show how a run ended and where everything was written, then exit; 130 when Ctrl-C ended it.

    Args:
        screen: Where to write.
        result: What the run returned.
    """
    from eisen_cli.show.progress import show_result

    if result.evaluation:
        from eisen_cli.show.evaluation import show_statistics

        screen.line()
        show_statistics(screen, result.evaluation)
    show_result(screen, result)
    screen.result({"status": "interrupted" if result.interrupted else "ok", **plain(result)})
    if result.interrupted and is_main():  # torchrun ends all processes when one of them ends with an error
        click.get_current_context().exit(ExitCode.INTERRUPTED)
