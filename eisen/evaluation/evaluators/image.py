"""Evaluating images whose voxels are intensities: reconstruction, denoising, synthesis, regression per voxel."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eisen._core.errors import ArgumentError
from eisen.evaluation.evaluators.base import CaseInput, Evaluator, measured
from eisen.evaluation.grids import on_one_grid
from eisen.evaluation.measured import Presence, undefined
from eisen.evaluation.metric import Metric
from eisen.evaluation.pairs.image_pair import ImagePair
from eisen.evaluation.results import Record, Results

__all__ = ["ImageEvaluator"]


class ImageEvaluator(Evaluator):
    """Measures images, voxel by voxel, everywhere or in a mask.

    Args:
        metrics: Metrics, or how they are spelt: "PSNR", "SSIM", the name of a group, "reconstruction", or "all".
        data_range: Largest minus smallest value an image can have, e.g. 255; None: metrics take it from the reference.

    Raises:
        ArgumentError: If there is no such metric, or the range is not positive.

    Example:
        >>> import numpy as np
        >>> evaluator = ImageEvaluator(["MAE"], data_range=255)
        >>> found = evaluator.evaluate(np.full((4, 4), 2.0), np.zeros((4, 4)), "p7", mask=np.eye(4))
        >>> found.values("", "MAE").tolist()
        [2.0]
    """

    kind = "image"

    def __init__(self, metrics: str | Metric | Sequence[str | Metric] = "all", data_range: float | None = None) -> None:
        super().__init__(metrics)
        if data_range is not None and not data_range > 0:
            raise ArgumentError(f"data_range is {data_range!r}", expected="a positive number, or None")
        self.data_range = data_range

    def evaluate(
        self,
        prediction: Any,
        reference: Any,
        case_id: str,
        spacing_mm: Sequence[float] | None = None,
        mask: Any = None,
    ) -> Results:
        """Measure a case, and add its records to `results`.

        Args:
            prediction: An array, tensor, image or file name; None: there is none, and no metric has a value.
            reference: The same, but not None.
            case_id: Name of the case; each case is measured once.
            spacing_mm: Distance of voxels along each axis of arrays; images know theirs.
            mask: Where to compare, not 0 inside; on the grid of the reference. None: everywhere.

        Returns:
            The records of this case.

        Raises:
            ShapeError: If the shapes differ.
            GeometryError: If the images are in different places.
            ArgumentError: If there was a case of this name before.
        """
        return self._add(self.measure_safely(CaseInput(prediction, reference, case_id, spacing_mm, mask)))

    def measure(self, case: CaseInput) -> Results:
        """Return the records of a case, and keep nothing.

        Args:
            case: Prediction and reference.
        """
        grid = on_one_grid(case.prediction, case.reference, case.spacing_mm, case.mask, is_map=False)
        pair = ImagePair(grid.prediction, grid.reference, grid.mask, self.data_range, grid.spacing)
        found = self._empty()
        found.facts[case.case_id] = grid.facts
        is_missed = case.prediction is None
        for metric in self.metrics:
            value = undefined("there is no prediction") if is_missed else measured(metric, pair)
            presence: Presence = "missed" if is_missed else "both"
            found.records.append(Record(case.case_id, "", metric.name, value.value, value.reason, presence))
        return found
