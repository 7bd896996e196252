"""Evaluating label maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from eisen.evaluation.evaluators.base import CaseInput, Evaluator, measured
from eisen.evaluation.grids import OneGrid, on_one_grid
from eisen.evaluation.labels import LabelNames, Labels, labels_of
from eisen.evaluation.measured import EmptyPolicy, Measured
from eisen.evaluation.metric import Metric
from eisen.evaluation.pairs.case_pair import CasePair
from eisen.evaluation.results import Record, Results

__all__ = ["SegmentationEvaluator"]


class SegmentationEvaluator(Evaluator):
    """Measures label maps, label by label.

    Shape and geometry are compared before anything is measured. Axes of one voxel (a channel, a single slice) are left
    out, so that a picture in a volume is measured as a picture. A metric that fails has no value, with the failure as
    its reason; the other values of the case stay.

    Args:
        metrics: Metrics, or how they are spelt: "DICE", "HDRFDST(percentile=95)", the name of a group, "all".
        labels: Values to names; several values are merged: ``{1: "anterior", (3, 4): "merged"}``. None: every value but
            0 that occurs in the case, by its number; a label that is in neither map then has no record.
        policy: What is said where a formula has no value, because a mask is empty.

    Raises:
        ArgumentError: If there is no such metric, or labels are not as described.

    Example:
        >>> import numpy as np
        >>> evaluator = SegmentationEvaluator(["DICE"], {1: "lung", (1, 2): "body"})
        >>> _ = evaluator.evaluate(np.array([[1, 2, 2]]), np.array([[1, 1, 2]]), "p7", spacing_mm=(1, 1))
        >>> [(record.label, round(record.value, 3)) for record in evaluator.results]
        [('lung', 0.667), ('body', 1.0)]
    """

    kind = "segmentation"

    def __init__(
        self,
        metrics: str | Metric | Sequence[str | Metric] = "all",
        labels: Labels | None = None,
        policy: EmptyPolicy | None = None,
    ) -> None:
        super().__init__(metrics)
        self.labels = None if labels is None else labels_of(labels)
        self.policy = policy or EmptyPolicy()

    def measure(self, case: CaseInput) -> Results:
        """Return the records of a case, and keep nothing.

        Args:
            case: Prediction and reference.
        """
        grid = on_one_grid(case.prediction, case.reference, case.spacing_mm)
        found = self._empty()
        found.facts[case.case_id] = grid.facts
        found.extend(self._records(case, grid))
        return found

    def _records(self, case: CaseInput, grid: OneGrid) -> Iterator[Record]:
        pair = CasePair(grid.prediction, grid.reference, grid.spacing)
        names: LabelNames = self.labels or {(value,): str(value) for value in pair.values if value}
        for values, name in names.items():
            label = pair.label(values, name)
            for metric in self.metrics:
                value = measured(metric, label, self.policy)
                reason = _told(value, metric, case, grid)
                yield Record(case.case_id, name, metric.name, value.value, reason, label.presence)


def _told(value: Measured, metric: Metric, case: CaseInput, grid: OneGrid) -> str:
    """Return the reason, and what else has to be known to read the value."""
    reasons = [value.reason] if value.reason else []
    if case.prediction is None:
        reasons.insert(0, "there is no prediction")
    if grid.spacing is None and metric.unit.startswith("mm") and value.is_defined:
        reasons.append("the spacing is not known: voxels of 1 mm")
    return "; ".join(reasons)
