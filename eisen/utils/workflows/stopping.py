"""Ending a training early: when a value has not got better for a while, or is good enough."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from eisen._core.errors import ArgumentError, nearest
from eisen.utils.events import EpochEnd
from eisen.utils.hub import attach

__all__ = ["EarlyStopping"]

_log = logging.getLogger(__name__)
_MEANS = ("mean metric", "mean loss")


class EarlyStopping:
    """Stop a training whose value has not got better for some epochs, or has reached a goal.

    Put it among the hooks of the phase to watch, usually Validation; it counts the epochs in which that phase ran. All
    it remembers is in the checkpoint, so a resumed training stops where the uninterrupted one would have.

    Attributes:
        best: The best (smoothed) value so far; NaN before there is one.
        waited: Epochs since then.
        reason: Why it stopped, one sentence; empty while it goes on.

    Args:
        workflow_id: The `id` of the workflow to watch.
        phase: Name of the phase, for `reason`.
        artifacts_dir: Not used; here because all hooks have it.
        monitor: What to watch: ``"mean metric"``, ``"mean loss"``, or the name of one of them, e.g. ``"dice"`` or
            ``"dice[liver]"``.
        mode: Whether ``"max"`` or ``"min"`` is better; ``"auto"``: larger metrics and smaller losses are.
        patience: Epochs without improvement after which to stop, at least 1.
        min_delta: By how much a value must be better than the best one to count as better.
        smoothing: Weight of the past in the value that is watched, 0 (none) to below 1: an exponential mean, corrected
            for its start. 0.8 looks back over about five epochs.
        start_epoch: Number of the first epoch, from 0, that counts; those before only enter the smoothing.
        threshold: Stop as soon as the value is at least as good as this. None: there is no such goal.

    Raises:
        ArgumentError: If an argument is out of range; at the end of the first epoch, if there is no such value.

    Example:
        >>> from uuid import uuid4
        >>> stopping = EarlyStopping(uuid4(), monitor="dice", mode="max", patience=2)
        >>> for dice in (0.5, 0.7, 0.69, 0.7):
        ...     stopping.judge(dice)
        >>> stopping.is_stop(), stopping.reason
        (True, 'dice has not got better than 0.7 for 2 epochs')
    """

    def __init__(
        self,
        workflow_id: UUID,
        phase: str = "Validation",
        artifacts_dir: str | Path | None = None,
        monitor: str = "mean metric",
        mode: Literal["auto", "max", "min"] = "auto",
        patience: int = 10,
        min_delta: float = 0.0,
        smoothing: float = 0.0,
        start_epoch: int = 0,
        threshold: float | None = None,
    ) -> None:
        if mode not in ("auto", "max", "min"):
            raise ArgumentError(f"EarlyStopping: mode is {mode!r}", expected="'auto', 'max' or 'min'")
        if patience < 1 or min_delta < 0 or start_epoch < 0 or not 0 <= smoothing < 1:
            raise ArgumentError(
                f"EarlyStopping: patience is {patience}, min_delta {min_delta}, smoothing {smoothing}, "
                f"start_epoch {start_epoch}",
                expected="patience from 1, min_delta from 0, smoothing from 0 to below 1, start_epoch from 0",
            )
        self.phase, self.artifacts_dir = phase, artifacts_dir
        self.monitor, self.mode = monitor, mode
        self.patience, self.min_delta, self.smoothing = patience, min_delta, smoothing
        self.start_epoch, self.threshold = start_epoch, threshold
        self.best, self.waited, self.reason = math.nan, 0, ""
        self._sign = _sign_of(monitor, mode)
        self._mean, self._weight = 0.0, 0.0
        attach(workflow_id, self)

    def on_epoch_end(self, event: EpochEnd) -> None:
        """Look at the value of the epoch."""
        self.judge(self._value(event), event.epoch)

    def judge(self, value: float, epoch: int | None = None) -> None:
        """Take in the value of an epoch; one that is NaN is no improvement.

        Args:
            value: The value.
            epoch: Number of the epoch, from 0; None: one that counts.
        """
        smooth = self._smoothed(value)
        if epoch is not None and epoch < self.start_epoch:
            return
        if self._is_better(smooth, self.best, self.min_delta):
            self.best, self.waited = smooth, 0
        else:
            self.waited += 1
        self._decide(smooth)

    def is_stop(self) -> bool:
        """Tell whether the training shall end."""
        return bool(self.reason)

    def state_dict(self) -> dict[str, Any]:
        """Return all it remembers."""
        names = ("best", "waited", "reason", "_sign", "_mean", "_weight")
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave; with another patience or goal, those of now decide."""
        for name, value in state.items():
            setattr(self, name, value)
        if self.threshold is None and self.waited < self.patience:
            self.reason = ""

    def _value(self, event: EpochEnd) -> float:
        """Return the value that is watched."""
        if self.monitor in _MEANS:
            mean = event.mean_metric if self.monitor == "mean metric" else event.mean_loss
            if mean is not None:
                return float(mean)
        values = {**event.losses, **event.metrics}
        if self.monitor not in values:
            kinds = [_MEANS[i] for i, there in enumerate((event.metrics, event.losses)) if there]
            known = [*kinds, *values]
            raise ArgumentError(
                f"EarlyStopping: {self.phase} has no '{self.monitor}'",
                expected=f"one of {', '.join(known) or '(it has neither losses nor metrics)'}",
                to_do=nearest(self.monitor, known) or "name one of them in 'monitor'",
            )
        if self._sign == 0:
            self._sign = 1 if self.monitor in event.metrics else -1
        return float(values[self.monitor])

    def _smoothed(self, value: float) -> float:
        if not math.isfinite(value):
            return math.nan
        keep = self.smoothing
        self._mean = keep * self._mean + (1 - keep) * value
        self._weight = keep * self._weight + (1 - keep)
        return self._mean / self._weight if keep else value

    def _is_better(self, value: float, than: float, by: float) -> bool:
        if math.isnan(value):
            return False
        return math.isnan(than) or (value - than) * (self._sign or 1) > by

    def _decide(self, value: float) -> None:
        """Say why to stop, if there is a reason."""
        reached = self.threshold is not None and (value - self.threshold) * (self._sign or 1) >= 0
        if reached:
            self.reason = f"{self.monitor} is {value:.5g} and has reached {self.threshold:.5g}"
        elif self.waited >= self.patience:
            epochs = "epoch" if self.patience == 1 else "epochs"
            best = "never been a number" if math.isnan(self.best) else f"not got better than {self.best:.5g}"
            self.reason = f"{self.monitor} has {best} for {self.waited} {epochs}"
        else:
            self.reason = ""
            return
        _log.info("%s: %s", self.phase, self.reason)


def _sign_of(monitor: str, mode: str) -> int:
    """Return 1 where larger is better, -1 where smaller is, 0 where only the first epoch tells."""
    if mode != "auto":
        return 1 if mode == "max" else -1
    return {"mean metric": 1, "mean loss": -1}.get(monitor, 0)
