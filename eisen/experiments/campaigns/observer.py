"""What a campaign reports while it works."""

from __future__ import annotations

from eisen.experiments.campaigns.task import Task, TaskOutcome
from eisen.experiments.observer import Observer

__all__ = ["CampaignObserver"]


class CampaignObserver:
    """Listens to a campaign. Every method does nothing; a child overrides those it wants.

    Example:
        >>> class Printer(CampaignObserver):
        ...     def on_message(self, text: str) -> None:
        ...         print(text)
        >>> Printer().on_message("5 folds")
        5 folds
    """

    def on_plan(self, tasks: list[Task]) -> None:
        """The tasks are known.

        Args:
            tasks: All of them, in order; those that are complete already, too.
        """

    def on_task_start(self, task: Task) -> None:
        """A task begins.

        Args:
            task: The task.
        """

    def run_observer(self, task: Task) -> Observer:
        """Return who shall listen to the run of a task; asked only where tasks run in this process.

        Args:
            task: The task.
        """
        del task
        return Observer()

    def on_task_end(self, outcome: TaskOutcome) -> None:
        """A task has ended, or had nothing to do.

        Args:
            outcome: How it ended.
        """

    def on_message(self, text: str) -> None:
        """The campaign has something to say, one line."""
