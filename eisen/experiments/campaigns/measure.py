"""Measuring every test case of a fold, once, with the best model of the fold."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from eisen._core.digest import file_digest, json_digest
from eisen._core.errors import ConfigError, CorruptFileError, MissingFileError, Problem
from eisen.config import Entry, Experiment, Phase
from eisen.experiments.artifacts import Artifacts
from eisen.experiments.campaigns.measured import ARRAYS_FILE, SCORES_FILE, Measured
from eisen.experiments.campaigns.state import comparable
from eisen.experiments.campaigns.whole import WholeCollector, is_whole, named_values
from eisen.experiments.evaluating import evaluation_of, values_by_case
from eisen.experiments.observer import Observer
from eisen.experiments.session import Session

if TYPE_CHECKING:
    from eisen.experiments.parts import PhaseParts
    from eisen.utils.events import BatchEnd

__all__ = ["is_measured", "measure_fold", "measured_phase"]

_WITH_LOSSES = Entry("eisen.utils.workflows.Validation", {"device": "auto"}, "Validation.Workflow")


def measured_phase(experiment: Experiment) -> Phase:
    """Return the phase whose readers, transforms and metrics measure test cases: Testing, else Validation.

    Testing counts when it has metrics. Where neither has, the losses of Validation are measured.

    Args:
        experiment: The configuration.

    Raises:
        ConfigError: If there is nothing to measure with.
    """
    phases = [phase for name in ("Testing", "Validation") if (phase := experiment.phases.get(name)) is not None]
    for phase in phases:
        if phase.metrics and phase.datasets:
            return phase
    for phase in phases:
        if phase.losses and phase.datasets:
            return phase
    what = "there is nothing to measure the test cases with"
    raise ConfigError([Problem("Testing", what, "Testing or Validation with Datasets and Metrics", experiment.path)])


def measure_fold(
    experiment: Experiment, data_dir: str | Path, folder: str | Path, observer: Observer
) -> Literal["measured", "reused", "interrupted"]:
    """Measure each test case of the fold that a configuration chooses, with the best model in a folder.

    A fold without test cases is measured on its validation cases.

    Args:
        experiment: The configuration with its Split.
        data_dir: Folder of the data.
        folder: Artifact folder of the fold; the scores are written there.
        observer: Is told what happens.

    Returns:
        ``"reused"`` when the scores of exactly this model were there already.
    """
    from eisen.experiments.parts import build_model, build_phase, seed_of
    from eisen.experiments.splits import chosen_fold
    from eisen.experiments.weights import load_into

    artifacts = Artifacts(folder)
    fold = chosen_fold(experiment)
    assert fold is not None, "a campaign gives each of its runs a fold"
    part, cases = ("test", fold.test) if fold.test else ("validation", fold.validation)
    marks = _marks(experiment, artifacts)
    if _are_fresh(artifacts.root, marks):
        return "reused"
    source = measured_phase(experiment)
    evaluation = evaluation_of(experiment, source)
    with Session("evaluate", experiment, Path(data_dir), artifacts, observer) as session:
        model = build_model(experiment)
        load_into(model, artifacts.best)
        phase = _one_by_one(source, "Testing" if part == "test" else "Validation")
        parts = build_phase(experiment, phase, model, Path(data_dir), None)
        _demand_whole(parts, cases, source, experiment.path)
        session.begin([parts], seed_of(experiment), model=artifacts.best.name)
        collector = Collector(parts)
        if evaluation is not None:
            parts.workflow.subscribe(evaluation)
        row = session.run_epoch(parts, 0)
        if row is None:
            return "interrupted"
        measured = collector.measured(source.name, part, cases, marks)
        if evaluation is not None:
            measured.values.update(values_by_case(session.evaluated(evaluation, part), cases))
        measured.write(artifacts.root)
        session.log_row(row)
        session.written(artifacts.root / SCORES_FILE, "scores of the test cases", announce=False)
        session.written(artifacts.root / ARRAYS_FILE, "what metrics of all folds need", announce=False)
    return "measured"


def is_measured(experiment: Experiment, folder: str | Path) -> bool:
    """Tell whether a folder has the scores of its model with this configuration.

    Args:
        experiment: The configuration with its Split.
        folder: Artifact folder of the fold.
    """
    artifacts = Artifacts(folder)
    return artifacts.best.is_file() and _are_fresh(artifacts.root, _marks(experiment, artifacts))


class Collector:
    """Listens to a pass over single cases and keeps what the metrics say about each.

    Args:
        parts: The phase; metrics of all cases together are taken over from its workflow.
    """

    def __init__(self, parts: PhaseParts) -> None:
        workflow = parts.workflow
        self.rows: list[dict[str, float]] = []
        self.metrics = list(workflow.metrics)
        self.whole = [WholeCollector(i, metric) for i, metric in enumerate(self.metrics) if is_whole(metric)]
        workflow.metrics = [metric for metric in self.metrics if not is_whole(metric)]
        self._single = workflow.metrics or ([] if self.whole else workflow.losses)
        self._subscription = workflow.subscribe(self)

    def on_batch_end(self, event: BatchEnd) -> None:
        """Keep the values of a case."""
        row: dict[str, float] = {}
        given = event.metrics if event.metrics or self.whole else event.losses
        for metric, values in zip(self._single, given, strict=True):
            _add(row, named_values(metric, list(values.values())))
        fields = {**event.inputs, **event.outputs}
        for collector in self.whole:
            _add(row, collector.add(fields))
        self.rows.append(row)

    def measured(self, phase: str, part: str, cases: Sequence[str], marks: dict[str, str]) -> Measured:
        """Return what was measured.

        Args:
            phase: Where the metrics come from.
            part: Part of the fold.
            cases: Names of the cases, in the order of the pass.
            marks: Digests.
        """
        self._subscription.remove()
        assert len(cases) == len(self.rows), f"{len(cases)} cases and {len(self.rows)} batches of one"
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        values = {name: [row.get(name, math.nan) for row in self.rows] for name in names}
        finished = [collector.finish() for collector in self.whole]
        told = {name for metric, _ in finished for name in metric.values}
        kept = {name: v for name, v in values.items() if name not in told or not all(map(math.isnan, v))}
        arrays: dict[str, Any] = {name: array for _, each in finished for name, array in each.items()}
        return Measured(phase, part, list(cases), kept, [metric for metric, _ in finished], arrays, marks)


def _one_by_one(source: Phase, name: str) -> Phase:
    """Return the phase that measures single cases, with the parts of another."""
    workflow = source.workflow or ([] if source.metrics else [_WITH_LOSSES])
    alone = replace(source.hyper, batch_size=1)
    datasets = [replace(source.datasets[0], where=f"{name}.Datasets[0]")]  # by which the split knows the part
    bare = replace(source, name=name, datasets=datasets, workflow=workflow, hyper=alone)
    return replace(bare, hooks=[], optimizer=[], scheduler=[], sampler=[])


def _demand_whole(parts: PhaseParts, cases: Sequence[str], source: Phase, file: str) -> None:
    """Refuse to measure patches: a case has one value."""
    n = len(parts.loader.dataset)
    if n != len(cases):
        what = f"{type(parts.loader.dataset).__name__} makes {n} samples of the {len(cases)} cases to measure"
        expected = "whole cases; for networks that are trained on patches set .SlidingWindow in this phase"
        raise ConfigError([Problem(f"{source.name}.Datasets[0]", what, expected, file)])


def _add(row: dict[str, float], values: dict[str, float]) -> None:
    """Add values under names that are not taken yet."""
    for name, value in values.items():
        unique = next(new for n in range(1, 99) if (new := name if n == 1 else f"{name} ({n})") not in row)
        row[unique] = value


def _marks(experiment: Experiment, artifacts: Artifacts) -> dict[str, str]:
    from eisen.experiments.splits import split_facts

    split = split_facts(experiment) or {}
    return {
        "model": _digest_of_file(artifacts.best),
        "config": json_digest(comparable(experiment.resolved())),
        "split": split.get("digest", ""),
    }


def _are_fresh(folder: Path, marks: dict[str, str]) -> bool:
    try:
        return Measured.read(folder).marks == marks
    except CorruptFileError:
        return False


def _digest_of_file(path: Path) -> str:
    if not path.is_file():
        raise MissingFileError(f"there is no model {path}", file=str(path), to_do="train the fold again")
    return file_digest(path)
