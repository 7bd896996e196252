"""What all evaluators have in common: metrics, cases one after another or in several processes, and their results."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from eisen._core.errors import ArgumentError, EisenError
from eisen.evaluation.evaluators.crew import in_order
from eisen.evaluation.inputs import describe
from eisen.evaluation.measured import Measured, undefined
from eisen.evaluation.metric import Metric
from eisen.evaluation.results import Results
from eisen.evaluation.spelling import metrics_of

__all__ = ["CaseInput", "Evaluator", "inputs_of", "measured"]


@dataclass(frozen=True)
class CaseInput:
    """A case to evaluate.

    Args:
        prediction: An array, tensor, image or file name; None: there is none.
        reference: The same, but not None.
        case_id: Name of the case.
        spacing_mm: Of the axes of arrays; images know theirs.
        mask: Where images are compared.
    """

    prediction: Any
    reference: Any
    case_id: str
    spacing_mm: Sequence[float] | None = None
    mask: Any = None

    def plain(self) -> CaseInput:
        """Return it with arrays instead of tensors, which other processes get without torch."""
        from eisen.evaluation.inputs import opened

        def array(value: Any) -> Any:
            return opened(value, "").values if hasattr(value, "detach") else value

        return CaseInput(array(self.prediction), array(self.reference), self.case_id, self.spacing_mm, array(self.mask))


class Evaluator:
    """Computes metrics of cases, and keeps their records.

    Sub-classes define `measure`.

    Attributes:
        results: Everything that was found so far.

    Args:
        metrics: Metrics, or how they are spelt: "DICE", "HDRFDST(percentile=95)", the name of a group, "all".
    """

    kind: ClassVar[str]

    def __init__(self, metrics: str | Metric | Sequence[str | Metric] = "all") -> None:
        listed = [metrics] if isinstance(metrics, Metric) else metrics
        self.metrics = metrics_of(listed, self.kind)
        if not self.metrics:
            raise ArgumentError(f"{type(self).__name__} has no metrics", expected='at least one, e.g. ["DICE"]')
        self.results = self._empty()

    def measure(self, case: CaseInput) -> Results:
        """Return the records of a case, and keep nothing.

        Args:
            case: Prediction and reference.
        """
        raise NotImplementedError

    def evaluate(
        self, prediction: Any, reference: Any, case_id: str, spacing_mm: Sequence[float] | None = None
    ) -> Results:
        """Measure a case, and add its records to `results`.

        Args:
            prediction: A NumPy array, a torch tensor, an image of SimpleITK or nibabel, or a file name. None: there is
                no prediction, which counts as one without any voxel.
            reference: The same, but not None.
            case_id: Name of the case; each case is measured once.
            spacing_mm: Distance of voxels along each axis of arrays; images know theirs.

        Returns:
            The records of this case.

        Raises:
            ShapeError: If the shapes differ.
            GeometryError: If the images are in different places.
            ArgumentError: If there was a case of this name before.
        """
        return self._add(self.measure_safely(CaseInput(prediction, reference, case_id, spacing_mm)))

    def evaluate_many(
        self,
        pairs: Iterable[CaseInput | Sequence[Any]],
        n_workers: int = 1,
        *,
        errors: Literal["raise", "keep"] = "raise",
        on_case: Callable[[str], object] | None = None,
    ) -> Results:
        """Measure cases, in several processes if wanted, and add their records to `results` in the order given.

        Args:
            pairs: For each case a `CaseInput`, or prediction, reference, name and, for arrays, spacing.
            n_workers: Processes. File names are read where they are needed; arrays are copied to the processes.
            errors: What happens when a case cannot be measured: "raise" stops there; "keep" goes on, and notes the
                reason in ``results.failures``.
            on_case: Called with the name of each case that is done.

        Returns:
            The records of these cases.

        Raises:
            EisenError: What was wrong with a case; the card names it.
        """
        if errors not in ("raise", "keep"):
            raise ArgumentError(f"errors is {errors!r}", expected='"raise" or "keep"')
        found = self._empty()
        for case, result in in_order(self.measure_safely, inputs_of(pairs), n_workers):
            if isinstance(result, Results):
                part = self._add(result)
            elif errors == "raise" or not isinstance(result, EisenError):
                raise result
            else:
                part = self._add(self._failure(case, result))
            found.include(part)
            if on_case is not None:
                on_case(case.case_id)
        return found

    def clear(self) -> None:
        """Forget all records."""
        self.results = self._empty()

    def measure_safely(self, case: CaseInput) -> Results:
        """Return the records of a case; whatever goes wrong names the case."""
        try:
            return self.measure(case)
        except EisenError as error:
            raise error.note(case=case.case_id) from error.__cause__

    def _empty(self) -> Results:
        return Results(metrics={metric.name: metric for metric in self.metrics})

    def _failure(self, case: CaseInput, error: EisenError) -> Results:
        found = self._empty()
        found.failures[case.case_id] = f"{type(error).__name__}: {error.card.what}"
        return found

    def _add(self, found: Results) -> Results:
        known = {*self.results.facts, *self.results.failures}
        for case in [*found.facts, *found.failures]:
            if case in known:
                raise ArgumentError(
                    f"the case {case!r} was evaluated before", to_do="give cases different names, or call clear()"
                )
        self.results.include(found)
        return found


def measured(metric: Any, pair: Any, *more: Any) -> Measured:
    """Return what a metric says; one that fails has no value, and the reason is the failure.

    Args:
        metric: The metric.
        pair: What it measures.
        *more: What else it is asked with.
    """
    try:
        found: Measured = metric.measure(pair, *more)
    except Exception as error:  # a metric of somebody else must not cost the other values of the case
        return undefined(f"the metric failed: {type(error).__name__}: {str(error).partition(chr(10))[0]}")
    return found


def inputs_of(pairs: Iterable[CaseInput | Sequence[Any]]) -> Iterator[CaseInput]:
    """Yield cases, whether they are given as such or as tuples.

    Args:
        pairs: For each case a `CaseInput`, or what it is made of, in order.

    Raises:
        ArgumentError: If one is something else.
    """
    for pair in pairs:
        if isinstance(pair, CaseInput):
            yield pair
        elif isinstance(pair, (tuple, list)) and 3 <= len(pair) <= 5:
            yield CaseInput(*pair)
        else:
            raise ArgumentError(
                f"a case is {type(pair).__name__} ({describe(pair) or '...'})",
                expected="(prediction, reference, case_id) or a CaseInput",
            )
