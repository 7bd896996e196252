"""``eisen evaluate``: measuring predictions that are there as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from eisen_cli import options
from eisen_cli.exit_codes import ExitCode
from eisen_cli.failures import EisenCommand
from eisen_cli.show.screen import Screen

if TYPE_CHECKING:
    from eisen.evaluation import Evaluator, Results
    from eisen.evaluation.labels import LabelNames
    from eisen.evaluation.matching import Matched

__all__ = ["evaluate"]

_FOLDER = click.Path(file_okay=False, path_type=Path)
_PATH = click.Path(exists=True, path_type=Path)


@click.command(cls=EisenCommand, short_help="Measure predictions against references, files by name.")
@click.option("--prediction", type=_PATH, required=True, help="Folder of predictions, or a file.")
@click.option("--reference", type=_PATH, required=True, help="Folder of references, or a file.")
@click.option("--labels", metavar="VALUE=NAME,...", help="Labels, e.g. 1=anterior,3+4=merged.  [default: all]")
@click.option("--metrics", default="all", show_default=True, help="Metrics, groups of them, or all.")
@click.option("--kind", type=click.Choice(["segmentation", "image"]), default="segmentation", show_default=True)
@click.option("--mask", type=_PATH, help="Where images are compared; folder or file.")
@click.option("--data-range", type=float, help="Largest minus smallest value of images.")
@click.option(
    "--policy",
    default="count",
    show_default=True,
    help="Cases without a value: count; worst charges what was missed; or prediction=worst,both=nan.",
)
@click.option(
    "--prediction-pattern", default="", metavar="PATTERN", help="How predictions are named: {case}_pred.nii.gz."
)
@click.option("--reference-pattern", default="", metavar="PATTERN", help="How references are named.")
@click.option("--allow-missing", is_flag=True, help="Go on where a file has no counterpart.")
@click.option("-o", "--out", type=_FOLDER, default="results", show_default=True, help="Folder for the results.")
@click.option("-j", "--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Processes.")
@click.option("--report/--no-report", default=True, show_default=True, help="Also write report.html.")
@click.option(
    "--attributes",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Table (CSV) with a row per case, for subgroups in the report.",
)
@click.option("--images", type=_PATH, help="Images behind the outlines in the report, named like the cases.")
@click.option("--run", type=_FOLDER, help="Run that predicted; the report tells its data, split and weights.")
@options.talk_options
@click.pass_obj
def evaluate(screen: Screen, /, out: Path, jobs: int, **words: Any) -> None:
    r"""Measure predictions against their references, case by case and label by label.

    Files of one case have one name, besides words such as _pred, _seg, _gt. Both must be on one grid.

    \b
      eisen evaluate --prediction predictions --reference labels --labels 1=anterior,2=posterior
      eisen evaluate --prediction p7_pred.nii.gz --reference p7.mha --metrics "DICE, HDRFDST(percentile=95)"
      eisen evaluate --prediction denoised --reference clean --kind image --metrics PSNR,SSIM -j 4
    """
    from eisen.evaluation import charged
    from eisen.evaluation.matching import match
    from eisen.evaluation.policies import policy_of
    from eisen.evaluation.writers import write_results
    from eisen_cli.show.evaluation import case_bar

    policy = policy_of(words["policy"])
    words["origin"] = _origin(words["run"])
    evaluator = _evaluator(words)
    patterns = words["prediction_pattern"], words["reference_pattern"]
    files = match(words["prediction"], words["reference"], *patterns, words["mask"])
    if not words["allow_missing"]:
        files.demand_complete()
    cases = files.inputs()
    with case_bar(screen, len(cases)) as done:
        evaluator.evaluate_many(cases, jobs, errors="keep", on_case=done)
    results = charged(evaluator.results, policy)
    written = write_results(results, out)
    if words["report"] and results.records:  # which shows the means with and without charges
        written.append((_report(evaluator, files, words, out), "the report, one page"))
    _finish(screen, results, files.missing(), written)


def _report(evaluator: Evaluator, files: Matched, words: dict[str, Any], out: Path) -> Path:
    from eisen.evaluation.attributes import read_attributes
    from eisen.evaluation.matching import counterparts
    from eisen.evaluation.report import Extras, write_report

    labels: LabelNames | None = getattr(evaluator, "labels", None)
    if labels is None:
        labels = {(int(name),): name for name in evaluator.results.labels if name.lstrip("-").isdigit()}
    extras = Extras(
        labels=labels,
        images=counterparts(words["images"], files) if words["images"] else {},
        attributes=read_attributes(words["attributes"]) if words["attributes"] else {},
        origin=words["origin"],
    )
    return write_report(evaluator.results, out / "report.html", extras)


def _origin(run: Path | None) -> dict[str, str]:
    """Return what the report tells about the run that predicted."""
    if run is None:
        return {}
    from eisen.experiments.evaluating import origin_of_run

    return origin_of_run(run)


def _evaluator(words: dict[str, Any]) -> Evaluator:
    from eisen.evaluation import EmptyPolicy, ImageEvaluator, SegmentationEvaluator
    from eisen.evaluation.policies import policy_of

    if words["kind"] == "image":
        if words["labels"]:
            raise click.UsageError("--labels is for --kind segmentation")
        return ImageEvaluator(words["metrics"], words["data_range"])
    if words["mask"] or words["data_range"] is not None:
        raise click.UsageError("--mask and --data-range are for --kind image")
    of_both = EmptyPolicy(both=policy_of(words["policy"]).both)
    return SegmentationEvaluator(words["metrics"], words["labels"], of_both)


def _finish(screen: Screen, results: Results, missing: list[str], written: list[tuple[Path, str]]) -> None:
    from eisen.evaluation import aggregate
    from eisen_cli.show.evaluation import show_failures, show_statistics
    from eisen_cli.show.progress import shortest
    from eisen_cli.show.tables import text_columns

    aggregates = aggregate(results)
    if aggregates:
        show_statistics(screen, aggregates)
    show_failures(screen, results)
    for line in missing:
        screen.line(line, style="warn")
    for line in text_columns([["", what, shortest(path)] for path, what in written]):
        screen.line(line)
    screen.result(
        {
            "status": "failed" if results.failures else "ok",
            "cases": results.cases,
            "statistics": [aggregate.row() for aggregate in aggregates],
            "failures": results.failures,
            "missing": missing,
            "artifacts": written,
        }
    )
    click.get_current_context().exit(ExitCode.DATA if results.failures else ExitCode.OK)
