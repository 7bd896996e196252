"""Cross-validation: every fold trained, every case measured once, and what all of it comes down to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eisen._core.errors import ArgumentError
from eisen.config import Experiment
from eisen.experiments.artifacts import Artifacts, make_folder
from eisen.experiments.campaigns.ensemble import write_ensemble
from eisen.experiments.campaigns.folds import SPLIT_FILE, SplitWish, campaign_split
from eisen.experiments.campaigns.measured import Measured
from eisen.experiments.campaigns.plan import Plan, run_tasks
from eisen.experiments.campaigns.statistics import N_RESAMPLES
from eisen.experiments.campaigns.summary import FoldScores, MetricSummary, summarise_scores
from eisen.experiments.campaigns.tables import write_membership, write_scores
from eisen.experiments.campaigns.task import Task, TaskOutcome
from eisen.experiments.splits import Fold, Splits

__all__ = ["CrossValidation", "CrossValidationResult"]


@dataclass
class CrossValidationResult:
    """What came out of a cross-validation.

    Args:
        n_runs: How many runs it has.
        outcomes: How each run ended; those that were not begun are absent.
        metrics: One line per metric; empty while runs are missing.
        notes: What has to be known to read the figures.
        facts: Cases, groups, folds, seeds and the digest of the split.
        artifacts: What was written: (path, what it is).
    """

    n_runs: int
    outcomes: list[TaskOutcome]
    metrics: list[MetricSummary] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)
    artifacts: list[tuple[Path, str]] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """True when every run is trained and measured."""
        return sum(outcome.is_complete for outcome in self.outcomes) == self.n_runs

    @property
    def failures(self) -> list[TaskOutcome]:
        """The runs that failed."""
        return [outcome for outcome in self.outcomes if outcome.status == "failed"]

    @property
    def interrupted(self) -> bool:
        """True when Ctrl-C stopped it."""
        return any(outcome.status == "interrupted" for outcome in self.outcomes)


class CrossValidation:
    """Trains every fold of a split, with one or several seeds, and measures every case once with each.

    Each fold is an ordinary run in ``<artifact_dir>/fold-<name>`` (``seed-<s>/fold-<name>`` with several seeds). A
    second call skips what is complete and continues what was interrupted. When all runs are complete there are

    ==================== ==================================================================================
    ``split.json``       the frozen split
    ``membership.csv``   which case is in which part of which fold
    ``scores.csv``       every metric of every case
    ``summary.json``     means, 95 % confidence intervals, differences between folds and seeds
    ``ensemble.json``    all models, for ``eisen predict --model``
    ==================== ==================================================================================

    Args:
        plan: What is run, on what, where, and how.
        split: How the cases are divided.
        n_seeds: How many seeds: that of the configuration and the next ones.

    Example:
        >>> from eisen.experiments.campaigns import Plan, SplitWish
        >>> plan = Plan("config.json", "data", "runs/cv", executor="processes", jobs=2)
        >>> CrossValidation(plan, SplitWish(folds=5, group="patient")).plan.jobs
        2
    """

    def __init__(self, plan: Plan, split: SplitWish | None = None, n_seeds: int = 1) -> None:
        if n_seeds < 1:
            raise ArgumentError(f"the number of seeds is {n_seeds}", expected="a whole number from 1")
        self.plan, self.wish, self.n_seeds = plan, split or SplitWish(), n_seeds

    def run(self) -> CrossValidationResult:
        """Run what is missing, and summarise when nothing is.

        Raises:
            ArgumentError: If the folder belongs to another split or configuration.
            ConfigError: If the configuration is wrong; nothing has run then.
            MissingExtraError: If the executor is not installed.
        """
        from eisen.experiments.campaigns.measure import measured_phase
        from eisen.experiments.parts import needed_phase, seed_of

        experiment = self._experiment()
        needed_phase(experiment, "Training", "crossval")
        measured_phase(experiment)
        make_folder(self.plan.root)
        first = seed_of(experiment)
        splits = campaign_split(experiment, Path(self.plan.data_dir), self.plan.root, self.wish, first)
        seeds = range(first, first + self.n_seeds)
        members = {self._name(fold, seed): (fold, seed) for seed in seeds for fold in splits.folds}
        tasks = [self._task(name, fold, seed) for name, (fold, seed) in members.items()]
        write_membership(self.plan.root / "membership.csv", splits)
        result = CrossValidationResult(len(tasks), run_tasks(self.plan, tasks))
        result.facts = _facts(splits, seeds)
        result.artifacts = [(self.plan.root / SPLIT_FILE, "frozen split")]
        result.artifacts.append((self.plan.root / "membership.csv", "cases of each fold"))
        if result.is_complete:
            self._gather(result, splits, members, experiment)
        return result

    def _experiment(self) -> Experiment:
        from eisen.config import read_config

        return read_config(self.plan.config_file(), self.plan.overrides, epochs=self.plan.epochs)

    def _name(self, fold: Fold, seed: int) -> str:
        name = f"fold-{fold.name.replace('/', '-')}"
        return name if self.n_seeds == 1 else f"seed-{seed}/{name}"

    def _task(self, name: str, fold: Fold, seed: int) -> Task:
        file = json.dumps(str(self.plan.root / SPLIT_FILE))
        overrides = [f"Split.file={file}", f"Split.fold={json.dumps(fold.name)}"]
        if self.n_seeds > 1:
            overrides.append(f"General.Seed={seed}")
        return self.plan.task(name, overrides, measures=True)

    def _gather(
        self,
        result: CrossValidationResult,
        splits: Splits,
        members: dict[str, tuple[Fold, int]],
        experiment: Experiment,
    ) -> None:
        """Write tables, summary and ensemble of all runs."""
        from eisen.experiments.campaigns.measure import measured_phase
        from eisen.experiments.parts import wrapped

        rounds = _rounds(splits)
        root = self.plan.root
        scores = [
            FoldScores(fold.name, seed, rounds[fold.name], Measured.read(root / name))
            for name, (fold, seed) in members.items()
        ]
        groups = {case: facts["group"] for case, facts in splits.cases.items()}
        has_whole = any(each.measured.whole for each in scores)
        metrics = [wrapped(entry, "Metrics") for entry in measured_phase(experiment).metrics] if has_whole else []
        result.metrics = summarise_scores(scores, groups if splits.group is not None else None, metrics)
        result.notes = [*_notes(scores, splits, result.metrics)]
        write_scores(root / "scores.csv", scores, groups)
        write_ensemble(
            root / "ensemble.json",
            [Artifacts(root / name).best for name in members],
            Artifacts(root / next(iter(members))).config,
        )
        Artifacts(root).write_json(root / "summary.json", summary_document(result))
        result.artifacts += [
            (root / "scores.csv", "scores of each case"),
            (root / "summary.json", "summary"),
            (root / "ensemble.json", "ensemble for eisen predict"),
        ]


def summary_document(result: CrossValidationResult) -> dict[str, Any]:
    """Return the summary of a cross-validation as plain data.

    Args:
        result: What `CrossValidation.run` returned.
    """
    return {
        "format": "eisen-summary",
        "version": 1,
        **result.facts,
        "notes": result.notes,
        "metrics": [line.facts() for line in result.metrics],
    }


def _rounds(splits: Splits) -> dict[str, int]:
    """Return the round of each fold: within a round no case is measured twice."""
    rounds: list[set[str]] = []
    numbers = {}
    for fold in splits.folds:
        cases = set(fold.test or fold.validation)
        number = next((i for i, known in enumerate(rounds) if known.isdisjoint(cases)), len(rounds))
        if number == len(rounds):
            rounds.append(set())
        rounds[number] |= cases
        numbers[fold.name] = number
    return numbers


def _facts(splits: Splits, seeds: Sequence[int]) -> dict[str, Any]:
    groups = {facts["group"] for facts in splits.cases.values()}
    return {
        "n_cases": len(splits.cases),
        "group": splits.group,
        "n_groups": len(groups) if splits.group is not None else None,
        "folds": [fold.name for fold in splits.folds],
        "seeds": list(seeds),
        "split_digest": splits.digest,
    }


def _notes(scores: Sequence[FoldScores], splits: Splits, metrics: Sequence[MetricSummary]) -> list[str]:
    """Return what has to be known to read the figures."""
    unit = "cases" if splits.group is None else f"groups ({splits.group})"
    notes = [f"intervals: 95 %, percentile bootstrap over {unit}, {N_RESAMPLES} resamples with a fixed seed"]
    measured = [each.measured for each in scores]
    if any(each.phase != "Testing" for each in measured):
        notes.append("measured with readers, transforms and metrics of Validation: there is no Testing with metrics")
    if any(each.part == "validation" for each in measured):
        notes.append(
            "some folds have no test part and were measured on their validation cases, which also chose the best "
            "epoch: the figures are optimistic"
        )
    n_measured = len({case for each in measured for case in each.cases})
    if n_measured < len(splits.cases):
        notes.append(f"{len(splits.cases) - n_measured} of {len(splits.cases)} cases are in no test part")
    if any(line.how == "mean of the folds" for line in metrics):
        notes.append("metrics marked as mean of the folds are computed within each fold, then averaged")
    return notes
