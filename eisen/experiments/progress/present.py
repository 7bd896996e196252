"""The pass over the data that is going on."""

from __future__ import annotations

from collections import deque
from time import perf_counter
from typing import TYPE_CHECKING, Any

from eisen.experiments.progress.memory import device_bytes
from eisen.experiments.progress.values import Losses, detached, read

if TYPE_CHECKING:
    from eisen.experiments.parts import PhaseParts
    from eisen.utils.events import BatchEnd
    from eisen.utils.workflows.timing import Timing

__all__ = ["NOTHING", "Present", "n_samples_of"]

NOTHING: dict[str, Any] = {
    "phase": "",
    "epoch": None,
    "batch": None,
    "n_batches": None,
    "samples_per_second": None,
    "seconds_loader": None,
    "seconds_transfer": None,
    "seconds_compute": None,
    "device": None,
    "device_memory_bytes": None,
    "learning_rates": {},
    "losses": {},
}
"""What is known before the first pass."""

_RECENT = 10


class Present:
    """Counts the batches and samples of a pass.

    Args:
        part: The phase.
        epoch: Number of the epoch, from 0.

    Attributes:
        done: How many batches are done.
        first: The batch that it began with; not 0 where an interrupted run goes on.
        n_samples: How many samples this process, or the group it is in, had.
    """

    def __init__(self, part: PhaseParts, epoch: int) -> None:
        self.part, self.epoch = part, epoch
        self.phase, self.n_batches = part.name, len(part.loader)
        self.done = self.n_samples = 0
        self.first: int | None = None
        self._losses: Losses = {}
        self.started = self._mark = perf_counter()
        self._marked = (0, 0)
        self._stretches: deque[tuple[float, int]] = deque(maxlen=_RECENT)

    @property
    def is_whole(self) -> bool:
        """True when no batch was left out at the start."""
        return self.first == 0

    @property
    def n_left(self) -> int:
        """How many batches are left."""
        return max(0, self.n_batches - self.done)

    def count(self, event: BatchEnd) -> int:
        """Count a batch, and return how many are done; called for each, so it is short."""
        number = event.number
        if self.first is None:
            self.first, self._marked = number, (number, 0)
        self.done = done = number + 1
        self.n_samples += n_samples_of(event.inputs)
        return done

    def look_at(self, event: BatchEnd) -> None:
        """Keep the losses of a batch, which are read when somebody asks, and its time so far."""
        self._losses = detached(event.losses)
        timing: Timing | None = getattr(event.workflow, "timing", None)
        if timing is not None:
            timing.computed()

    def losses(self) -> dict[str, float]:
        """Return the losses that were kept last, by name; waits for the device."""
        (numbers,) = read([self._losses])
        self._losses = dict(numbers)
        return numbers

    def facts(self) -> dict[str, Any]:
        """Return what is known about the pass."""
        device = getattr(self.part.workflow, "device", None)
        return {
            "phase": self.phase,
            "epoch": self.epoch,
            "batch": self.done,
            "n_batches": self.n_batches,
            "samples_per_second": self.samples_per_second(),
            **self.seconds(),
            "device": None if device is None else str(device),
            "device_memory_bytes": device_bytes(device),
            "learning_rates": self.learning_rates(),
            "losses": self.losses(),
        }

    def stretch(self) -> tuple[float, int]:
        """Return seconds and batches since the last time this was asked, and begin a new stretch."""
        now, (done, n_samples) = perf_counter(), self._marked
        seconds, n_batches = now - self._mark, self.done - done
        if n_batches > 0:
            self._stretches.append((seconds, self.n_samples - n_samples))
            self._mark, self._marked = now, (self.done, self.n_samples)
        return seconds, n_batches

    def samples_per_second(self) -> float | None:
        """Return how many samples go through per second at present; None while nobody knows."""
        known = list(self._stretches)[1:] or list(self._stretches)
        seconds = sum(seconds for seconds, _ in known)
        return round(sum(n for _, n in known) / seconds, 3) if seconds > 0 else None

    def seconds(self) -> dict[str, float | None]:
        """Return where the time went so far; None for a workflow with a loop of its own, which does not tell."""
        timing: Timing | None = getattr(self.part.workflow, "timing", None)
        names = ("seconds_loader", "seconds_transfer", "seconds_compute")
        if self.first is None or timing is None or timing.seconds_loader == 0.0:
            return dict.fromkeys(names)
        return {name: round(value, 3) for name, value in timing.seconds().items()}

    def learning_rates(self) -> dict[str, list[float]]:
        """Return the learning rates of the parameter groups, by optimizer."""
        optimizers: dict[str, Any] = dict(self.part.optimizers)
        return {name: [float(group["lr"]) for group in each.param_groups] for name, each in optimizers.items()}


def n_samples_of(batch: Any) -> int:
    """Return how many samples a batch has; in all processes together where each has a part of it.

    Args:
        batch: Fields by name.
    """
    share = getattr(batch, "share", None)
    if share is not None:
        return int(share.n_cases) if share.counts else 0
    cases = getattr(batch, "cases", None)
    if cases:
        return len(cases)
    return next((int(value.shape[0]) for value in batch.values() if getattr(value, "ndim", 0)), 0)
