"""TensorBoard curves of losses, metrics and learning rates."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from eisen._core.atomic import artifact_error
from eisen.experiments.records import EpochRow

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

__all__ = ["Summaries"]


class Summaries:
    """Writes one point per epoch for every loss and metric, one folder per phase.

    Points of an earlier run from `first_epoch` on are hidden by TensorBoard, so a resumed run has one curve.

    Args:
        folder: Folder of all phases.
        first_epoch: The first epoch that will be written.
    """

    def __init__(self, folder: Path, first_epoch: int = 0) -> None:
        self._folder = folder
        self._first_epoch = first_epoch
        self._writers: dict[str, SummaryWriter] = {}

    def add(self, row: EpochRow, learning_rates: list[float] | None = None) -> None:
        """Add the losses and metrics of one epoch.

        Args:
            row: The losses and metrics.
            learning_rates: One per parameter group of the optimizer.

        Raises:
            ArtifactError: If nothing can be written.
        """
        points = {f"losses/{name}": value for name, value in row.losses.items()}
        points |= {f"metrics/{name}": value for name, value in row.metrics.items()}
        points |= {f"learning rate/{i}": rate for i, rate in enumerate(learning_rates or [])}
        try:
            writer = self._writer(row.phase)
            for name, value in points.items():
                writer.add_scalar(name, value, row.epoch)
            writer.flush()
        except OSError as error:
            raise artifact_error(error, self._folder / row.phase) from error

    def _writer(self, phase: str) -> SummaryWriter:
        if phase not in self._writers:
            from torch.utils.tensorboard import SummaryWriter  # 0.4 s, so not before the first epoch is done

            self._writers[phase] = SummaryWriter(str(self._folder / phase), purge_step=self._first_epoch)
        return self._writers[phase]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for writer in self._writers.values():
            writer.close()
