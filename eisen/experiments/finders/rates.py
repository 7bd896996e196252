"""The learning rate range test: one short training in which the learning rate grows until it is too large."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from eisen._core.errors import ArgumentError, TrainingError, nearest
from eisen.config import Experiment
from eisen.experiments.finders.steps import batches_for_ever, loss_of_step, training_parts, undisturbed

if TYPE_CHECKING:
    from eisen.utils.workflows import GenericWorkflow

__all__ = ["Progress", "RateFinding", "find_lr", "range_test"]

Progress = Callable[[int, int], None]
"""Is told how many steps are done, and how many there will be at most."""

Numbers = npt.NDArray[np.float64]

_WIDTH = 0.03
"""Standard deviation of the smoothing, as a share of all steps; symmetric, so that it does not shift the curve."""

_FEWEST_STEPS = 10


@dataclass(frozen=True)
class RateFinding:
    """What the range test found.

    Args:
        rates: The learning rates tried, growing.
        losses: The loss of the step with each of them.
        smoothed: The same without the noise of single batches.
        steepest: Where the loss falls fastest: the suggestion. None when it did not fall.
        lowest: Where it is lowest.
        diverged_at: Where the test was stopped because the loss exploded; None when it ran to the end.
        optimizer: Number of the optimizer in the configuration.

    Example:
        >>> finding = RateFinding([1e-3, 1e-2], [1.0, 0.5], [1.0, 0.5], 3.16e-3, 1e-2)
        >>> finding.setting
        'Training.Optimizer[0].params.lr=0.0032'
    """

    rates: list[float]
    losses: list[float]
    smoothed: list[float]
    steepest: float | None
    lowest: float
    diverged_at: float | None = None
    optimizer: int = 0

    @property
    def suggestion(self) -> float | None:
        """The learning rate to begin with, two digits; None when the loss did not fall."""
        return None if self.steepest is None else float(f"{self.steepest:.1e}")

    @property
    def tenth_of_lowest(self) -> float:
        """The other usual rule: a tenth of the rate with the lowest loss."""
        return float(f"{self.lowest / 10:.1e}")

    @property
    def setting(self) -> str:
        """The override of a configuration that uses the suggestion; empty without one."""
        if self.suggestion is None:
            return ""
        return f"Training.Optimizer[{self.optimizer}].params.lr={self.suggestion:g}"


def find_lr(
    experiment: Experiment,
    data_dir: str | Path = "./data",
    *,
    low: float = 1e-7,
    high: float = 10.0,
    n_steps: int = 100,
    optimizer: str | None = None,
    progress: Progress | None = None,
) -> RateFinding:
    """Find a learning rate for a configuration. Weights of earlier runs and files are not touched.

    Args:
        experiment: The configuration, from `eisen.config.read_config`.
        data_dir: Folder of the data.
        low: The first learning rate.
        high: The last one.
        n_steps: Training steps in between, at least 10.
        optimizer: Name of the one to change when there are several; None changes all alike.
        progress: Is told how far it is.

    Raises:
        ArgumentError: If an argument is out of range.
        ConfigError: If the configuration has no Training phase, or lacks a part of it.

    Source: Smith, Cyclical learning rates for training neural networks, WACV 2017, section 3.3.
    """
    _check(low, high, n_steps)
    parts = training_parts(experiment, data_dir, "find-lr")
    return range_test(parts.workflow, low=low, high=high, n_steps=n_steps, optimizer=optimizer, progress=progress)


def range_test(
    workflow: GenericWorkflow,
    *,
    low: float = 1e-7,
    high: float = 10.0,
    n_steps: int = 100,
    optimizer: str | None = None,
    progress: Progress | None = None,
) -> RateFinding:
    """Find a learning rate for a training workflow. Afterwards its weights and optimizers are what they were.

    Every step trains with a rate that is a fixed factor above the one before; groups of parameters keep the ratio of
    their rates. It ends early when the loss explodes.

    Args:
        workflow: A `Training`, or a workflow of your own with an optimizer.
        low: The first learning rate.
        high: The last one.
        n_steps: Training steps in between, at least 10.
        optimizer: Name of the one to change when there are several; None changes all alike.
        progress: Is told how far it is.

    Raises:
        ArgumentError: If an argument is out of range.
        TrainingError: If the loss is no number from the start.

    Source: Smith, Cyclical learning rates for training neural networks, WACV 2017, section 3.3.

    Example:
        >>> import torch
        >>> from eisen.utils import EisenModuleWrapper
        >>> from eisen.utils.workflows import Training
        >>> net = torch.nn.Linear(1, 1)
        >>> model = EisenModuleWrapper(net, ["x"], ["prediction"])
        >>> loss = EisenModuleWrapper(torch.nn.MSELoss(), ["prediction", "y"], ["mse"])
        >>> x = torch.linspace(-1, 1, 8).reshape(8, 1)
        >>> training = Training(model, [{"x": x, "y": 2 * x}], [loss], torch.optim.SGD(net.parameters(), 0.1))
        >>> finding = range_test(training, low=1e-4, high=100.0, n_steps=60)
        >>> 0.01 < finding.suggestion < 3, finding.diverged_at is not None
        (True, True)
    """
    _check(low, high, n_steps)
    groups, number = _groups(workflow, optimizer)
    rates = np.geomspace(low, high, n_steps)
    with undisturbed(workflow):
        losses = _sweep(workflow, groups, rates, progress)
    if not losses:
        raise TrainingError(
            "find-lr: the loss is not a number from the first step on",
            expected="a finite loss with the smallest learning rate",
            to_do="look at the data with 'eisen check', or compute in another precision",
        )
    diverged = float(rates[len(losses)]) if len(losses) < n_steps else None
    return _finding(rates[: len(losses)], np.array(losses), diverged, number)


def _check(low: float, high: float, n_steps: int) -> None:
    if not 0 < low < high or not math.isfinite(high):
        raise ArgumentError(f"find-lr: the rates go from {low:g} to {high:g}", expected="0 < min < max")
    if n_steps < _FEWEST_STEPS:
        raise ArgumentError(f"find-lr: there are {n_steps} steps", expected=f"at least {_FEWEST_STEPS}")


def _groups(workflow: Any, name: str | None) -> tuple[list[tuple[dict[str, Any], float]], int]:
    """Return the groups of parameters to change, each with the ratio of its rate to the first one's; and a number."""
    from eisen.utils.workflows.update import named_optimizers

    optimizers = named_optimizers(workflow.optimizer)
    if not optimizers or (name is not None and name not in optimizers):
        known = ", ".join(optimizers) or "(there is none)"
        what = f"find-lr: there is no optimizer '{name}'" if name else "find-lr: the workflow has no optimizer"
        raise ArgumentError(what, expected=f"one of {known}", to_do=nearest(name or "", optimizers))
    chosen = [optimizers[name]] if name is not None else [*optimizers.values()]
    groups = [group for optimizer in chosen for group in optimizer.param_groups]
    first = float(groups[0]["lr"]) or 1.0
    return [(group, (float(group["lr"]) or first) / first) for group in groups], list(optimizers).index(
        name if name is not None else next(iter(optimizers))
    )


