"""How the cases of a review are measured."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from eisen.config import Experiment, Phase
from eisen.experiments.evaluating import evaluation_of
from eisen.experiments.reviews.views import CaseView

if TYPE_CHECKING:
    from eisen.evaluation import Evaluator

__all__ = ["Measures", "reference_field"]

_METRICS = {"labels": ["DICE", "HDRFDST(percentile=95)", "PREDVOL", "REFVOL"], "image": ["MAE", "PSNR"]}
"""What is measured where the configuration has no part ``"Evaluation"``."""
_KINDS = {"segmentation": "labels", "image": "image"}


class Measures:
    """Measures cases with the metrics of the configuration, or with the usual ones.

    Args:
        experiment: The configuration.
        phase: The phase.
        kind: ``"labels"`` or ``"image"``.
    """

    def __init__(self, experiment: Experiment, phase: Phase, kind: str) -> None:
        asked = evaluation_of(experiment, phase)
        is_fitting = asked is not None and _KINDS.get(asked.evaluator.kind) == kind
        self.evaluator = asked.evaluator if asked and is_fitting else _usual(experiment, phase, kind)
        self.metrics = {
            metric.name: {"better": "" if metric.better == "neither" else metric.better, "unit": metric.unit}
            for metric in self.evaluator.metrics
        }

    def values(self, case: str, view: CaseView) -> tuple[dict[str, float | None], list[str]]:
        """Return the values of a case by metric and label, and why some of them are none.

        Args:
            case: Its name.
            view: What is shown of it.
        """
        from eisen.evaluation.evaluators import CaseInput

        grid = view.prediction.geometry
        pair = CaseInput(view.prediction.voxels, view.reference.voxels, case, grid.spacing)
        values: dict[str, float | None] = {}
        reasons: dict[str, None] = {}
        for record in self.evaluator.measure_safely(pair):
            name = f"{record.metric}[{record.label}]" if record.label else record.metric
            values[name] = record.value if math.isfinite(record.value) else None
            if record.reason:
                reasons[f"{name}: {record.reason}"] = None
        return values, list(reasons)


def reference_field(experiment: Experiment, phase: Phase, output: str) -> str:
    """Return the field that a model is compared with; empty when nothing tells.

    Args:
        experiment: The configuration.
        phase: The phase that is reviewed.
        output: Output of the model.
    """
    part = experiment.document.get("Evaluation")
    if isinstance(part, dict) and isinstance(part.get("reference"), str):
        return str(part["reference"])
    training = experiment.phases.get("Training")
    entries = [*phase.metrics, *phase.losses, *(training.losses if training else ())]
    for entry in entries:
        others = [name for name in entry.input_names if name != output]
        if output in entry.input_names and others:
            return str(others[0])
    return ""


def _usual(experiment: Experiment, phase: Phase, kind: str) -> Evaluator:
    from eisen.utils.evaluating import evaluator_of

    names = phase.hyper.labels or experiment.hyper.labels or {}
    labels = {str(value): name for value, name in names.items() if value != 0}
    if kind == "image":
        return evaluator_of("image", _METRICS[kind])
    return evaluator_of("segmentation", _METRICS[kind], labels or None)
