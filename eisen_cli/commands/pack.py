"""``eisen pack``: from a training run to a package that can be served."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

if TYPE_CHECKING:
    from eisen_deploy.packaging.pack import PackReport

__all__ = ["pack"]

_FOLDER = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(cls=EisenCommand, short_help="Make a package of a training run, ready to serve.")
@click.argument("artifacts", type=_FOLDER)
@click.argument("package", type=_FILE)
@click.option("--name", default="", help="Name of the model, as in its address.  [default: that of the file]")
@click.option("--version", default="1.0", show_default=True, help="Version of the model.")
@options.models_option
@click.option("--config", type=_FILE, help="Another configuration of the same model, e.g. with a phase Prediction.")
@click.option("--data_dir", "--data-dir", "data_dir", type=_FOLDER, help="Folder of the data.  [default: as trained]")
@options.tta_option
@click.option(
    "--gate",
    type=click.Choice(["off", "warn", "refuse"]),
    default="warn",
    show_default=True,
    help="What happens to images unlike those of the training.",
)
@click.option("--golden", type=click.IntRange(0, 16), default=2, show_default=True, help="Golden cases to draw.")
@click.option(
    "--golden-case",
    "golden_cases",
    metavar="FILE",
    multiple=True,
    help="A real golden case, or FIELD=FILE,FIELD=FILE. It travels with the package. Repeatable.",
)
@click.option("--no-graph", is_flag=True, help="Leave the ONNX graphs out.")
@click.option("--evaluation", type=click.Path(path_type=Path), help="Results of eisen evaluate, for the model card.")
@click.option("--intended-use", metavar="TEXT", default="", help="What the model is for; for the model card.")
@click.option("--limits", metavar="TEXT", default="", help="What it is not for, and where it fails.")
@click.option("--licence", "licences", type=_FILE, multiple=True, help="A licence to put inside. Repeatable.")
@click.option("--sign", metavar="KEY", type=_FILE, help="Sign with this private key (see 'eisen keys').")
@click.option("--overwrite", is_flag=True, help="Replace an older file of that name.")
@options.talk_options
@click.pass_obj
def pack(screen: Screen, /, artifacts: Path, package: Path, no_graph: bool, **wishes: Any) -> None:
    r"""Make PACKAGE (a .mar) of the run in ARTIFACTS: of eisen train, or of eisen crossval with all its models.

    Inside are weights, configuration, ONNX graphs, golden cases, a model card, licences and versions: no code and no
    pickle. The package is opened and tried before it gets its name. The same run gives the same bytes.

    \b
      eisen pack artifacts hippocampus.mar
      eisen pack artifacts hippocampus.mar --intended-use "Research on memory." --licence DATA_LICENCE.txt
      eisen pack crossval hippocampus.mar --tta flips --sign clinic.key
    """
    from eisen_deploy.packaging.pack import pack_run

    report = pack_run(
        artifacts,
        package,
        say=lambda text: screen.line(f"{text} ...", style="quiet"),
        graph=not no_graph,
        **wishes,
    )
    _show(screen, report)


def _show(screen: Screen, report: PackReport) -> None:
    from eisen_cli.show.tables import text_columns

    n = report.n_models
    models = "1 model" if n == 1 else f"{n} models that predict together"
    verified = "a real case gets the same prediction as from the run" if report.verified else "not on a real case"
    rows = [
        ["model", f"{report.name} {report.version}: {models}, gives {report.kind} for {', '.join(report.inputs)}"],
        ["golden", f"{report.golden} cases, replayed"],
        ["compared", verified],
        ["signed", f"key {report.signed[:16]}" if report.signed else "no"],
        ["written", f"{report.path} ({_size(report.size)}, {len(report.members)} members)"],
    ]
    screen.line()
    for line in text_columns(rows):
        screen.line(line)
    for note in report.notes:
        screen.line(f"note: {note}", style="warn")
    screen.line(f"serve it with: eisen serve {shlex.quote(str(report.path))}", style="good")
    screen.result({"status": "ok", **vars(report)})


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 2**20:.1f} MiB" if n_bytes >= 2**20 else f"{n_bytes / 2**10:.0f} KiB"
