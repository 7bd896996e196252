"""``eisen review``: a trained model on every case of a phase, to be looked at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from eisen_cli import options
from eisen_cli.exit_codes import ExitCode
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

if TYPE_CHECKING:
    from eisen.experiments.reviews import Review

__all__ = ["review"]

_SHOWN = 10
_PHASES = ("Validation", "Testing", "Training")


@click.command(cls=EisenCommand, short_help="Predict, measure and keep every case of a phase, to look at.")
@options.config_argument
@click.option(
    "--phase", type=click.Choice(_PHASES), default="Validation", show_default=True, help="Whose cases to review."
)
@options.data_dir_option
@options.artifact_dir_option
@options.model_option
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The first N cases only.")
@options.set_option
@options.seed_option
@options.talk_options
@click.pass_obj
def review(
    screen: Screen,
    configuration: Path,
    phase: str,
    data_dir: Path,
    artifact_dir: Path,
    model: Path | None,
    limit: int | None,
    overrides: tuple[str, ...],
    seed: int | None,
) -> None:
    r"""Send every case of a phase of CONFIGURATION through the trained model, and keep what there is to see.

    Writes review/<phase> in the artifact folder: cases.csv, cases.json, and for each case image, reference and
    prediction as NIfTI on the grid of the file. The page of the run shows them, the worst cases first.

    \b
      eisen review config.json --artifact_dir runs/first
      eisen review config.json --phase Testing --limit 20
    """
    from eisen_cli.process import keep_memory
    from eisen_cli.session import open_experiment

    keep_memory()
    experiment = open_experiment(screen, configuration, overrides, seed)

    from eisen.experiments import review as make
    from eisen_cli.show.progress import RunDisplay

    with RunDisplay(screen) as display:
        found = make(experiment, data_dir, artifact_dir, phase=phase, model=model, limit=limit, observer=display)
    _show(screen, found)
    if found.interrupted:
        click.get_current_context().exit(ExitCode.INTERRUPTED)


def _show(screen: Screen, found: Review) -> None:
    """Show the worst cases, and where everything is."""
    from eisen_cli.show.tables import number, show_rows

    column = next(iter(found.columns), "")
    worst = found.worst_first(column)[:_SHOWN] if column else found.cases[:_SHOWN]
    columns = found.columns[:4]
    rows = [
        [case.name, *("" if case.values.get(name) is None else number(case.values[name] or 0.0) for name in columns)]
        for case in worst
    ]
    if rows:
        screen.line(f"the worst of {len(found.cases)} by {column}" if column else f"{len(found.cases)} cases")
        show_rows(screen, ["case", *columns], rows, right=range(1, len(columns) + 1))
    for name, reason in found.failures.items():
        screen.line(f"{name} was left out: {reason}", style="bad")
    screen.line(f"{len(found.cases)} of {found.n_cases} cases are in {found.folder}", style="good")
    screen.result(
        {
            "status": "interrupted" if found.interrupted else "ok",
            "folder": found.folder,
            "table": found.table_file,
            "kind": found.kind,
            "n_cases": len(found.cases),
            "failures": found.failures,
            "cases": [{"case": case.name, **case.values, **case.facts} for case in found.cases],
        }
    )
