"""When the learning rate changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch.optim import lr_scheduler

from eisen._core.errors import ArgumentError, nearest
from eisen.utils.events import EpochEnd

__all__ = ["Schedule", "Schedules"]

_PER_BATCH = (lr_scheduler.OneCycleLR, lr_scheduler.CyclicLR)


class Schedule:
    """A learning rate scheduler of PyTorch and how often it is stepped.

    Args:
        scheduler: Any scheduler of `torch.optim.lr_scheduler`, or of `eisen.utils.schedules`. `ReduceLROnPlateau`
            receives the mean loss of the epoch, or what `monitor` names.
        every: ``"epoch"`` or ``"batch"``, which is one change of the weights; None takes the scheduler's own attribute
            ``every`` if it has one, else ``"batch"`` for `OneCycleLR` and `CyclicLR`, which count batches, and
            ``"epoch"`` for all others.
        monitor: Name of the loss or metric that `ReduceLROnPlateau` looks at, e.g. ``"dice"`` or ``"dice[liver]"``; of
            the training, or of the workflow given to `watch`.

    Example:
        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        >>> Schedule(lr_scheduler.CyclicLR(optimizer, 0.1, 1.0)).every
        'batch'
    """

    def __init__(self, scheduler: Any, every: str | None = None, monitor: str | None = None) -> None:
        self.scheduler = scheduler
        self.every = every or getattr(scheduler, "every", natural_pace(type(scheduler)))
        self.monitor = monitor
        self._wants_value = isinstance(scheduler, lr_scheduler.ReduceLROnPlateau)
        self._is_watching = False
        if self.every not in ("epoch", "batch"):
            raise ArgumentError(f"Schedule: every is {self.every!r}", expected="'epoch' or 'batch'")
        if not callable(getattr(scheduler, "step", None)):
            raise ArgumentError(f"{scheduler!r} is no scheduler", expected="one of torch.optim.lr_scheduler")
        if self._wants_value and self.every == "batch":
            raise ArgumentError("ReduceLROnPlateau cannot be stepped per batch", expected="every='epoch'")
        if monitor is not None and not self._wants_value:
            raise ArgumentError(
                f"{type(scheduler).__name__} does not look at '{monitor}'",
                expected="monitor with ReduceLROnPlateau only",
                to_do="leave monitor out",
            )

    @classmethod
    def of(cls, value: Any) -> Schedule | Schedules | None:
        """Return the schedule a user named: a `Schedule`, a scheduler of torch, several by name, or None."""
        if value is None or isinstance(value, (Schedule, Schedules)):
            return value
        return (
            Schedules({name: cls.of(each) for name, each in value.items()})
            if isinstance(value, Mapping)
            else cls(value)
        )

    @property
    def waits_for_value(self) -> bool:
        """True when it is stepped by the results of another workflow."""
        return self._is_watching

    def watch(self, workflow: Any) -> None:
        """Take the monitored value from another workflow, usually the validation, whenever that is done.

        Args:
            workflow: The workflow.
        """
        self._is_watching = True
        workflow.subscribe(self._step_by, EpochEnd)

    def end_batch(self, names: Sequence[str] = ()) -> None:
        """The weights have changed: step if it is stepped per batch."""
        del names
        if self.every == "batch":
            self.scheduler.step()

    def end_epoch(self, summary: Any) -> None:
        """Step if it is stepped per epoch, unless it waits for another workflow.

        Args:
            summary: An `EpochSummary`, or anything with ``losses``, ``metrics`` and ``mean_loss``.
        """
        if self.every == "epoch" and not self._is_watching:
            self._step_by(summary)

    def state_dict(self) -> dict[str, Any]:
        """Return the state of the scheduler."""
        state: dict[str, Any] = self.scheduler.state_dict()
        return state

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state that `state_dict` gave."""
        self.scheduler.load_state_dict(state)

    def _step_by(self, summary: Any) -> None:
        if self._wants_value:
            self.scheduler.step(self._value(summary))
        else:
            self.scheduler.step()

    def _value(self, summary: Any) -> float | None:
        if self.monitor is None:
            mean: float | None = summary.mean_loss
            return mean
        values = {**summary.losses, **summary.metrics}
        if self.monitor not in values:
            raise ArgumentError(
                f"the learning rate schedule looks at '{self.monitor}', which is not reported",
                expected=f"one of {', '.join(values) or '(nothing is reported)'}",
                to_do=nearest(self.monitor, values),
            )
        value: float = values[self.monitor]
        return value


class Schedules:
    """Several schedules, by the names of their optimizers.

    Args:
        schedules: Name of an optimizer to its schedule.
    """

    def __init__(self, schedules: Mapping[str, Any]) -> None:
        self.schedules: dict[str, Schedule] = {name: each for name, each in schedules.items() if each is not None}

    def watch(self, workflow: Any) -> None:
        """Let all that monitor something take it from another workflow."""
        for schedule in self.schedules.values():
            if schedule.monitor is not None:
                schedule.watch(workflow)

    def end_batch(self, names: Sequence[str] = ()) -> None:
        """Step those whose optimizers stepped."""
        for name, schedule in self.schedules.items():
            if not names or name in names:
                schedule.end_batch()

    def end_epoch(self, summary: Any) -> None:
        """Step those that are stepped per epoch."""
        for schedule in self.schedules.values():
            schedule.end_epoch(summary)

    def state_dict(self) -> dict[str, Any]:
        """Return the states of all schedulers."""
        return {name: schedule.state_dict() for name, schedule in self.schedules.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state that `state_dict` gave."""
        for name, schedule in self.schedules.items():
            schedule.load_state_dict(state[name])


def natural_pace(kind: type) -> str:
    """Return whether schedulers of a class count batches or epochs."""
    return "batch" if issubclass(kind, _PER_BATCH) else "epoch"
