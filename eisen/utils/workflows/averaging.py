"""Averages of the weights along the way, which often do better than the last ones."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import torch
from torch.optim.swa_utils import AveragedModel

from eisen._core.errors import ArgumentError

__all__ = ["EMA", "SWA", "WeightAverage"]


class WeightAverage(ABC):
    """Follows the weights of a model and keeps an average of them; see `EMA` and `SWA`.

    Running statistics of batch normalisation are averaged like weights. The average takes as much memory as the model.
    """

    def __init__(self) -> None:
        self._average: AveragedModel | None = None
        self._module: torch.nn.Module | None = None
        self._is_applied = False

    @classmethod
    def of(cls, value: Any) -> WeightAverage | None:
        """Return the average a user named: a `WeightAverage`, ``"ema"``, ``"swa"`` or None."""
        if value is None or isinstance(value, WeightAverage):
            return value
        if value not in ("ema", "swa"):
            raise ArgumentError(f"average is {value!r}", expected="'ema', 'swa', EMA(...) or SWA(...)")
        return EMA() if value == "ema" else SWA()

    def follow(self, module: torch.nn.Module) -> Self:
        """Begin with the present weights of a model."""
        self._module = module
        self._average = AveragedModel(module, multi_avg_fn=self._blend, use_buffers=True)
        return self

    @property
    def n_averaged(self) -> int:
        """How many times the weights were taken in."""
        return 0 if self._average is None else int(self._average.n_averaged)

    @property
    def averaged(self) -> torch.nn.Module:
        """The model with the average weights, while they are not applied."""
        assert self._average is not None, "follow a model first"
        return self._average

    def after_step(self, epoch: int) -> None:  # noqa: B027 - one kind listens to steps, the other to epochs
        """The weights have changed."""

    def after_epoch(self, epoch: int) -> None:  # noqa: B027
        """An epoch is over."""

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Let the model have the average weights inside the block, e.g. to validate or to save them."""
        with self._swapped(not self._is_applied and self.n_averaged > 0):
            yield

    @contextmanager
    def suspended(self) -> Iterator[None]:
        """Let the model have its own weights inside the block, also within `applied`."""
        with self._swapped(self._is_applied):
            yield

    def state_dict(self) -> dict[str, Any]:
        """Return the average and how many times it was updated; the model must have its own weights."""
        assert self._average is not None, "follow a model first"
        return {"n_averaged": self.n_averaged, "weights": dict(self._average.module.state_dict())}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state that `state_dict` gave."""
        assert self._average is not None, "follow a model first"
        self._average.module.load_state_dict(state["weights"])
        self._average.n_averaged.fill_(state["n_averaged"])

    @torch.no_grad()
    def _blend(self, averages: Any, weights: Any, n_averaged: Any) -> None:
        """Move averages towards the weights; counters (whole numbers) are taken over."""
        share = self._share(int(n_averaged))
        for average, weight in zip(averages, weights, strict=True):
            if average.is_floating_point() or average.is_complex():
                average.lerp_(weight.to(average.dtype), share)
            else:
                average.copy_(weight)

    @abstractmethod
    def _share(self, n_averaged: int) -> float:
        """Return how much the present weights count."""

    def _take_in(self) -> None:
        assert self._average is not None, "follow a model first"
        assert self._module is not None
        self._average.update_parameters(self._module)

    @contextmanager
    def _swapped(self, needed: bool) -> Iterator[None]:
        if not needed:
            yield
            return
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        """Exchange the memory of weights and averages; nothing is copied, and the optimizer notices nothing."""
        assert self._average is not None
        assert self._module is not None
        inner = self._average.module
        pairs = [
            *zip(self._module.parameters(), inner.parameters(), strict=True),
            *zip(self._module.buffers(), inner.buffers(), strict=True),
        ]
        for mine, average in pairs:
            mine.data, average.data = average.data, mine.data
        self._is_applied = not self._is_applied


class EMA(WeightAverage):
    """Exponential moving average: after every step the average moves a little towards the weights.

    Args:
        decay: How much of the average stays at a step, from 0 to below 1; 0.999 looks back about 1000 steps.
        warmup: Begin with a smaller decay, (1 + n) / (10 + n) at step n, so that the first weights are soon forgotten.

    Raises:
        ArgumentError: If `decay` is out of range.

    Source: B. T. Polyak, A. B. Juditsky, Acceleration of stochastic approximation by averaging, SIAM J. Control
    Optim. 30, 1992; with exponential weights as in A. Tarvainen, H. Valpola, Mean teachers, NeurIPS 2017, eq. 2.

    Example:
        >>> net = torch.nn.Linear(1, 1, bias=False)
        >>> average = EMA(decay=0.5, warmup=False).follow(net)
        >>> for value in (1.0, 3.0):
        ...     _ = torch.nn.init.constant_(net.weight, value)
        ...     average.after_step(epoch=0)
        >>> with average.applied():
        ...     net.weight.item()
        2.0
        >>> net.weight.item()
        3.0
    """

    def __init__(self, decay: float = 0.999, warmup: bool = True) -> None:
        super().__init__()
        if not 0 <= decay < 1:
            raise ArgumentError(f"EMA: decay is {decay!r}", expected="a number from 0 to below 1, e.g. 0.999")
        self.decay, self.warmup = decay, warmup

    def after_step(self, epoch: int) -> None:
        """Move the average towards the weights."""
        del epoch
        self._take_in()

    def _share(self, n_averaged: int) -> float:
        decay = min(self.decay, (1 + n_averaged) / (10 + n_averaged)) if self.warmup else self.decay
        return 1 - decay


class SWA(WeightAverage):
    """Stochastic weight averaging: the plain mean of the weights at the end of every epoch from `start_epoch` on.

    It is meant for a learning rate that stays high; before `start_epoch` the model is used as it is.

    Args:
        start_epoch: The first epoch whose weights count, from 0.

    Raises:
        ArgumentError: If `start_epoch` is negative.

    Source: P. Izmailov et al., Averaging weights leads to wider optima and better generalization, UAI 2018,
    algorithm 1. The statistics of batch normalisation are averaged too instead of being computed again.

    Example:
        >>> net = torch.nn.Linear(1, 1, bias=False)
        >>> average = SWA(start_epoch=1).follow(net)
        >>> for epoch, value in enumerate((9.0, 1.0, 3.0)):
        ...     _ = torch.nn.init.constant_(net.weight, value)
        ...     average.after_epoch(epoch)
        >>> with average.applied():
        ...     net.weight.item()
        2.0
    """

    def __init__(self, start_epoch: int = 0) -> None:
        super().__init__()
        if start_epoch < 0:
            raise ArgumentError(f"SWA: start_epoch is {start_epoch!r}", expected="a number of an epoch from 0")
        self.start_epoch = start_epoch

    def after_epoch(self, epoch: int) -> None:
        """Take the weights into the mean."""
        if epoch >= self.start_epoch:
            self._take_in()

    def _share(self, n_averaged: int) -> float:
        return 1 / (n_averaged + 1)