def _sweep(workflow: Any, groups: list[tuple[dict[str, Any], float]], rates: Numbers, progress: Any) -> list[float]:
    """Return the losses up to where they explode."""
    batches = batches_for_ever(workflow.data_loader)
    losses: list[float] = []
    watch = _Watch()
    for number, rate in enumerate(rates):
        for group, ratio in groups:
            group["lr"] = float(rate) * ratio
        several = [loss_of_step(workflow, next(batches)) for _ in range(max(1, workflow.stepping.accumulate))]
        loss = math.fsum(several) / len(several) if all(map(math.isfinite, several)) else math.nan
        if watch.explodes(loss):
            break
        losses.append(loss)
        if progress is not None:
            progress(number + 1, len(rates))
    return losses


class _Watch:
    """Tells when a loss explodes: no number, or far above where it began."""

    def __init__(self) -> None:
        self.first = self.best = self.now = math.nan

    def explodes(self, loss: float) -> bool:
        """Take in the loss of a step."""
        if not math.isfinite(loss):
            return True
        if math.isnan(self.now):
            self.first = self.best = self.now = loss
            return False
        self.now += 0.4 * (loss - self.now)
        self.best = min(self.best, self.now)
        return self.now > self.best + max(2 * (self.first - self.best), 3 * abs(self.best), 1e-12)


def _finding(rates: Numbers, losses: Numbers, diverged: float | None, optimizer: int) -> RateFinding:
    smoothed = _smoothed(losses)
    lowest = int(np.argmin(smoothed))
    steepest: float | None = None
    start = int(np.argmax(smoothed[: lowest + 1]))
    noise = float(np.std(losses - smoothed))
    if lowest - start >= 2 and smoothed[start] - smoothed[lowest] > noise:
        slope = np.gradient(smoothed, np.log10(rates))
        steepest = float(rates[start + int(np.argmin(slope[start : lowest + 1]))])
    return RateFinding(
        rates.tolist(), losses.tolist(), smoothed.tolist(), steepest, float(rates[lowest]), diverged, optimizer
    )


def _smoothed(losses: Numbers) -> Numbers:
    """Return weighted means of neighbours; at the ends of those there are."""
    places = np.arange(len(losses))
    width = max(1.0, _WIDTH * len(losses))
    weights = np.exp(-0.5 * ((places[:, None] - places[None]) / width) ** 2)
    result: Numbers = weights @ losses / weights.sum(axis=1)
    return result
