"""One task after another, in this process."""

from __future__ import annotations

from collections.abc import Sequence

from eisen.experiments.campaigns.observer import CampaignObserver
from eisen.experiments.campaigns.task import Task, TaskOutcome

__all__ = ["Serial"]


class Serial:
    """Runs one task after another in this process, so that each can be watched.

    Ctrl-C stops the run after its batch; the tasks behind it are not begun.

    Example:
        >>> from eisen.experiments.campaigns import CampaignObserver
        >>> Serial().run([], CampaignObserver())
        []
    """

    def run(self, tasks: Sequence[Task], observer: CampaignObserver) -> list[TaskOutcome]:
        """Run tasks; see `Executor.run`."""
        from eisen.experiments.campaigns.work import attempt

        outcomes: list[TaskOutcome] = []
        for task in tasks:
            observer.on_task_start(task)
            outcome = attempt(task, observer.run_observer(task))
            observer.on_task_end(outcome)
            outcomes.append(outcome)
            if outcome.status == "interrupted":
                break
        return outcomes
