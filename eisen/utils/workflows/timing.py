"""Where the time of a pass goes: waiting for data, moving it, computing."""

from __future__ import annotations

from time import perf_counter

__all__ = ["Timing"]


class Timing:
    """Adds up three kinds of seconds over the batches of a pass; together they are all of its time.

    The workflow calls its methods in the order of a step. They cost a tenth of a microsecond each, so they always run.
    On a GPU they measure the host, which runs ahead of the device: it counts where the host has to wait for it, mostly
    while computing.

    Attributes:
        seconds_loader: Waiting for the next batch.
        seconds_transfer: Moving its tensors to the device; nothing on the CPU, where they stay.
        seconds_compute: The rest of the step: batch transforms, model, losses, weights, metrics, whoever listens to the
            end of a batch, checkpoints in the middle of an epoch included.

    Example:
        >>> timing = Timing()
        >>> timing.start()
        >>> for step in (timing.loaded, timing.moved, timing.computed):
        ...     step()
        >>> min(timing.seconds().values()) >= 0
        True
    """

    __slots__ = ("_mark", "seconds_compute", "seconds_loader", "seconds_transfer")

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """A pass begins."""
        self.seconds_loader = self.seconds_transfer = self.seconds_compute = 0.0
        self._mark = perf_counter()

    def loaded(self) -> None:
        """A batch is there, or there is no more."""
        now = perf_counter()
        self.seconds_loader += now - self._mark
        self._mark = now

    def moved(self) -> None:
        """It is on the device."""
        now = perf_counter()
        self.seconds_transfer += now - self._mark
        self._mark = now

    def computed(self) -> None:
        """The step is done, and all who listen were told."""
        now = perf_counter()
        self.seconds_compute += now - self._mark
        self._mark = now

    def seconds(self) -> dict[str, float]:
        """Return the three sums by name."""
        return {
            "seconds_loader": self.seconds_loader,
            "seconds_transfer": self.seconds_transfer,
            "seconds_compute": self.seconds_compute,
        }
