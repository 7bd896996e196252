"""Several tasks at a time, each in a process of its own on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence

from eisen._core.errors import EisenError
from eisen.experiments.campaigns.executors.spawned import Spawned, child_environment
from eisen.experiments.campaigns.failure import card_facts
from eisen.experiments.campaigns.observer import CampaignObserver
from eisen.experiments.campaigns.task import Task, TaskOutcome
from eisen.experiments.interrupt import Interrupt

__all__ = ["Processes"]

_LOOK_SECONDS = 0.05


class Processes:
    """Runs tasks in local processes. The threads of the machine are shared out; with several GPUs each task has one.

    The first Ctrl-C asks every run to stop after its batch, the second ends them at once.

    Args:
        jobs: How many at a time.

    Example:
        >>> from eisen.experiments.campaigns import CampaignObserver
        >>> Processes(jobs=2).run([], CampaignObserver())
        []
    """

    def __init__(self, jobs: int) -> None:
        self.jobs = jobs

    def run(self, tasks: Sequence[Task], observer: CampaignObserver) -> list[TaskOutcome]:
        """Run tasks; see `Executor.run`."""
        waiting, outcomes = list(tasks), []
        slots: list[Spawned | None] = [None] * self.jobs
        environments = [child_environment(_cores() // self.jobs, device) for device in _devices(self.jobs)]
        interrupt = Interrupt(lambda: observer.on_message("stopping after these batches; Ctrl-C again stops at once"))
        try:
            with interrupt:
                while waiting or any(slots):
                    for number, slot in enumerate(slots):
                        outcome = slot.outcome() if slot is not None else None
                        if outcome is not None:
                            slots[number] = None
                            outcomes.append(outcome)
                            observer.on_task_end(outcome)
                        if slots[number] is None and waiting:
                            slots[number] = self._start(waiting.pop(0), environments[number], observer, outcomes)
                    if interrupt.requested:
                        waiting.clear()
                        _stop(slots)
                    time.sleep(_LOOK_SECONDS)
        finally:
            for slot in filter(None, slots):
                slot.kill()
        return outcomes

    @staticmethod
    def _start(
        task: Task, environment: dict[str, str], observer: CampaignObserver, outcomes: list[TaskOutcome]
    ) -> Spawned | None:
        observer.on_task_start(task)
        try:
            return Spawned(task, environment)
        except EisenError as error:
            outcomes.append(TaskOutcome(task.name, task.folder, "failed", error=card_facts(error)))
            observer.on_task_end(outcomes[-1])
            return None


def _stop(slots: Sequence[Spawned | None]) -> None:
    for slot in filter(None, slots):
        slot.stop()


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _devices(jobs: int) -> list[str | None]:
    """Return the GPU of every slot; None where there is nothing to share out."""
    listed = os.environ.get("CUDA_VISIBLE_DEVICES")
    names = [name for name in listed.split(",") if name] if listed is not None else _all_devices()
    return [names[number % len(names)] if len(names) > 1 else None for number in range(jobs)]


def _all_devices() -> list[str]:
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]
