"""The part ``"Evaluation"`` of a configuration: every case of a pass measured by `eisen.evaluation`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.errors import ArgumentError, ConfigError, Problem, nearest
from eisen.config import Experiment, Phase
from eisen.config.evaluation import EVALUATION

if TYPE_CHECKING:
    from eisen.evaluation import Results
    from eisen.utils.evaluating import WorkflowEvaluation

__all__ = [
    "FOLDER",
    "evaluated_folds",
    "evaluation_of",
    "joined_folds",
    "origin_of_run",
    "values_by_case",
    "write_evaluation",
]

FOLDER = "evaluation"
"""Where results lie in an artifact folder, in a folder per phase."""


def evaluation_of(experiment: Experiment, phase: Phase) -> WorkflowEvaluation | None:
    """Return what measures the cases of a phase; None if the configuration has no part ``"Evaluation"``.

    Args:
        experiment: The configuration.
        phase: The phase that will run.

    Raises:
        ConfigError: If the part says something that cannot be; it holds all problems.
    """
    part = experiment.document.get("Evaluation")
    if not part:
        return None
    _check(part, experiment)
    from eisen.utils.evaluating import WorkflowEvaluation, evaluator_of

    kind = part.get("kind", "segmentation")
    known = phase.hyper.labels or experiment.hyper.labels or {}
    labels = part.get("labels") or (
        {} if kind == "image" else {str(v): n for v, n in known.items() if _counts(v, kind)}
    )
    try:
        evaluator = evaluator_of(kind, part["metrics"], labels, part.get("policy", "count"))
    except ArgumentError as error:
        raise ConfigError([Problem("Evaluation", error.card.what, _expected(error), experiment.path)]) from error
    return WorkflowEvaluation(evaluator, part.get("prediction"), part.get("reference"))


def write_evaluation(
    results: Results, folder: Path, title: str, origin: Mapping[str, Any] | None = None
) -> list[tuple[Path, str]]:
    """Write the results of a pass, and their report.

    Args:
        results: What was measured.
        folder: Where to; it is made when it is absent.
        title: Heading of the report.
        origin: What the results are of: digests of configuration, data, split and model.

    Returns:
        Each file, and what is in it.
    """
    from eisen.evaluation import Extras, write_report
    from eisen.evaluation.writers import write_results

    written = write_results(results, folder)
    if results.records:
        extras = Extras(title=title, origin=_facts(origin or {}))
        written.append((write_report(results, folder / "report.html", extras), "the report, one page"))
    return written


def origin_of_run(place: str | Path) -> dict[str, str]:
    """Return what a report tells about the run that a model is of: digests of data, split and weights, and the code.

    Args:
        place: Artifact folder of the run.

    Raises:
        MissingFileError: If there is no run.
    """
    from eisen.experiments.runs import read_run

    found = read_run(place)
    return {"run": found.name, **_facts(found.facts)}


def values_by_case(results: Results, cases: Sequence[str]) -> dict[str, list[float]]:
    """Return the values of each metric and label, ``DICE[anterior]``, one per case; NaN where there is none.

    Args:
        results: What was measured.
        cases: Names of the cases, in the order that is wanted.

    Example:
        >>> from eisen.evaluation import Record, Results
        >>> values_by_case(Results([Record("b", "lung", "DICE", 0.5)]), ["a", "b"])
        {'DICE[lung]': [nan, 0.5]}
    """
    found: dict[str, dict[str, float]] = {}
    for record in results:
        name = f"{record.metric}[{record.label}]" if record.label else record.metric
        found.setdefault(name, {})[record.case] = record.value
    return {name: [values.get(case, math.nan) for case in cases] for name, values in found.items()}


def evaluated_folds(root: Path, parts: Mapping[str, str]) -> list[tuple[Path, str]]:
    """Write the results of all runs of a campaign together, with their report, if all of them have some.

    Args:
        root: Folder of the campaign.
        parts: Folder of each run in it, to the part that was measured: "test" or "validation".

    Returns:
        Each file, and what is in it.
    """
    from eisen.evaluation import Results

    files = {name: root / name / FOLDER / part / "results.json" for name, part in parts.items()}
    if not files or not all(file.is_file() for file in files.values()):
        return []
    whole = joined_folds({name: Results.read(file) for name, file in files.items()})
    return write_evaluation(whole, root / FOLDER, "Cross-validation: every case by a model that has not seen it")


def joined_folds(folds: Mapping[str, Results]) -> Results:
    """Return the results of several runs as one; a case that was measured several times is told by its run, too.

    Args:
        folds: Name of the run to its results.
    """
    from eisen.evaluation import Results

    cases = [case for results in folds.values() for case in results.cases]
    if len(set(cases)) == len(cases):
        return Results.joined(list(folds.values()))
    whole = Results()
    for name, results in folds.items():
        records = [replace(record, case=f"{record.case} ({name})") for record in results]
        facts = {f"{case} ({name})": facts for case, facts in results.facts.items()}
        whole.include(Results(records, facts, results.metrics))
    return whole


def _check(part: Any, experiment: Experiment) -> None:
    problems = []
    if not isinstance(part, dict):
        problems.append(Problem("Evaluation", f"it is {json.dumps(part)[:60]}", '{"metrics": ["DICE"]}'))
    else:
        for key in [key for key in part if key not in EVALUATION]:
            expected = nearest(key, EVALUATION) or f"one of {', '.join(EVALUATION)}"
            problems.append(Problem(f"Evaluation.{key}", f"unknown '{key}'", expected))
        if "metrics" not in part:
            problems.append(Problem("Evaluation", "there are no metrics", 'e.g. "metrics": ["DICE"]'))
    if problems:
        raise ConfigError([replace(problem, file=experiment.path) for problem in problems])


def _counts(value: int, kind: str) -> bool:
    """Tell whether a value of `.Labels` is one to measure; the background is no label, but it is a class."""
    return value != 0 or kind == "classification"


def _expected(error: ArgumentError) -> str:
    return "; ".join(text for text in (error.card.expected, error.card.to_do) if text)


def _facts(record: Mapping[str, Any]) -> dict[str, str]:
    """Return what a record of a run says about where results come from, as rows of a report."""

    def part(*keys: str) -> Any:
        value: Any = record
        for key in keys:
            value = value.get(key) if isinstance(value, Mapping) else None
        return value

    told = {"configuration": part("config_digest"), "model": part("model")}
    for phase, data in (part("data") or {}).items():
        told[f"data, {phase}"] = f"{data.get('digest')} ({data.get('n_cases')} cases)"
    told |= {"split": part("split", "digest") or part("split"), "weights": part("weights_digest", "best")}
    told |= {"eisen": part("versions", "eisen"), "code": part("code", "digest"), "commit": part("git", "commit")}
    if part("git", "dirty"):
        told["commit"] = f"{told['commit']}, with changes"
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in told.items() if value}
