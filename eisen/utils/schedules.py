"""Learning rates over a whole training: a rise at the start, then a fall."""

from __future__ import annotations

import math
from abc import abstractmethod

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from eisen._core.errors import ArgumentError

__all__ = ["CosineSchedule", "PolynomialSchedule"]


class _WarmedUp(LRScheduler):
    """A linear rise over `warmup` steps, then what a child makes of the rest.

    The learning rate depends on the number of the step alone, so continuing needs nothing but that number.
    """

    def __init__(self, optimizer: Optimizer, total_steps: int, warmup: int, minimum: float, every: str) -> None:
        name = type(self).__name__
        if every not in ("epoch", "batch"):
            raise ArgumentError(f"{name}: every is {every!r}", expected="'epoch' or 'batch'")
        if not 0 <= warmup < total_steps:
            raise ArgumentError(
                f"{name}: warmup is {warmup} of {total_steps} steps",
                expected="fewer steps of warm-up than there are altogether",
                to_do="count both in the same unit: every='epoch' or every='batch'",
            )
        if not 0 <= minimum < 1:
            raise ArgumentError(f"{name}: minimum is {minimum}", expected="a share of the learning rate, 0 to below 1")
        self.total_steps, self.warmup, self.minimum, self.every = total_steps, warmup, minimum, every
        super().__init__(optimizer)

    def get_lr(self) -> list[float]:  # type: ignore[override]  # torch allows tensors as well
        """Return the learning rate of every parameter group at this step."""
        return [float(rate) * self.factor(self.last_epoch) for rate in self.base_lrs]

    def factor(self, step: int) -> float:
        """Return what the learning rate of the optimizer is multiplied with at a step, counted from 0."""
        if step < self.warmup:
            return (step + 1) / (self.warmup + 1)
        done = min(1.0, (step - self.warmup) / max(1, self.total_steps - self.warmup))
        return self.minimum + (1 - self.minimum) * self.fall(done)

    @abstractmethod
    def fall(self, done: float) -> float:
        """Return the share of the learning rate that is left, 1 to 0, when `done` (0 to 1) of the way is done."""


class CosineSchedule(_WarmedUp):
    """Half a cosine from the full learning rate to nothing, after a linear warm-up.

    Args:
        optimizer: The optimizer; its learning rate is the highest.
        total_steps: Length of the training in epochs or batches; a configuration need not name it.
        warmup: Steps of linear rise at the start.
        minimum: Share of the learning rate that is left at the end.
        every: What a step is: ``"epoch"`` or ``"batch"``.

    Raises:
        ArgumentError: If a number is out of range.

    Source: I. Loshchilov, F. Hutter, SGDR: stochastic gradient descent with warm restarts, ICLR 2017, eq. 5.

    Example:
        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        >>> schedule = CosineSchedule(optimizer, total_steps=6, warmup=2)
        >>> [round(schedule.factor(step), 3) for step in range(7)]
        [0.333, 0.667, 1.0, 0.854, 0.5, 0.146, 0.0]
    """

    def __init__(
        self, optimizer: Optimizer, total_steps: int, warmup: int = 0, minimum: float = 0.0, every: str = "epoch"
    ) -> None:
        super().__init__(optimizer, total_steps, warmup, minimum, every)

    def fall(self, done: float) -> float:
        """Return half a cosine."""
        return (1 + math.cos(math.pi * done)) / 2


class PolynomialSchedule(_WarmedUp):
    """A power of what is left of the training, after a linear warm-up: what nnU-Net uses.

    Args:
        optimizer: The optimizer; its learning rate is the highest.
        total_steps: Length of the training in epochs or batches; a configuration need not name it.
        power: Exponent; 1 is a straight line.
        warmup: Steps of linear rise at the start.
        minimum: Share of the learning rate that is left at the end.
        every: What a step is: ``"epoch"`` or ``"batch"``.

    Raises:
        ArgumentError: If a number is out of range.

    Source: L.-C. Chen et al., DeepLab, IEEE TPAMI 40(4), 2018, section 4.1 ("poly").

    Example:
        >>> import torch
        >>> optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
        >>> schedule = PolynomialSchedule(optimizer, total_steps=4, power=0.9)
        >>> [round(schedule.factor(step), 3) for step in range(5)]
        [1.0, 0.772, 0.536, 0.287, 0.0]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        total_steps: int,
        power: float = 0.9,
        warmup: int = 0,
        minimum: float = 0.0,
        every: str = "epoch",
    ) -> None:
        if power <= 0:
            raise ArgumentError(f"PolynomialSchedule: power is {power}", expected="a number above 0")
        self.power = power
        super().__init__(optimizer, total_steps, warmup, minimum, every)

    def fall(self, done: float) -> float:
        """Return a power of what is left."""
        return float((1 - done) ** self.power)
