"""``eisen compare``: which of several methods is better on the same cases."""

from __future__ import annotations

from pathlib import Path

import click

from eisen_cli import options
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

__all__ = ["compare"]


@click.command(cls=EisenCommand, short_help="Compare methods on the same cases.")
@click.argument("sources", metavar="[NAME=]RESULTS...", nargs=-1, required=True)
@click.option("--metrics", metavar="NAME,...", help="Metrics to compare.  [default: all that all have]")
@click.option(
    "--policy",
    default="worst",
    show_default=True,
    help="Missed labels: worst charges them; count leaves such cases out; or prediction=0,both=nan.",
)
@click.option("--level", type=click.FloatRange(0, 1, True, True), default=0.95, show_default=True, help="Of intervals.")
@click.option(
    "-o",
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default="comparison",
    show_default=True,
    help="Folder for comparison.csv and comparison.html.",
)
@options.talk_options
@click.pass_obj
def compare(
    screen: Screen, /, sources: tuple[str, ...], metrics: str | None, policy: str, level: float, out: Path
) -> None:
    r"""Compare two methods or more on the cases that all have.

    RESULTS is a folder that `eisen evaluate` wrote, or results.json, .csv or .parquet. Differences are paired; tests
    are Wilcoxon's, corrected by Holm for all that are made; ranks come with how stable they are.

    \b
      eisen compare results/baseline results/new
      eisen compare baseline=a/results.csv new=b/results.csv nnunet=c --metrics "DICE, HDRFDST(percentile=95)"
    """
    from eisen.evaluation import compare_results, metric_of, write_comparison
    from eisen.evaluation.comparing.compare import write_table
    from eisen.evaluation.comparing.reading import named_results
    from eisen.evaluation.policies import policy_of
    from eisen.evaluation.spelling import split_spellings
    from eisen_cli.show.comparison import show_comparison
    from eisen_cli.show.progress import shortest
    from eisen_cli.show.tables import text_columns

    named = named_results(sources)
    wanted = None if metrics is None else [metric_of(name).name for name in split_spellings(metrics)]
    found = compare_results(named, wanted, policy_of(policy), level=level)
    written = [
        (write_table(found, out / "comparison.csv"), "every pair of methods, per label and metric"),
        (write_comparison(found, out / "comparison.html", " and ".join(found.methods)), "the comparison, one page"),
    ]
    show_comparison(screen, found)
    for line in text_columns([["", what, shortest(path)] for path, what in written]):
        screen.line(line)
    pairs = [pair.row() for pair in found.pairs]
    ranks = [{"label": r.label, "metric": r.metric, "ranks": r.ranking.named()} for r in found.ranks]
    screen.result(
        {
            "status": "ok",
            "cases": found.cases,
            "left_out": found.left_out,
            "pairs": pairs,
            "ranks": ranks,
            "artifacts": written,
        }
    )
