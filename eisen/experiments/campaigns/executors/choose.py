"""From the word of a command line to the object that runs tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from eisen._core.errors import ArgumentError, nearest
from eisen.experiments.campaigns.observer import CampaignObserver
from eisen.experiments.campaigns.task import Task, TaskOutcome

__all__ = ["EXECUTORS", "Executor", "executor_of"]

EXECUTORS = ("serial", "processes", "ray")
"""Where tasks can run."""


class Executor(Protocol):
    """Runs tasks and tells how each of them ended."""

    def run(self, tasks: Sequence[Task], observer: CampaignObserver) -> list[TaskOutcome]:
        """Run tasks; after Ctrl-C those that were not begun are absent from the list.

        Args:
            tasks: What to do, in this order as far as possible.
            observer: Is told about every start and end.
        """


def executor_of(name: str, jobs: int | None = None, address: str | None = None) -> Executor:
    """Return the executor of a name.

    Args:
        name: ``"serial"``: one after another in this process. ``"processes"``: several at a time, each in a process of
            its own on this machine. ``"ray"``: over the machines of a Ray cluster.
        jobs: How many at a time; default 2 with processes, and with Ray as many as the cluster takes.
        address: Of the Ray cluster, e.g. ``"auto"`` or ``"10.0.0.1:6379"``; None starts Ray on this machine alone.

    Raises:
        ArgumentError: If there is no such executor, or an option does not fit it.
        MissingExtraError: If Ray is asked for and not installed.

    Example:
        >>> type(executor_of("serial")).__name__
        'Serial'
        >>> executor_of("procesess")
        Traceback (most recent call last):
        ...
        eisen._core.errors.ArgumentError: there is no executor 'procesess'
         expected  one of serial, processes, ray
            to do  did you mean 'processes'?
    """
    if name not in EXECUTORS:
        known = ", ".join(EXECUTORS)
        raise ArgumentError(
            f"there is no executor '{name}'", expected=f"one of {known}", to_do=nearest(name, EXECUTORS)
        )
    if jobs is not None and jobs < 1:
        raise ArgumentError(f"jobs is {jobs}", expected="a whole number from 1")
    if address is not None and name != "ray":
        raise ArgumentError(f"the executor '{name}' has no address", to_do="leave it out, or choose the executor ray")
    if name == "ray":
        from eisen.experiments.campaigns.executors.cluster import Ray

        return Ray(jobs, address)
    if name == "processes":
        from eisen.experiments.campaigns.executors.processes import Processes

        return Processes(jobs or 2)
    if jobs is not None and jobs > 1:
        raise ArgumentError(f"jobs is {jobs}, but one after another is one at a time", to_do="--executor processes")
    from eisen.experiments.campaigns.executors.serial import Serial

    return Serial()
