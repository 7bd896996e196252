"""What cross-validations and sweeps have in common: tasks that are planned, looked at, run, and told about."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eisen._core.errors import ArgumentError, nearest
from eisen.config import read_config
from eisen.experiments.artifacts import Artifacts, make_folder
from eisen.experiments.campaigns.executors import executor_of
from eisen.experiments.campaigns.observer import CampaignObserver
from eisen.experiments.campaigns.state import TaskState, demand_unchanged, state_of
from eisen.experiments.campaigns.task import Task, TaskOutcome

__all__ = ["Plan", "run_tasks"]

_DEFAULT_EPOCHS = 10


@dataclass(frozen=True)
class Plan:
    """What is run, on what, where, and how.

    Args:
        config: The configuration: a file, or the content of one.
        data_dir: Folder of the data.
        artifact_dir: Folder of the campaign; each run has a folder in it.
        epochs: Epochs of each run; None: ``.Epochs`` of the configuration, else 10.
        overrides: ``PATH=VALUE`` texts for all runs.
        executor: ``"serial"``, ``"processes"`` or ``"ray"``.
        jobs: How many runs at a time.
        address: Address of a Ray cluster.
        only: Names of the runs to do in this call; empty for all.
        force: Go on although the configuration has changed since.
        observer: Is told what happens.

    Example:
        >>> Plan({"General": {}}, executor="processes", jobs=2).root.name
        'artifacts'
    """

    config: str | Path | Mapping[str, Any]
    data_dir: str | Path = "./data"
    artifact_dir: str | Path = "./artifacts"
    epochs: int | None = None
    overrides: Sequence[str] = ()
    executor: str = "serial"
    jobs: int | None = None
    address: str | None = None
    only: Sequence[str] = ()
    force: bool = False
    observer: CampaignObserver = field(default_factory=CampaignObserver)

    @property
    def root(self) -> Path:
        """The folder of the campaign, absolute, so that runs on other machines find it."""
        return Path(self.artifact_dir).absolute()

    def config_file(self) -> Path:
        """Return the configuration as a file that other processes can read.

        Raises:
            ArtifactError: If a configuration from Python cannot be written.
        """
        if not isinstance(self.config, Mapping):
            return Path(self.config).absolute()
        make_folder(self.root)
        path = Artifacts(self.root).config
        Artifacts(self.root).write_json(path, self.config)
        return path

    def task(self, name: str, overrides: Sequence[str], *, measures: bool = False) -> Task:
        """Return the task of one run.

        Args:
            name: Its name, and its folder below that of the campaign.
            overrides: What is different in it.
            measures: Whether test cases are measured after the training.
        """
        config = str(self.config_file())
        epochs = self.epochs or read_config(config, self.overrides).hyper.epochs or _DEFAULT_EPOCHS
        return Task(
            name,
            str(self.root / name),
            config,
            str(Path(self.data_dir).absolute()),
            epochs,
            (*self.overrides, *overrides),
            measures,
            self.force,
        )


def run_tasks(plan: Plan, tasks: Sequence[Task]) -> list[TaskOutcome]:
    """Run what is not complete yet, and return how every task stands, in order; those not begun are absent.

    Args:
        plan: How to run.
        tasks: All tasks of the campaign.

    Raises:
        ArgumentError: If a folder holds a run of another configuration, or `only` names no task.
        ConfigError: If a configuration is wrong; nothing has run then.
        MissingExtraError: If the executor is not installed.
    """
    chosen = _chosen(tasks, plan.only)
    experiments = {task.name: task.experiment() for task in tasks}
    states = {task.name: state_of(task, experiments[task.name]) for task in tasks}
    if not plan.force:
        demand_unchanged({task.name: states[task.name] for task in chosen})
    for task in chosen:
        for change in states[task.name].changes:
            plan.observer.on_message(f"{task.name}: the configuration has changed since: {change}")
    executor = executor_of(plan.executor, plan.jobs, plan.address)
    plan.observer.on_plan(list(chosen))
    done = {task.name: _as_before(task, state) for task in tasks if _is_complete(task, state := states[task.name])}
    for task in chosen:
        if task.name in done:
            plan.observer.on_task_end(done[task.name])
    pending = [task for task in chosen if task.name not in done]
    done |= {outcome.name: outcome for outcome in executor.run(pending, plan.observer)}
    return [done[task.name] for task in tasks if task.name in done]


def _chosen(tasks: Sequence[Task], only: Sequence[str]) -> list[Task]:
    names = [task.name for task in tasks]
    for name in only:
        if name not in names:
            expected = ", ".join(names[:8]) + (" ..." if names[8:] else "")
            raise ArgumentError(f"there is no run '{name}'", expected=f"one of {expected}", to_do=nearest(name, names))
    return [task for task in tasks if not only or task.name in only]


def _is_complete(task: Task, state: TaskState) -> bool:
    if state.kind != "trained":
        return False
    if not task.measures:
        return True
    from eisen.experiments.campaigns.measure import is_measured

    return is_measured(task.experiment(), task.folder)


def _as_before(task: Task, state: TaskState) -> TaskOutcome:
    record = state.record or {}
    n_epochs, best = int(record.get("epochs_complete") or 0), dict(record.get("best") or {})
    return TaskOutcome(task.name, task.folder, "complete", 0.0, n_epochs, best, reused=True)
