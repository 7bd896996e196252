"""Doing one task in this process: train, continue or skip, then measure."""

from __future__ import annotations

from time import perf_counter

from eisen.experiments.campaigns.failure import card_facts
from eisen.experiments.campaigns.state import TaskState, state_of
from eisen.experiments.campaigns.task import Task, TaskOutcome
from eisen.experiments.observer import Observer
from eisen.experiments.records import RunResult
from eisen.experiments.run import Run

__all__ = ["attempt", "perform"]


def attempt(task: Task, observer: Observer) -> TaskOutcome:
    """Do a task; whatever goes wrong becomes part of the outcome.

    Args:
        task: What to do.
        observer: Listens to the run.
    """
    started = perf_counter()
    try:
        return perform(task, observer)
    except KeyboardInterrupt:
        return TaskOutcome(task.name, task.folder, "interrupted", perf_counter() - started)
    except Exception as error:  # a failing task must not take the others with it
        return TaskOutcome(task.name, task.folder, "failed", perf_counter() - started, error=card_facts(error))


def perform(task: Task, observer: Observer) -> TaskOutcome:
    """Do a task: skip what is complete, continue what was begun.

    Args:
        task: What to do.
        observer: Listens to the run.

    Raises:
        EisenError: Whatever the run raises.
    """
    started = perf_counter()
    experiment = task.experiment()
    state = state_of(task, experiment)
    reused = state.kind == "trained"
    if reused:
        n_epochs, best = _known(state)
    else:
        result = _train(task, state, observer)
        n_epochs, best = result.n_epochs, dict(result.best)
        if result.interrupted:
            return TaskOutcome(task.name, task.folder, "interrupted", perf_counter() - started, n_epochs, best)
    if task.measures:
        from eisen.experiments.campaigns.measure import measure_fold

        measured = measure_fold(experiment, task.data_dir, task.folder, observer)
        if measured == "interrupted":
            return TaskOutcome(task.name, task.folder, "interrupted", perf_counter() - started, n_epochs, best)
        reused = reused and measured == "reused"
    return TaskOutcome(task.name, task.folder, "complete", perf_counter() - started, n_epochs, best, reused)


def _train(task: Task, state: TaskState, observer: Observer) -> RunResult:
    resume = state.kind == "unfinished"
    run = Run(task.experiment(), task.data_dir, task.folder, resume=resume, force=task.force, observer=observer)
    return run.train(task.epochs)


def _known(state: TaskState) -> tuple[int, dict[str, object]]:
    record = state.record or {}
    return int(record.get("epochs_complete") or 0), dict(record.get("best") or {})
