"""Cross-validation: every fold trained, every case measured once, and what all of it comes down to."""

from __future__ import annotations

import json
from pathlib import Path

from eisen._core.errors import ArgumentError
from eisen.config import Experiment
from eisen.experiments.artifacts import Artifacts, make_folder
from eisen.experiments.campaigns.crossval_result import (
    CrossValidationResult,
    facts_of,
    notes_of,
    summary_document,
)
from eisen.experiments.campaigns.ensemble import write_ensemble
from eisen.experiments.campaigns.folds import SPLIT_FILE, SplitWish, campaign_split
from eisen.experiments.campaigns.measured import Measured
from eisen.experiments.campaigns.plan import Plan, run_tasks
from eisen.experiments.campaigns.summary import FoldScores, summarise_scores
from eisen.experiments.campaigns.tables import write_membership, write_scores
from eisen.experiments.campaigns.task import Task
from eisen.experiments.evaluating import evaluated_folds
from eisen.experiments.splits import Fold, Splits

__all__ = ["CrossValidation"]


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
        result.facts = facts_of(splits, seeds)
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
        result.notes = [*notes_of(scores, splits, result.metrics)]
        write_scores(root / "scores.csv", scores, groups)
        write_ensemble(
            root / "ensemble.json",
            [Artifacts(root / name).best for name in members],
            Artifacts(root / next(iter(members))).config,
        )
        Artifacts(root).write_json(root / "summary.json", summary_document(result))
        result.artifacts += evaluated_folds(
            root, {name: each.measured.part for name, each in zip(members, scores, strict=True)}
        )
        result.artifacts += [
            (root / "scores.csv", "scores of each case"),
            (root / "summary.json", "summary"),
            (root / "ensemble.json", "ensemble for eisen predict"),
        ]


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
