"""``eisen split``: freeze which cases train, validate and test; look at a frozen split and check it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

if TYPE_CHECKING:
    from eisen.config import Experiment
    from eisen.experiments.splits import Splits

__all__ = ["split"]

_FILE = click.Path(dir_okay=False, path_type=Path)
_SHARE = click.FloatRange(0, 1, max_open=True)


@click.command(cls=EisenCommand, short_help="Freeze which cases train, validate and test.")
@click.argument("source", metavar="CONFIGURATION|SPLIT", type=_FILE)
@options.data_dir_option
@click.option("--folds", type=click.IntRange(min=2), help="Cross-validation: each case is tested once.  [default: 5]")
@click.option("--test", type=_SHARE, help="One division instead: this share of the groups is for the test.")
@click.option(
    "--group",
    metavar="FIELD|REGEX",
    help="What a patient's cases have in common: a listed field, or 'regex:^(p\\d+)_'.",
)
@click.option("--no-group", is_flag=True, help="Declare that no two cases are of one patient.")
@click.option("--stratify", metavar="FIELD|REGEX", help="Give each part its share of these classes.")
@click.option("--read", is_flag=True, help="Read each case once where its class is not listed.")
@click.option("--validation", type=_SHARE, help="Share of the rest that is for validation.  [default: 0.2]")
@click.option(
    "--repeats", type=click.IntRange(min=1), default=1, show_default=True, help="Divide so often, each time anew."
)
@click.option(
    "--nested", metavar="N", type=click.IntRange(min=2), help="N inner folds in each fold, for choosing settings."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Another number, another split.")
@click.option("-o", "--output", type=_FILE, default="split.json", show_default=True, help="Where to freeze it.")
@click.option("--force", is_flag=True, help="Replace another split of that name.")
@click.option("--check", "against", metavar="CONFIGURATION", type=_FILE, help="Do its cases fit the SPLIT?")
@options.set_option
@options.talk_options
@click.pass_obj
def split(
    screen: Screen,
    /,
    source: Path,
    data_dir: Path,
    overrides: tuple[str, ...],
    output: Path,
    force: bool,
    against: Path | None,
    **choices: Any,
) -> None:
    r"""Freeze which cases train, validate and test, or look at a frozen split.

    The cases are those of the data sets of Training and Validation. Cases of one patient must stay together: name
    what they have in common with --group, or declare with --no-group that there is no such thing.

    \b
      eisen split config.json --folds 5 --group patient --stratify label
      eisen split config.json --test 0.2 --group 'regex:^(sub-\d+)' -o holdout.json
      eisen split split.json                           show it, and check that it is whole
      eisen split split.json --check config.json       and that it fits the data
      eisen train config.json --set Split.file=split.json --set Split.fold=0
    """
    from eisen.experiments.splits.choice import is_split_file
    from eisen_cli.show.split import show_split

    if is_split_file(source):
        splits = _checked(screen, source, against, data_dir, overrides)
        show_split(screen, splits)
        screen.line(f"whole, nothing leaks; digest {splits.digest[:12]}", style="good")
        screen.result(_document(source, splits))
        return
    if against is not None:
        raise click.UsageError("--check goes with a frozen split: eisen split split.json --check config.json")
    splits = _made(_experiment(screen, source, overrides), data_dir, choices)
    _demand_new(output, splits, force)
    splits.save(output)
    show_split(screen, splits)
    screen.line(f"{output}  digest {splits.digest[:12]}", style="good")
    beside = output.resolve().parent == source.resolve().parent
    chosen = f"--set Split.file={output.name if beside else output.resolve()} --set Split.fold={splits.folds[0].name}"
    screen.line(f"eisen train {source} {chosen}", style="quiet")
    screen.result(_document(output, splits))


def _experiment(screen: Screen, configuration: Path, overrides: tuple[str, ...]) -> Experiment:
    from eisen_cli.session import open_experiment

    return open_experiment(screen, configuration, overrides)


def _made(experiment: Experiment, data_dir: Path, choices: dict[str, Any]) -> Splits:
    """Return the split that the options ask for."""
    from eisen.experiments.splits import holdout, kfold, nested, pool_of

    _demand_one_kind(choices)
    chosen = {name: choices[name] for name in ("group", "no_group", "stratify", "seed")}
    chosen["read_samples"] = choices["read"]
    share = {} if choices["validation"] is None else {"validation": choices["validation"]}
    pool = pool_of(experiment, data_dir)
    if choices["test"] is not None:
        return holdout(pool, test=choices["test"], repeats=choices["repeats"], **share, **chosen)
    n_folds = choices["folds"] or 5
    if choices["nested"]:
        return nested(pool, n_folds, choices["nested"], **chosen)
    return kfold(pool, n_folds, repeats=choices["repeats"], **share, **chosen)


def _demand_one_kind(choices: dict[str, Any]) -> None:
    if choices["test"] is not None and (choices["folds"] or choices["nested"]):
        raise click.UsageError("--test makes one division, --folds and --nested a cross-validation: use one of them")
    if choices["nested"] and (choices["repeats"] > 1 or choices["validation"] is not None):
        raise click.UsageError("--nested: the inner folds are the validation; leave out --validation and --repeats")


def _demand_new(path: Path, splits: Splits, force: bool) -> None:
    """Results name a split by its digest: another one must not take its file by accident."""
    from eisen._core.errors import ArtifactError, EisenError
    from eisen.experiments.splits import Splits as Frozen

    if force or not path.exists():
        return
    try:
        if Frozen.load(path).digest == splits.digest:
            return
    except EisenError:
        pass
    raise ArtifactError(
        f"{path} is there already, and is not this split",
        file=str(path),
        to_do="choose another name with -o, or replace it with --force",
    )


def _checked(screen: Screen, source: Path, against: Path | None, data_dir: Path, overrides: tuple[str, ...]) -> Splits:
    """Return a frozen split, whole and, if asked for, fitting the cases of a configuration."""
    from eisen.experiments.splits import Splits as Frozen

    splits = Frozen.load(source)
    if against is not None:
        from eisen.experiments.splits.pool import compare, pool_of

        named = (f"Split.file={source.resolve()}", f"Split.fold={splits.folds[0].name}")
        experiment = _experiment(screen, against, (*overrides, *named))
        compare(experiment, pool_of(experiment, data_dir))
        screen.line(f"fits the {len(splits.cases)} cases of {against}", style="good")
    return splits


def _document(path: Path, splits: Splits) -> dict[str, Any]:
    folds = [{"name": fold.name, **{part: len(cases) for part, cases in fold.parts()}} for fold in splits]
    facts = {name: getattr(splits, name) for name in ("kind", "seed", "group", "group_absent", "stratify", "digest")}
    return {"status": "ok", "file": path, **facts, "n_cases": len(splits.cases), "folds": folds}
