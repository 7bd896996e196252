"""From the batches of a workflow to cases that an evaluator measures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import torch

from eisen._core.case_names import case_names
from eisen._core.errors import ArgumentError, MissingFieldError, nearest
from eisen._core.types import Array, Geometry, meta_field
from eisen.evaluation import ClassificationEvaluator, Evaluator, ImageEvaluator, SegmentationEvaluator
from eisen.evaluation.evaluators import CaseInput
from eisen.evaluation.labels import Labels
from eisen.evaluation.policies import policy_of
from eisen.evaluation.results import Results
from eisen.utils.events import BatchEnd
from eisen.utils.logging.overlays import label_map_of

__all__ = ["Kind", "WorkflowEvaluation", "evaluator_of"]

Kind = Literal["segmentation", "image", "classification"]


def evaluator_of(
    kind: Kind, metrics: str | Sequence[Any], labels: Labels | Sequence[str] | None = None, policy: Any = "count"
) -> Evaluator:
    """Return the evaluator for what a model predicts.

    Args:
        kind: "segmentation", "image" or "classification".
        metrics: How they are spelt, e.g. ["DICE", "HDRFDST(percentile=95)"].
        labels: Of label maps: values to names, ``{"1": "anterior", "3+4": "merged"}``; None: every value but 0. Of
            classifiers: names of the classes, in order.
        policy: "count", "worst" or its parts, see `eisen.evaluation.policies.policy_of`.

    Raises:
        ArgumentError: If there is no such kind, or labels are given for images.

    Example:
        >>> evaluator_of("segmentation", "DICE", {"1": "lung"}).labels
        {(1,): 'lung'}
    """
    if kind == "segmentation":
        return SegmentationEvaluator(metrics, labels or None, policy_of(policy))  # type: ignore[arg-type]
    if kind == "classification":
        names = labels.values() if isinstance(labels, Mapping) else labels
        return ClassificationEvaluator(metrics, None if not names else [str(name) for name in names])
    if kind != "image" or labels:
        expected = '"segmentation", "image" (without labels) or "classification"'
        raise ArgumentError(f"kind is {kind!r}, labels are {labels!r}", expected=expected)
    return ImageEvaluator(metrics)


class WorkflowEvaluation:
    """Measures the cases of a workflow while it runs, with the evaluator that measures files.

    Cases are called after their files. A case that comes in several patches has a number behind its name.

    Args:
        evaluator: Measures them.
        prediction_name: Output of the model; None: what the first loss or metric compares with a field.
        reference_name: That field; None: the same.

    Example:
        >>> evaluation = WorkflowEvaluation(evaluator_of("segmentation", "DICE"))
        >>> evaluation.finish().records
        []
    """

    def __init__(
        self, evaluator: Evaluator, prediction_name: str | None = None, reference_name: str | None = None
    ) -> None:
        self.evaluator = evaluator
        self.prediction_name, self.reference_name = prediction_name, reference_name
        self._single: dict[tuple[int, int], CaseInput] = {}
        self._measured: dict[tuple[int, int], tuple[str, Results]] = {}
        self._names: list[str] | None = None

    def on_batch_end(self, event: BatchEnd) -> None:
        """Measure the cases of a batch.

        Raises:
            MissingFieldError: If there is no prediction or no reference of these names.
        """
        for place, case in enumerate(self._cases(event)):
            key = (event.number, place)
            if self.evaluator.kind == "classification":
                self._single[key] = case
            else:
                self._measured[key] = (case.case_id, self.evaluator.measure_safely(case))

    def finish(self, gather: Any = None) -> Results:
        """Return the results of the pass, cases in the order of the batches, and begin anew.

        Args:
            gather: With several processes, what brings their values together: ``Distribution.gather``.
        """
        measured, single = self._measured, self._single
        if gather is not None:
            for part in gather((measured, single)):
                measured, single = {**measured, **part[0]}, {**single, **part[1]}
        self._measured, self._single = {}, {}
        if single:
            self.evaluator.clear()
            return self.evaluator.evaluate_many(_renamed([single[key] for key in sorted(single)]))
        whole = Results(metrics={metric.name: metric for metric in self.evaluator.metrics})
        seen: dict[str, int] = {}
        for key in sorted(measured):
            whole.include(_as(_free(measured[key][0], seen), measured[key][1]))
        return whole

    def _cases(self, event: BatchEnd) -> Iterator[CaseInput]:
        prediction_name, reference_name = self._fields(event)
        outputs, inputs = event.outputs, event.inputs
        prediction = _demanded(prediction_name, {**inputs, **outputs}, event)
        reference = _demanded(reference_name, {**outputs, **inputs}, event)
        predictions, references = self._readable(prediction, reference)
        names = self._case_names(event, len(predictions))
        places = inputs.get(meta_field(reference_name)) or [None] * len(predictions)
        for one, other, name, place in zip(predictions, references, names, places, strict=False):
            yield CaseInput(one, other, name, _spacing(place, other.ndim))

    def _readable(self, prediction: Any, reference: Any) -> tuple[Array, Array]:
        """Return label maps, images or scores, cases first."""
        if self.evaluator.kind == "classification":
            return _probabilities(prediction), _array(reference).reshape(len(reference), -1)[:, 0]
        if self.evaluator.kind == "image":
            return _array(prediction), _array(reference)
        return _map_of(prediction, prediction), _map_of(reference, prediction)

    def _fields(self, event: BatchEnd) -> tuple[str, str]:
        prediction, reference = self.prediction_name, self.reference_name
        if prediction is None or reference is None:
            found = _compared(event)
            prediction, reference = prediction or found[0], reference or found[1]
        return prediction, reference

    def _case_names(self, event: BatchEnd, n: int) -> list[str]:
        samples = getattr(event.inputs, "samples", None)
        dataset = getattr(getattr(event.workflow, "data_loader", None), "dataset", None)
        if not samples or dataset is None:
            return [f"batch_{event.number:04d}_{i}" for i in range(n)]
        if self._names is None:
            self._names = case_names(dataset)
        return [self._names[sample % len(self._names)] for sample in samples]


def _compared(event: BatchEnd) -> tuple[str, str]:
    """Return the output and the field that the first loss or metric compares."""
    for module in (*getattr(event.workflow, "metrics", ()), *getattr(event.workflow, "losses", ())):
        names = list(getattr(module, "input_names", ()))
        found = [name for name in names if name in event.outputs]
        others = [name for name in names if name not in event.outputs]
        if found and others:
            return found[0], others[0]
    raise ArgumentError(
        "no loss or metric of this phase compares an output of the model with a field",
        to_do="name them: prediction_name and reference_name",
    )


def _demanded(name: str, fields: Mapping[str, Any], event: BatchEnd) -> Any:
    if name not in fields:
        raise MissingFieldError(
            f"the evaluation looks for '{name}', which {event.phase} does not have",
            expected=f"one of {', '.join(fields)}",
            to_do=nearest(name, fields),
            field=name,
        )
    return fields[name]


def _array(value: Any) -> Array:
    if not isinstance(value, torch.Tensor):
        return np.asarray(value)
    value = value.detach()
    return np.asarray((value.float() if value.dtype == torch.bfloat16 else value).cpu().numpy())


def _map_of(value: Any, prediction: Any) -> Array:
    """Return label maps (cases, ...) of maps, one-hot channels, probabilities or logits."""
    if value.ndim < prediction.ndim:  # a map without channels
        return _array(value)
    if value.shape[1] > 1:
        channels = value if isinstance(value, torch.Tensor) else torch.as_tensor(value)
        best = channels.detach().argmax(dim=1)
        return _array(best.to(torch.uint8) if value.shape[1] <= 256 else best)
    return label_map_of(_array(value))


def _probabilities(value: Any) -> Array:
    """Return probabilities (cases, classes), or (cases,) of class 1, of those or logits."""
    scores = torch.as_tensor(value).detach().float().reshape(len(value), -1)
    if scores.shape[1] == 1:
        return _array(scores[:, 0] if bool(((scores >= 0) & (scores <= 1)).all()) else scores[:, 0].sigmoid())
    sums_to_one = bool(((scores.sum(1) - 1).abs() < 1e-2).all() and (scores >= 0).all())
    return _array(scores if sums_to_one else scores.softmax(dim=1))


def _spacing(place: Any, n_axes: int) -> tuple[float, ...] | None:
    if not isinstance(place, Geometry) or n_axes < 2:
        return None
    axes = [axis for axis, n in enumerate(place.shape) if n > 1] if n_axes < 3 else [0, 1, 2]
    return tuple(place.spacing[axis] for axis in axes) if len(axes) == n_axes else place.spacing


def _renamed(cases: Sequence[CaseInput]) -> list[CaseInput]:
    seen: dict[str, int] = {}
    return [replace(case, case_id=_free(case.case_id, seen)) for case in cases]


def _free(name: str, seen: dict[str, int]) -> str:
    seen[name] = seen.get(name, 0) + 1
    return name if seen[name] == 1 else f"{name} ({seen[name]})"


def _as(name: str, results: Results) -> Results:
    return Results(
        [replace(record, case=name) for record in results],
        dict.fromkeys([name], next(iter(results.facts.values()))),
        results.metrics,
    )
