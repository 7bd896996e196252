"""What a workflow needs to go on later: between two epochs, and in the middle of one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from eisen.datasets.sharing import Share
from eisen.utils.workflows.aggregate import EpochDataAggregator
from eisen.utils.workflows.averaging import WeightAverage
from eisen.utils.workflows.guard import NonFiniteGuard
from eisen.utils.workflows.precision import Precision
from eisen.utils.workflows.schedule import Schedule, Schedules
from eisen.utils.workflows.update import Update

__all__ = ["Resuming"]

Values = dict[str, Any]


class Resuming:
    """The part of a workflow that is kept in checkpoints; see `GenericWorkflow` for the attributes."""

    average: WeightAverage | None
    data_loader: Iterable[Any] | None
    epoch_aggregator: EpochDataAggregator
    guard: NonFiniteGuard
    precision: Precision
    schedule: Schedule | Schedules | None
    stepping: Update
    _batch_number: int
    _progress: Values | None
    _share: Share | None

    def state_dict(self) -> Values:
        """Return what is needed to go on later, apart from model and optimizer; to be taken between two runs."""
        state: Values = {
            "best_avg_loss": self.epoch_aggregator.best_avg_loss,
            "best_avg_metric": self.epoch_aggregator.best_avg_metric,
        }
        if hasattr(self, "epoch"):
            state["epoch"] = self.epoch
        return state | {name: part.state_dict() for name, part in self._parts_with_state().items()}

    def load_state_dict(self, state: Values) -> None:
        """Go on from a state that `state_dict` gave."""
        self.epoch_aggregator.best_avg_loss = state["best_avg_loss"]
        self.epoch_aggregator.best_avg_metric = state["best_avg_metric"]
        if hasattr(self, "epoch"):
            self.epoch = state["epoch"]
        for name, part in self._parts_with_state().items():
            if name in state:
                part.load_state_dict(state[name])

    def _parts_with_state(self) -> Values:
        parts = {"scheduler": self.schedule, "scaler": self.precision.scaler, "average": self.average}
        return {name: part for name, part in parts.items() if part is not None}

    def progress(self) -> Values | None:
        """Return where in an epoch the workflow is, to be taken when a batch ends; `continue_at` goes on from there.

        None while gradients wait for further batches: there is nothing to go on from before the weights change.
        """
        if self.stepping.is_pending:
            return None
        results = self.epoch_aggregator.progress()
        if results is None:
            return None
        loader: Any = self.data_loader
        is_divided = self._share is not None and hasattr(loader, "after")
        return {
            "batch": loader.after(self._batch_number) if is_divided else self._batch_number + 1,
            "results": results,
            "metrics": self.epoch_aggregator.streaming_states(),
            "skipped": [self.guard.n_skipped, *self.guard.skipped_cases],
        }

    def continue_at(self, progress: Values) -> None:
        """Let the next `run` go on in the middle of an epoch.

        The data loader must be one that can start late, as `eisen.datasets.loading.Loader` can.

        Args:
            progress: What `progress` gave.
        """
        self._progress = progress

    def _continued(self, aggregator: EpochDataAggregator) -> int:
        """Take up what `continue_at` was given; return the number of the first batch."""
        progress, self._progress = self._progress, None
        if progress is None:
            return 0
        loader: Any = self.data_loader
        loader.start_at(progress["batch"])
        aggregator.continue_with(progress["results"])
        aggregator.restore_streaming(progress["metrics"])
        self.guard.n_skipped, self.guard.skipped_cases = progress["skipped"][0], list(progress["skipped"][1:])
        return int(progress["batch"])
