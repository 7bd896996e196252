"""Metrics of `eisen.evaluation`, case by case and label by label, after every epoch."""

from __future__ import annotations

import csv
import logging
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from eisen._core.atomic import artifact_error, atomic_write
from eisen._core.errors import ArgumentError
from eisen.evaluation import Aggregate, Results, aggregate
from eisen.evaluation.writers import write_csv
from eisen.utils.artifacts.best import existing_folder
from eisen.utils.evaluating import WorkflowEvaluation, evaluator_of
from eisen.utils.events import BatchEnd, EpochEnd, EpochStart
from eisen.utils.hub import attach

__all__ = ["EvaluationHook"]

_log = logging.getLogger(__name__)
_COLUMNS = ("epoch", "label", "metric", "mean", "std", "median", "n", "n_undefined", "n_missed", "n_extra")


class EvaluationHook:
    """Measure every case of an epoch, label by label, with metrics of `eisen.evaluation`.

    Writes ``evaluation/<phase>/epoch_0000.csv`` with a row per case, label and metric, ``epochs.csv`` beside it with
    the means of every epoch and how many cases they do not speak of, and curves for TensorBoard in
    ``summaries/<phase>``: ``evaluation/<metric>/<label>``, and of each case
    ``evaluation_cases/<metric>/<label>/<case>``.

    Label maps are compared on the grid on which the model works; channels become the class with the largest value, a
    single channel the class 1 from one half on. Distances are in mm where the batch has the geometry
    (``<reference>_meta``). What comes in patches is measured patch by patch. With several processes these are the
    cases of the main one.

    Attributes:
        results: Records of the last epoch.

    Args:
        workflow_id: The `id` of the workflow to watch, usually the validation.
        phase: Part of the names of files.
        artifacts_dir: Folder for results; it must exist.
        metrics: How they are spelt, e.g. ``["DICE", "HDRFDST(percentile=95)"]``.
        labels: Values to names, ``{"1": "anterior", "3+4": "merged"}``; None: every value but 0. Of classifiers:
            classes.
        prediction_name: Output of the model; None: what the first metric or loss compares with a field.
        reference_name: That field; None: the same.
        kind: What the model predicts: "segmentation", "image" or "classification".
        policy: What is said about empty masks: "count", or "worst", which charges what was missed.
        every: Measure in every so many epochs.
        max_cases: So many cases have curves of their own.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`), or there is no such metric.

    Example:
        >>> import tempfile
        >>> from uuid import uuid4
        >>> hook = EvaluationHook(uuid4(), "Validation", tempfile.mkdtemp(), ["DICE"], {"1": "lung"})
        >>> hook.evaluation.evaluator.metrics
        [Dice()]
    """

    def __init__(
        self,
        workflow_id: UUID,
        phase: str,
        artifacts_dir: str | Path,
        metrics: Sequence[str] = ("DICE",),
        labels: Mapping[str, str] | None = None,
        prediction_name: str | None = None,
        reference_name: str | None = None,
        *,
        kind: Literal["segmentation", "image", "classification"] = "segmentation",
        policy: str = "count",
        every: int = 1,
        max_cases: int = 50,
    ) -> None:
        if not isinstance(every, int) or every < 1:
            raise ArgumentError(f"EvaluationHook: every is {every!r}", expected="a whole number from 1")
        root = existing_folder(artifacts_dir)
        self.folder = root / "evaluation" / phase.lower()
        self.table = self.folder / "epochs.csv"
        self.phase, self.every, self.max_cases = phase, every, max_cases
        self.evaluation = WorkflowEvaluation(
            evaluator_of(kind, metrics, labels, policy), prediction_name, reference_name
        )
        self.results = Results()
        self._summaries = root / "summaries" / phase
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise artifact_error(error, self.folder) from error
        attach(workflow_id, self)

    @cached_property
    def writer(self) -> Any:
        """The `SummaryWriter`; loading TensorBoard takes a second, so it waits until it is needed."""
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(self._summaries))

    def on_epoch_start(self, event: EpochStart) -> None:  # noqa: ARG002 - what a subscriber is called with
        """Forget what an epoch left that was stopped."""
        self.evaluation.finish()

    def on_batch_end(self, event: BatchEnd) -> None:
        """Measure the cases of a batch."""
        if event.epoch % self.every == 0:
            self.evaluation.on_batch_end(event)

    def on_epoch_end(self, event: EpochEnd) -> None:
        """Write what was measured in the epoch."""
        if event.epoch % self.every:
            return
        self.results = self.evaluation.finish()
        aggregates = aggregate(self.results)
        write_csv(self.results, self.folder / f"epoch_{event.epoch:04d}.csv")
        self._write_table(aggregates, event.epoch)
        self._write_curves(aggregates, event.epoch)

    def _write_table(self, aggregates: Sequence[Aggregate], epoch: int) -> None:
        """Add the means of an epoch; one that is trained again after a resume replaces its rows and those after it."""
        rows: list[dict[str, Any]] = []
        if self.table.exists():
            with self.table.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.DictReader(file) if int(row["epoch"]) < epoch]
        rows += [{"epoch": epoch, **{name: a.row()[name] for name in _COLUMNS[1:]}} for a in aggregates]
        with atomic_write(self.table, "w") as file:
            writer = csv.DictWriter(file, _COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)

    def _write_curves(self, aggregates: Sequence[Aggregate], epoch: int) -> None:
        """Write the curves; a disk that is full costs the curves, not the run."""
        try:
            for a in aggregates:
                if math.isfinite(a.mean):
                    self.writer.add_scalar(f"evaluation/{a.metric}/{a.label or 'all'}", a.mean, epoch)
                if a.n_missed or a.n_undefined:
                    self.writer.add_scalar(f"evaluation/{a.metric}/{a.label or 'all'}/undefined", a.n_undefined, epoch)
                    self.writer.add_scalar(f"evaluation/{a.metric}/{a.label or 'all'}/missed", a.n_missed, epoch)
            shown = set(self.results.cases[: self.max_cases])
            for r in self.results:
                if r.case in shown and math.isfinite(r.value):
                    tag = f"evaluation_cases/{r.metric}/{r.label or 'all'}/{r.case}"
                    self.writer.add_scalar(tag, r.value, epoch)
            self.writer.flush()
        except OSError as error:
            _log.warning("the evaluation is not shown in TensorBoard: %s", artifact_error(error, self._summaries))
