"""The states of streaming metrics: kept for a checkpoint, and brought together from several processes.

torchmetrics and MONAI bring their states together themselves, but in the order of the processes, so that sums of
fractions differ in their last digits, and they fail where a process has had no batch at all. Here the state of every
batch is kept by itself, and at the end all are added up in the order of the batches, exactly as one process does it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eisen.datasets.sharing import Share
from eisen.utils.distributed import Distribution
from eisen.utils.workflows.stream_states import Row, State, adapter_of

__all__ = ["Streams"]


class Streams:
    """The states of the streaming metrics of a workflow, over several processes.

    Args:
        metrics: Wrapped metrics.
        distribution: The processes.
    """

    def __init__(self, metrics: Sequence[Any], distribution: Distribution) -> None:
        self._distribution = distribution
        self._adapters = [adapter_of(getattr(metric, "module", metric)) for metric in metrics]
        self._rows: list[list[Row]] = [[] for _ in metrics]
        for adapter in self._adapters:
            adapter.stay_local()

    @property
    def can_pause(self) -> bool:
        """Whether `pause` can be called; some metrics can only be brought together once, at the end."""
        return all(adapter.can_pause for adapter in self._adapters)

    def before_batch(self) -> None:
        """Let the metrics that are kept batch by batch begin anew."""
        for adapter in self._adapters:
            if adapter.is_by_batch:
                adapter.reset()

    def after_batch(self, share: Share) -> None:
        """Keep the states of a batch.

        Args:
            share: Which part of which batch it was.
        """
        for adapter, rows in zip(self._adapters, self._rows, strict=True):
            if adapter.is_by_batch:
                rows.append((share.number, adapter.take()))

    def finish(self) -> None:
        """Give every metric the state of all batches of all processes, but those that ask the others themselves."""
        for adapter, rows in zip(self._adapters, self._gathered(), strict=True):
            if not adapter.adds_up_itself:
                adapter.put(rows)

    def pause(self) -> list[State]:
        """Return what one process would have counted so far; everything can go on afterwards."""
        states = []
        for adapter, rows in zip(self._adapters, self._gathered(), strict=True):
            own = adapter.take()
            adapter.put(rows)
            states.append(adapter.take())
            adapter.put([(0, own)])
        return states

    def restore(self, states: Sequence[State]) -> None:
        """Go on from what `pause` gave, which the main process takes up for all."""
        for adapter, rows, state in zip(self._adapters, self._rows, states, strict=True):
            if not self._distribution.is_main:
                adapter.reset()
            elif adapter.is_by_batch:
                rows.append((-1, state))
            else:
                adapter.put([(-1, state)])

    def _gathered(self) -> list[list[Row]]:
        """Return the states of all processes, for each metric in the order of the batches."""
        rank = self._distribution.rank
        mine = [
            rows if adapter.is_by_batch else [(rank, adapter.take())]
            for adapter, rows in zip(self._adapters, self._rows, strict=True)
        ]
        everyone = self._distribution.gather(mine)
        return [sorted((row for part in everyone for row in part[i]), key=_number) for i in range(len(mine))]


def _number(row: Row) -> int:
    return row[0]
