"""``eisen data create`` and ``eisen data info``: one file with all cases, and what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eisen_cli import options
from eisen_cli.exit_codes import ExitCode
from eisen_cli.failures import EisenCommand
from eisen_cli.process import cores
from eisen_cli.show.screen import Screen

if TYPE_CHECKING:
    from eisen.experiments.storing import CasesToStore

__all__ = ["create", "info"]

_FILE = click.Path(dir_okay=False, path_type=Path)


@click.command(cls=EisenCommand, short_help="Write all cases into one fast file.")
@options.config_argument
@click.argument("output", metavar="OUT.h5", type=click.Path(path_type=Path))
@options.data_dir_option
@click.option(
    "--phase",
    type=click.Choice(["Training", "Validation", "Testing", "Prediction"], case_sensitive=False),
    help="Cases of this phase only.  [default: Training and Validation together, each case once]",
)
@click.option("--fields", metavar="NAMES", help="Which fields, with commas in between.  [default: all]")
@click.option(
    "--form",
    type=click.Choice(["raw", "int16", "blosc2"]),
    default="raw",
    show_default=True,
    help="raw: fastest; int16: half the size, for scaled integers; blosc2: compressed, nothing lost.",
)
@click.option(
    "--layout", type=click.Choice(["eisen", "pymia"]), default="eisen", show_default=True, help="Whose format."
)
@click.option("--meta-only", is_flag=True, help="Write no pixels: names, files, shapes and geometry only.")
@click.option("--anonymous", is_flag=True, help="Number the cases; leave out names, files and texts.")
@click.option(
    "--salt", metavar="SECRET", envvar="EISEN_SALT", help="With --anonymous: hash the names with this secret."
)
@click.option("--workers", type=click.IntRange(min=0), help="Cases read at the same time.  [default: one per core]")
@click.option(
    "--executor",
    type=click.Choice(["processes", "threads", "ray"]),
    default="processes",
    show_default=True,
    help="Where they are read.",
)
@click.option("--ray-address", metavar="ADDRESS", help="Of a Ray cluster, e.g. auto; without it Ray runs here.")
@click.option("--force", is_flag=True, help="Replace a store of that name; read again what is half done.")
@options.set_option
@options.talk_options
@click.pass_obj
def create(
    screen: Screen,
    /,
    configuration: Path,
    output: Path,
    data_dir: Path,
    overrides: tuple[str, ...],
    **choices: Any,
) -> None:
    r"""Write the cases of CONFIGURATION into one HDF5 file, of which any part is read at the speed of memory.

    The readers run, and the transforms up to the first one that is random; the others are for the training, and are
    named. When it is interrupted, the same command goes on where it was.

    \b
      eisen data create config.json store.h5
      eisen data create config.json small.h5 --form blosc2 --workers 8
      eisen data create config.json shared.h5 --anonymous
    """
    from eisen_cli.session import open_experiment

    _demand_new(output, choices["force"])
    experiment = open_experiment(screen, configuration, overrides)

    from eisen.experiments.storing import cases_to_store
    from eisen.storage import create_store
    from eisen_cli.show.stores import CreationDisplay, show_plan

    if choices["salt"] and not choices["anonymous"]:
        raise click.UsageError("--salt goes with --anonymous")
    cases = cases_to_store(experiment, data_dir, choices["phase"])
    show_plan(screen, cases)
    with CreationDisplay(screen) as display:
        create_store(
            cases.dataset,
            output,
            fields=None if choices["fields"] is None else [name.strip() for name in choices["fields"].split(",")],
            form=choices["form"],
            layout=choices["layout"],
            pixels=not choices["meta_only"],
            anonymous=choices["salt"] or choices["anonymous"],
            n_workers=cores() if choices["workers"] is None else choices["workers"],
            executor=choices["executor"],
            config=cases.config,
            resume=not choices["force"],
            observer=display,
            ray_address=choices["ray_address"],
        )
    display.show_end(configuration)
    screen.result(_document(output, cases, display.n_reused))


@click.command(cls=EisenCommand, short_help="Show what is in a store.")
@click.argument("file", type=_FILE)
@click.option("--cases", "all_cases", is_flag=True, help="List every case.")
@click.option("--verify", is_flag=True, help="Compute all digests again; the exit code is 4 if an array is damaged.")
@options.talk_options
@click.pass_context
def info(ctx: click.Context, file: Path, all_cases: bool, verify: bool) -> None:
    r"""Show what is in a store: cases, fields, shapes, sizes, digests. Files of pymia too.

    \b
      eisen data info store.h5
      eisen data info store.h5 --verify
    """
    from eisen.storage import summarise_store
    from eisen_cli.show.stores import VerifyDisplay, show_store

    screen = ctx.ensure_object(Screen)
    with VerifyDisplay(screen) as display:
        summary = summarise_store(file, verify=verify, progress=display)
    show_store(screen, summary, all_cases=all_cases)
    screen.result({"status": "damaged" if summary.damaged else "ok", **vars(summary)})
    ctx.exit(ExitCode.DATA if summary.damaged else ExitCode.OK)


def _demand_new(output: Path, force: bool) -> None:
    if output.exists() and not force:
        from eisen._core.errors import ArtifactError

        raise ArtifactError(
            f"{output} is there already", file=str(output), to_do="choose another name, or replace it with --force"
        )


def _document(output: Path, cases: CasesToStore, n_reused: int) -> dict[str, Any]:
    from eisen.storage import summarise_store

    summary = summarise_store(output)
    facts = {"kept": cases.kept, "left_out": cases.left_out, "phases": cases.phases, "n_reused": n_reused}
    return {"status": "ok", "file": output, **facts, "store": summary}
