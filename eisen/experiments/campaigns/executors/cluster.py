"""Tasks over the machines of a Ray cluster."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from eisen._core.ray_cluster import connected, loaded_ray
from eisen.experiments.campaigns.executors.spawned import Spawned, child_environment
from eisen.experiments.campaigns.failure import card_facts
from eisen.experiments.campaigns.observer import CampaignObserver
from eisen.experiments.campaigns.task import Task, TaskOutcome
from eisen.experiments.interrupt import Interrupt

__all__ = ["Ray"]

_LOOK_SECONDS = 0.2
_STOP_FILE = "stop"
_OBJECT_STORE_BYTES = 100 * 2**20
"""Tasks exchange a few lines of text; their data and results are files."""


class Ray:
    """Runs tasks over a Ray cluster, or with Ray on this machine when no address is given.

    Every machine must see configuration, data and artifact folder under the same paths (a network disk), and have
    eisen installed. On a cluster with GPUs a task is given one.

    Without an address Ray runs only while the tasks do, listens on 127.0.0.1 alone, has no dashboard and reports
    nothing to anybody.

    Args:
        jobs: How many at a time; None for as many as the cluster takes.
        address: ``"auto"`` on a machine of a cluster, or the address of its head.

    Raises:
        MissingExtraError: If Ray is not installed.
    """

    def __init__(self, jobs: int | None = None, address: str | None = None) -> None:
        self._ray: Any = loaded_ray(address)
        self.jobs, self.address = jobs, address

    def run(self, tasks: Sequence[Task], observer: CampaignObserver) -> list[TaskOutcome]:
        """Run tasks; see `Executor.run`."""
        if not tasks:
            return []
        words = "stopping after these batches; Ctrl-C again stops at once"
        with (
            connected(self._ray, self.address, self.jobs, _OBJECT_STORE_BYTES),
            Interrupt(lambda: observer.on_message(words)) as interrupt,
        ):
            return self._run(list(tasks), observer, interrupt)

    def _run(self, waiting: list[Task], observer: CampaignObserver, interrupt: Interrupt) -> list[TaskOutcome]:
        outcomes: list[TaskOutcome] = []
        running: dict[Any, Task] = {}
        remote, most = self._remote(), self.jobs or len(waiting)
        paths = [str(Path(entry or ".").absolute()) for entry in sys.path]
        while waiting or running:
            while waiting and len(running) < most and not interrupt.requested:
                task = waiting.pop(0)
                (task.root / _STOP_FILE).unlink(missing_ok=True)
                observer.on_task_start(task)
                running[remote.remote(task.facts(), paths)] = task
            done, _ = self._ray.wait(list(running), timeout=_LOOK_SECONDS)
            for reference in done:
                outcomes.append(self._outcome(reference, running.pop(reference)))
                observer.on_task_end(outcomes[-1])
            if interrupt.requested:
                waiting.clear()
                _ask_to_stop(running.values())
        return outcomes

    def _remote(self) -> Any:
        """Return the function that runs on the machines of the cluster, with what it needs there."""
        resources = self._ray.cluster_resources()
        cores, gpus = int(resources.get("CPU", 1)), float(resources.get("GPU", 0))
        n_cpus = max(1, cores // self.jobs) if self.jobs and self.address is None else 1
        n_gpus = min(1.0, gpus / self.jobs) if self.jobs and gpus else min(1.0, gpus)
        return self._ray.remote(num_cpus=n_cpus, num_gpus=n_gpus, max_retries=0)(_do)

    def _outcome(self, reference: Any, task: Task) -> TaskOutcome:
        try:
            return TaskOutcome(**self._ray.get(reference))
        except self._ray.exceptions.RayError as error:
            return TaskOutcome(task.name, task.folder, "failed", error=card_facts(error))


def _ask_to_stop(tasks: Any) -> None:
    """Leave a file where a task looks; it may run on another machine."""
    for task in tasks:
        with suppress(OSError):
            task.root.mkdir(parents=True, exist_ok=True)
            (task.root / _STOP_FILE).touch()


def _do(facts: dict[str, Any], paths: list[str]) -> dict[str, Any]:
    """Do a task on a machine of the cluster, in a process of its own that finds the modules of the user."""
    import ray

    task = Task.from_facts(facts)
    context: Any = ray.get_runtime_context()
    cores = context.get_assigned_resources().get("CPU", 1)
    stop = task.root / _STOP_FILE
    if stop.exists():
        return vars(TaskOutcome(task.name, task.folder, "interrupted"))
    spawned = Spawned(task, child_environment(int(cores), paths=paths))
    try:
        while (outcome := spawned.outcome()) is None:
            if stop.exists():
                spawned.stop()
            time.sleep(_LOOK_SECONDS)
    finally:
        spawned.kill()
        _forget(stop)
    return vars(outcome)


def _forget(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)
