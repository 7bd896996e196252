"""Curves, histograms and pictures of every epoch in TensorBoard."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np

from eisen._core.atomic import artifact_error
from eisen._core.errors import ArgumentError
from eisen._core.types import Array
from eisen.utils.events import EpochEnd
from eisen.utils.hub import attach
from eisen.utils.logging.confusion import classes_of, confusion_matrix, plot_confusion_matrix
from eisen.utils.logging.pictures import middle_slices, pictures

__all__ = ["TensorboardSummaryHook", "plot_confusion_matrix"]

_log = logging.getLogger(__name__)


class TensorboardSummaryHook:
    """Write losses, metrics, inputs and outputs of every epoch to ``<artifacts_dir>/summaries/<phase>``.

    Numbers become curves and histograms; images (cases, channels, height, width) become pictures, volumes the
    pictures of their middle slices. Inputs and outputs are those of the last batch. What cannot be shown is left
    out: a summary never stops a run.

    Attributes:
        writer: The `SummaryWriter`, opened when first used.

    Args:
        workflow_id: The `id` of the workflow to watch.
        phase: Name of the folder, e.g. ``"Training"``.
        artifacts_dir: Folder for results; it must exist.
        comparison_pairs: Pairs ``[input, output]`` of class numbers, one per case, to compare in a confusion matrix
            and, for scores of two classes, a precision-recall curve. The output may also have a score per class,
            shape (cases, classes); then the last batch is compared.
        show_all_axes: Show the middle slices of volumes along all three axes instead of the first.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`).
    """

    def __init__(
        self,
        workflow_id: UUID,
        phase: str,
        artifacts_dir: str | Path,
        comparison_pairs: Sequence[Sequence[str]] | None = None,
        show_all_axes: bool = False,
    ) -> None:
        if not Path(artifacts_dir).is_dir():
            raise ArgumentError(
                f"the folder for results, '{artifacts_dir}', does not exist",
                expected="an existing folder",
                to_do=f"make it first: mkdir -p '{artifacts_dir}'",
            )
        self.folder = Path(artifacts_dir) / "summaries" / phase
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise artifact_error(error, self.folder) from error
        self.comparison_pairs = [_pair(pair) for pair in comparison_pairs or []]
        self.show_all_axes = show_all_axes
        attach(workflow_id, self)

    @cached_property
    def writer(self) -> Any:
        """The `SummaryWriter`; loading TensorBoard takes a second, so it waits until it is needed."""
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(self.folder))

    def on_epoch_end(self, event: EpochEnd) -> None:
        """Write the summaries of an epoch."""
        message, step = event.message, event.epoch
        try:
            for kind in ("losses", "metrics"):
                for row in message[kind]:
                    for name, values in row.items():
                        self._write_distribution(f"{kind}/{name}", f"{kind}/{name}", values, step)
            for kind in ("inputs", "outputs"):
                for name, values in message[kind].items():
                    self._write_field(f"{kind}/{name}", values, step)
            for given, found in self.comparison_pairs:
                self._compare(given, found, message, step)
            self.writer.flush()
        except OSError as error:
            _log.warning("%s", artifact_error(error, self.folder))

    def _write_field(self, tag: str, values: Array, step: int) -> None:
        if values.dtype.kind not in "biuf" or not values.size:
            return
        if values.ndim == 0:
            self.writer.add_scalar(tag, float(values), step)
        elif values.ndim == 1:
            self._write_distribution(tag, tag, values, step)
        elif values.ndim == 2:
            self.writer.add_image(tag, pictures(values[None, None])[0], step)
            self._write_histogram(f"{tag}/distribution", values, step)
        elif values.ndim in (4, 5):
            self._write_distribution(tag, f"{tag}/histogram", values, step)
            self._write_pictures(tag, values, step)

    def _write_pictures(self, tag: str, values: Array, step: int) -> None:
        if values.ndim == 4:
            self.writer.add_images(tag, pictures(values), step)
            return
        for axis in range(1, 4 if self.show_all_axes else 2):
            self.writer.add_images(f"{tag}_axis_{axis}", pictures(middle_slices(values, axis)), step)

    def _write_distribution(self, tag: str, histogram_tag: str, values: Array, step: int) -> None:
        numbers = np.asarray(values, dtype=np.float64)
        self.writer.add_scalar(f"{tag}/mean", numbers.mean(), step)
        self.writer.add_scalar(f"{tag}/std", numbers.std(), step)
        self._write_histogram(histogram_tag, numbers, step)

    def _write_histogram(self, tag: str, values: Array, step: int) -> None:
        numbers = np.asarray(values, dtype=np.float64)
        finite = numbers[np.isfinite(numbers)]
        if finite.size:
            self.writer.add_histogram(tag, finite, step)

    def _compare(self, given: str, found: str, message: dict[str, Any], step: int) -> None:
        truth, scores = message["inputs"].get(given), message["outputs"].get(found)
        if truth is not None and scores is not None and scores.ndim == 2:
            truth = truth[-len(scores) :]
        if truth is None or scores is None or truth.ndim != 1 or len(scores) != len(truth):
            _log.warning("%s and %s cannot be compared: one class number per case is needed", given, found)
            return
        tag = f"{given}_Vs_{found}"
        if scores.ndim == 1 and min(truth.min(), scores.min()) >= 0 and max(truth.max(), scores.max()) <= 1:
            self.writer.add_pr_curve(f"{tag}/pr_curve", truth, scores, step)
        predicted = classes_of(scores)
        if predicted is not None:
            matrix, classes = confusion_matrix(classes_of(truth), predicted)
            picture = plot_confusion_matrix(matrix, classes)
            self.writer.add_image(f"{tag}/confusion_matrix", picture, step, dataformats="HWC")


def _pair(pair: Sequence[str]) -> tuple[str, str]:
    if isinstance(pair, str) or len(pair) != 2:
        expected = "pairs of names, e.g. [['label', 'prediction']]"
        raise ArgumentError(f"comparison_pairs holds {pair!r}", expected=expected)
    return pair[0], pair[1]
