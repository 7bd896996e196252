"""A search over values of the configuration: every trial an ordinary run, a table, and the best of them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eisen._core.errors import ArgumentError, ConfigError
from eisen.config import Experiment, read_config
from eisen.experiments.artifacts import Artifacts, make_folder
from eisen.experiments.campaigns.plan import Plan, run_tasks
from eisen.experiments.campaigns.search import Trial
from eisen.experiments.campaigns.tables import write_table
from eisen.experiments.campaigns.task import Task, TaskOutcome

__all__ = ["Sweep", "SweepResult", "TrialResult"]


@dataclass(frozen=True)
class TrialResult:
    """One trial of a sweep.

    Args:
        name: Its name and folder, e.g. ``"trial-003"``.
        values: What was set, by path.
        outcome: How it ended; None when it was not begun.
    """

    name: str
    values: Trial
    outcome: TaskOutcome | None = None

    @property
    def status(self) -> str:
        """``"complete"``, ``"failed"``, ``"interrupted"`` or ``"not begun"``."""
        return "not begun" if self.outcome is None else self.outcome.status

    @property
    def value(self) -> float:
        """The best value of its training; NaN when there is none."""
        value = self.outcome.best.get("value") if self.outcome is not None and self.outcome.is_complete else None
        return float(value) if isinstance(value, (int, float)) else math.nan


@dataclass
class SweepResult:
    """What came out of a sweep.

    Args:
        trials: All trials, the best first, then those without a value.
        judged_by: What trials are compared by, e.g. ``"mean metric"``.
        larger_is_better: Whether larger values are better.
        artifacts: What was written: (path, what it is).
    """

    trials: list[TrialResult]
    judged_by: str = ""
    larger_is_better: bool = True
    artifacts: list[tuple[Path, str]] = field(default_factory=list)

    @property
    def best(self) -> TrialResult | None:
        """The best trial; None when none is complete."""
        return self.trials[0] if self.trials and not math.isnan(self.trials[0].value) else None

    @property
    def failures(self) -> list[TaskOutcome]:
        """The trials that failed."""
        return [t.outcome for t in self.trials if t.outcome is not None and t.outcome.status == "failed"]

    @property
    def interrupted(self) -> bool:
        """True when Ctrl-C stopped it."""
        return any(trial.status == "interrupted" for trial in self.trials)

    @property
    def is_complete(self) -> bool:
        """True when every trial is complete."""
        return all(trial.status == "complete" for trial in self.trials)


class Sweep:
    """Trains with different values of the configuration, and compares the best value of each training.

    Each trial is an ordinary run in ``<artifact_dir>/trial-000`` and so on, its configuration in ``config.json``
    there; ``trials.csv`` is the table. A second call skips what is complete and continues what was interrupted.
    Trials are compared by what the validation data say, so the winner is to be tested on other data.

    Args:
        plan: What is run, on what, where, and how.
        trials: The values of each trial, from `grid_trials` or `random_trials`.

    Raises:
        ArgumentError: If there is no trial.

    Example:
        >>> from eisen.experiments.campaigns import Plan, grid_trials
        >>> trials = grid_trials({"Training.Optimizer[0].params.lr": [1e-2, 1e-3]})
        >>> len(Sweep(Plan("config.json", "data", "runs/lr"), trials).trials)
        2
    """

    def __init__(self, plan: Plan, trials: Sequence[Trial]) -> None:
        if not trials:
            raise ArgumentError("a sweep has nothing to try", expected="at least one value of one path")
        self.plan, self.trials = plan, list(trials)

    def run(self) -> SweepResult:
        """Check every trial, run what is missing, and compare.

        Raises:
            ConfigError: If a path is not in the configuration or a value does not fit; nothing has run then.
            ArgumentError: If the folder holds trials of another sweep.
        """
        from eisen.experiments.parts import needed_phase

        experiments = self._checked()
        needed_phase(experiments[0], "Training", "sweep")
        make_folder(self.plan.root)
        width = max(3, len(str(len(self.trials) - 1)))
        names = [f"trial-{number:0{width}}" for number in range(len(self.trials))]
        tasks = [self._task(name, trial) for name, trial in zip(names, self.trials, strict=True)]
        outcomes = {outcome.name: outcome for outcome in run_tasks(self.plan, tasks)}
        trials = [TrialResult(n, values, outcomes.get(n)) for n, values in zip(names, self.trials, strict=True)]
        result = _compared(trials, experiments[0])
        self._write(result)
        return result

    def _checked(self) -> list[Experiment]:
        """Read the configuration of every trial; what is wrong with any of them is known before the first runs."""
        config, epochs = self.plan.config_file(), self.plan.epochs
        read_config(config, self.plan.overrides, epochs=epochs)
        experiments, problems = [], []
        for trial in self.trials:
            try:
                experiments.append(read_config(config, [*self.plan.overrides, *_overrides(trial)], epochs=epochs))
            except ConfigError as error:
                problems += [replace(p, what=p.what.replace("--set", "the sweep")) for p in error.problems]
        if problems:
            raise ConfigError(list(dict.fromkeys(problems)))
        return experiments

    def _task(self, name: str, trial: Trial) -> Task:
        return self.plan.task(name, _overrides(trial))

    def _write(self, result: SweepResult) -> None:
        root, paths = self.plan.root, list(self.trials[0])
        rows = [
            [trial.name, trial.status, trial.value, _epoch(trial), *(_cell(trial.values[path]) for path in paths)]
            for trial in result.trials
        ]
        write_table(root / "trials.csv", ["trial", "status", result.judged_by or "value", "epoch", *paths], rows)
        result.artifacts = [(root / "trials.csv", "table of the trials")]
        if result.best is not None:
            result.artifacts.append((Artifacts(root / result.best.name).config, "configuration of the best trial"))


def _overrides(trial: Trial) -> list[str]:
    return [f"{path}={json.dumps(value)}" for path, value in trial.items()]


def _compared(trials: Sequence[TrialResult], experiment: Experiment) -> SweepResult:
    """Sort trials, the best first; those without a value come last, in their own order."""
    known = [trial for trial in trials if not math.isnan(trial.value)]
    name = str(known[0].outcome.best["name"]) if known and known[0].outcome is not None else ""
    larger = _larger_is_better(experiment, name)
    ordered = sorted(known, key=lambda trial: -trial.value if larger else trial.value)
    return SweepResult([*ordered, *(trial for trial in trials if math.isnan(trial.value))], name, larger)


def _larger_is_better(experiment: Experiment, name: str) -> bool:
    """Tell in which direction the best value of a training is better."""
    from eisen.experiments.judgement import Judgement

    if experiment.hyper.best is None:
        return name != "mean loss"
    phases = [experiment.phases[phase] for phase in ("Training", "Validation") if phase in experiment.phases]
    losses, metrics = (
        [out for phase in phases for entry in phase.entries(section) for out in entry.output_names]
        for section in ("Losses", "Metrics")
    )
    return Judgement.parse(experiment.hyper.best, losses, metrics).sign > 0


def _epoch(trial: TrialResult) -> Any:
    epoch = trial.outcome.best.get("epoch") if trial.outcome is not None else None
    return epoch + 1 if isinstance(epoch, int) else None


def _cell(value: Any) -> Any:
    return value if isinstance(value, (int, float, str)) and not isinstance(value, bool) else json.dumps(value)
