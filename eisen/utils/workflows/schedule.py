"""When the learning rate changes."""

from __future__ import annotations

from typing import Any

from torch.optim import lr_scheduler

from eisen._core.errors import ArgumentError

__all__ = ["Schedule"]

_PER_BATCH = (lr_scheduler.OneCycleLR, lr_scheduler.CyclicLR)


class Schedule:
    """A learning rate scheduler of PyTorch and how often it is stepped.

    Args:
        scheduler: Any scheduler of `torch.optim.lr_scheduler`. `ReduceLROnPlateau` receives the mean loss of the epoch.
        every: ``"epoch"`` or ``"batch"``; None takes the scheduler's own attribute ``every`` if it has one, else
            ``"batch"`` for `OneCycleLR` and `CyclicLR`, which count batches, and ``"epoch"`` for all others.

    Example:
        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        >>> Schedule(lr_scheduler.CyclicLR(optimizer, 0.1, 1.0)).every
        'batch'
    """

    def __init__(self, scheduler: Any, every: str | None = None) -> None:
        natural = "batch" if isinstance(scheduler, _PER_BATCH) else "epoch"
        self.scheduler = scheduler
        self.every = every or getattr(scheduler, "every", natural)
        self._wants_loss = isinstance(scheduler, lr_scheduler.ReduceLROnPlateau)
        if self.every not in ("epoch", "batch"):
            raise ArgumentError(f"Schedule: every is {self.every!r}", expected="'epoch' or 'batch'")
        if not callable(getattr(scheduler, "step", None)):
            raise ArgumentError(f"{scheduler!r} is no scheduler", expected="one of torch.optim.lr_scheduler")
        if self._wants_loss and self.every == "batch":
            raise ArgumentError("ReduceLROnPlateau cannot be stepped per batch", expected="every='epoch'")

    @classmethod
    def of(cls, value: Any) -> Schedule | None:
        """Return the schedule a user named: a `Schedule`, a scheduler of torch, or None."""
        return value if value is None or isinstance(value, Schedule) else cls(value)

    def end_batch(self) -> None:
        """Step if it is stepped per batch."""
        if self.every == "batch":
            self.scheduler.step()

    def end_epoch(self, mean_loss: float | None) -> None:
        """Step if it is stepped per epoch."""
        if self.every == "epoch":
            self.scheduler.step(*((mean_loss,) if self._wants_loss else ()))
