"""What a session hears of a pass over the data, and how it ends one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from eisen.experiments.observer import Observer

if TYPE_CHECKING:
    from eisen.utils.events import BatchEnd, EpochEnd

__all__ = ["PassListener", "Stopped"]


class Stopped(Exception):  # noqa: N818  - no error: the way out of an epoch that Ctrl-C ended
    """Ends an epoch between two batches.

    `workflow.stop` would end it too, but the epoch would be reported as if it were whole, and hooks would take the
    results of a part of the data for the best ones so far.
    """


class PassListener:
    """Counts batches, keeps the results of the epoch, and ends it when it is to stop."""

    def __init__(
        self,
        observer: Observer,
        n_batches: int,
        stops: Callable[[BatchEnd], bool],
        count: Callable[[BatchEnd], None],
    ) -> None:
        self.n_batches = n_batches
        self.event: EpochEnd | None = None
        self._on_batch = observer.on_batch
        self._count, self._stops = count, stops

    def on_batch_end(self, event: BatchEnd) -> None:
        """Pass the count on."""
        self._count(event)
        self._on_batch(event.number + 1, self.n_batches)
        if self._stops(event):
            raise Stopped

    def on_epoch_end(self, event: EpochEnd) -> None:
        """Keep losses and metrics."""
        self.event = event
