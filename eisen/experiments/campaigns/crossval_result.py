"""What came out of a cross-validation, and what has to be known to read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eisen.experiments.campaigns.statistics import N_RESAMPLES, N_RESAMPLES_TOGETHER
from eisen.experiments.campaigns.summary import FoldScores, MetricSummary
from eisen.experiments.campaigns.task import TaskOutcome
from eisen.experiments.splits import Splits

__all__ = ["CrossValidationResult", "facts_of", "notes_of", "summary_document"]


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


def facts_of(splits: Splits, seeds: Sequence[int]) -> dict[str, Any]:
    """Return how many cases, groups, folds and seeds there are.

    Args:
        splits: The split.
        seeds: The seeds.
    """
    groups = {facts["group"] for facts in splits.cases.values()}
    return {
        "n_cases": len(splits.cases),
        "group": splits.group,
        "n_groups": len(groups) if splits.group is not None else None,
        "folds": [fold.name for fold in splits.folds],
        "seeds": list(seeds),
        "split_digest": splits.digest,
    }


def notes_of(scores: Sequence[FoldScores], splits: Splits, metrics: Sequence[MetricSummary]) -> list[str]:
    """Return what has to be known to read the figures, one line each.

    Args:
        scores: Scores of all folds and seeds.
        splits: The split.
        metrics: What they come down to.
    """
    unit = "cases" if splits.group is None else f"groups ({splits.group})"
    notes = [
        f"intervals: 95 %, percentile bootstrap over {unit}, {N_RESAMPLES} resamples "
        f"({N_RESAMPLES_TOGETHER} for all cases together), fixed seed"
    ]
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
