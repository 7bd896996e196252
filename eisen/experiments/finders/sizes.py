"""What was found about batch sizes, and the search for the largest one that fits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["SizeFinding", "SizeTrial", "largest_by_trying"]

_AS_FAST = 0.95
"""A smaller batch that reaches this share of the highest speed is as good."""


@dataclass(frozen=True)
class SizeTrial:
    """One batch size.

    Args:
        size: Cases in the batch.
        fits: Whether a whole training step fits into memory.
        peak_bytes: Memory at the highest point of the step; None when it is not known.
        seconds: Time of a step; None when it was not measured.
        is_forecast: Whether the memory is computed from smaller batches instead of measured.
    """

    size: int
    fits: bool
    peak_bytes: int | None = None
    seconds: float | None = None
    is_forecast: bool = False

    @property
    def cases_per_second(self) -> float | None:
        """How many cases a second are trained."""
        return None if not self.seconds else self.size / self.seconds


@dataclass(frozen=True)
class SizeFinding:
    """What was found about batch sizes.

    Args:
        trials: The sizes, growing.
        device: Where the steps were computed.
        n_cases: Training cases; a batch cannot be larger.
        limit_bytes: How much memory there is; None when it is not known.
        maximum: The largest size that was asked about.

    Example:
        >>> trials = [SizeTrial(1, True, 100, 1.0), SizeTrial(2, True, 180, 1.1), SizeTrial(4, True, 340, 2.1)]
        >>> finding = SizeFinding([*trials, SizeTrial(8, False)], "cpu", 20, 500, 8)
        >>> finding.largest, finding.fastest, finding.setting
        (4, 2, 'Training.BatchSize=2')
    """

    trials: list[SizeTrial]
    device: str
    n_cases: int
    limit_bytes: int | None
    maximum: int

    @property
    def largest(self) -> int:
        """The largest size that fits, up to the maximum; 0 when none does."""
        return max((trial.size for trial in self.trials if trial.fits), default=0)

    @property
    def fastest(self) -> int:
        """The smallest size that is as fast as the fastest, to within 5 %; 0 when none was measured."""
        speeds = {t.size: t.cases_per_second for t in self.trials if t.fits and t.cases_per_second}
        best = max(speeds.values(), default=0.0)
        return min((size for size, speed in speeds.items() if speed and speed >= _AS_FAST * best), default=0)

    @property
    def setting(self) -> str:
        """The override of a configuration that uses the fastest size; empty without one."""
        return f"Training.BatchSize={self.fastest}" if self.fastest else ""


def largest_by_trying(attempt: Callable[[int], SizeTrial], maximum: int) -> list[SizeTrial]:
    """Try 1, 2, 4, ... until one does not fit, then halve the interval in between until it is known exactly.

    Args:
        attempt: Tries a size.
        maximum: The largest size to try.

    Returns:
        All trials, growing by size.

    Example:
        >>> trials = largest_by_trying(lambda size: SizeTrial(size, size <= 11), 64)
        >>> [(trial.size, trial.fits) for trial in trials]
        [(1, True), (2, True), (4, True), (8, True), (10, True), (11, True), (12, False), (16, False)]
    """
    trials: dict[int, SizeTrial] = {}
    size = 1
    while True:
        trials[size] = attempt(size)
        if not trials[size].fits or size == maximum:
            break
        size = min(2 * size, maximum)
    fits, fails = max((s for s, t in trials.items() if t.fits), default=0), size
    while not trials[size].fits and fails - fits > 1 and fits:
        middle = (fits + fails) // 2
        trials[middle] = attempt(middle)
        fits, fails = (middle, fails) if trials[middle].fits else (fits, middle)
    return [trials[key] for key in sorted(trials)]
