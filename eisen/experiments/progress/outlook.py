"""How long the rest of a run will take."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import median

__all__ = ["Outlook", "Pace", "PassPlan"]

_RECENT = 60
_FEW_S = 2.0
_FEW_BATCHES = 5
"""So many seconds of batches tell how fast they go, and so many at the start of a pass."""


@dataclass(frozen=True)
class PassPlan:
    """Which passes a run will do over a phase.

    Args:
        phase: Its name.
        n_batches: Of each pass.
        every: It comes in every so-manieth epoch, and in the last.
    """

    phase: str
    n_batches: int
    every: int = 1

    def passes(self, first: int, n_epochs: int) -> int:
        """Return how many passes there are from an epoch on.

        Example:
            >>> PassPlan("Validation", 10, every=3).passes(0, 7)
            3
        """
        if first >= n_epochs:
            return 0
        return n_epochs // self.every - first // self.every + (n_epochs % self.every != 0)


@dataclass
class Pace:
    """How fast the batches of a phase go: the median over stretches of a second or more.

    Stretches, because data may come in bursts; the median, because a checkpoint or a busy machine is no rule. The
    first stretch of a pass counts only while there is no other: starting takes time.

    Example:
        >>> pace = Pace()
        >>> for seconds, n_batches in ((9.0, 1), (2.0, 2), (2.0, 2), (30.0, 2)):
        ...     pace.add(seconds, n_batches)
        >>> pace.per_batch()
        1.0
    """

    first: tuple[float, int] | None = None
    recent: deque[tuple[float, int]] = field(default_factory=lambda: deque(maxlen=_RECENT))
    _is_first: bool = True

    def begin(self) -> None:
        """A pass begins."""
        self._is_first = True

    def add(self, seconds: float, n_batches: int) -> None:
        """Add a stretch.

        Args:
            seconds: How long it took.
            n_batches: How many batches it had, at least one.
        """
        if self._is_first:
            self.first, self._is_first = (seconds, n_batches), False
        else:
            self.recent.append((seconds, n_batches))

    def per_batch(self) -> float | None:
        """Return the seconds of a batch; None while nobody knows."""
        known = [*self.recent]
        if not known and self.first is not None and self.first[1] >= _FEW_BATCHES:
            known = [self.first]
        if sum(seconds for seconds, _ in known) < _FEW_S:
            return None
        return _weighted_median([(seconds / n, n) for seconds, n in known])


class Outlook:
    """Says how long the passes that are left will take, from those that were.

    Args:
        plans: The passes of an epoch, in their order.
        n_epochs: How many epochs there are.
        before: How long a whole pass over a phase took in the run that this one continues.
    """

    def __init__(self, plans: Sequence[PassPlan], n_epochs: int, before: Mapping[str, float] | None = None) -> None:
        self.plans, self.n_epochs = list(plans), n_epochs
        self.before = dict(before or {})
        self._paces = {plan.phase: Pace() for plan in plans}
        self._whole: dict[str, deque[float]] = {plan.phase: deque(maxlen=5) for plan in plans}

    def pace(self, phase: str) -> Pace:
        """Return how fast the batches of a phase go."""
        return self._paces.setdefault(phase, Pace())

    def passed(self, phase: str, seconds: float) -> None:
        """A whole pass is over, and what came between it and the next one.

        Args:
            phase: Its name.
            seconds: How long it took.
        """
        self._whole.setdefault(phase, deque(maxlen=5)).append(seconds)

    def pass_seconds(self, phase: str) -> float | None:
        """Return how long a whole pass over a phase takes; None while nobody knows."""
        whole, per_batch = self._whole.get(phase), self.pace(phase).per_batch()
        if whole and (len(whole) > 1 or per_batch is None):  # the first pass alone is slower than all others
            return median(whole)
        n_batches = next((plan.n_batches for plan in self.plans if plan.phase == phase), 0)
        return self.before.get(phase) if per_batch is None else per_batch * n_batches

    def known(self) -> dict[str, float]:
        """Return how long a whole pass takes, of those phases of which it is known."""
        found = self.before | {plan.phase: self.pass_seconds(plan.phase) for plan in self.plans}
        return {phase: round(seconds, 3) for phase, seconds in found.items() if seconds is not None}

    def left_of_pass(self, phase: str, n_left: int) -> float | None:
        """Return the seconds that a number of batches of a phase will take."""
        per_batch, plan = self.pace(phase).per_batch(), next((p for p in self.plans if p.phase == phase), None)
        if per_batch is not None:
            return per_batch * n_left
        seconds = self.pass_seconds(phase)
        return None if seconds is None or plan is None else seconds * n_left / max(1, plan.n_batches)

    def left(self, phase: str, epoch: int, n_left: int) -> float | None:
        """Return the seconds until the end of all epochs; None while the time of one of the phases is not known.

        Args:
            phase: The phase that runs.
            epoch: Number of the epoch, from 0.
            n_left: How many batches of the pass are left.
        """
        total, is_later = self.left_of_pass(phase, n_left), False
        for plan in self.plans:
            n_passes = plan.passes(epoch if is_later else epoch + 1, self.n_epochs)
            is_later = is_later or plan.phase == phase
            seconds = self.pass_seconds(plan.phase) if n_passes else 0.0
            if seconds is None or total is None:
                return None
            total += n_passes * seconds
        return total


def _weighted_median(values: list[tuple[float, int]]) -> float:
    values = sorted(values)
    half, so_far = sum(weight for _, weight in values) / 2, 0
    for value, weight in values:
        so_far += weight
        if so_far >= half:
            return value
    return values[-1][0]
