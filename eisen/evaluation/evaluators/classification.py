"""Evaluating classifiers: one value for a set of cases."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal

import numpy as np

from eisen._core.errors import ArgumentError, EisenError, ShapeError
from eisen._core.types import Array
from eisen.evaluation.evaluators.base import CaseInput, Evaluator, inputs_of, measured
from eisen.evaluation.inputs import opened
from eisen.evaluation.metric import Metric
from eisen.evaluation.pairs.score_pair import ScorePair
from eisen.evaluation.results import CaseFacts, Record, Results
from eisen.evaluation.score_metric import ScoreMetric

__all__ = ["ClassificationEvaluator"]

ALL_CASES = "all cases"
"""What the set of cases is called that were given one by one."""


class ClassificationEvaluator(Evaluator):
    """Measures classifiers: sets of cases, each with its scores and its true class.

    A set is given at once, as arrays, or case by case; the cases that come one by one are the set "all cases". Its
    records stand in `results` as soon as somebody looks.

    Args:
        metrics: Metrics, or how they are spelt, the name of a group, or "all".
        classes: Names of the classes, in order. With them every class also has its record, against the rest.
        decisions: Whether predictions are classes instead of scores.

    Raises:
        ArgumentError: If there is no such metric.

    Example:
        >>> evaluator = ClassificationEvaluator(["ACC"], classes=["benign", "malignant"])
        >>> for case, probability, true in (("a", 0.9, 1), ("b", 0.2, 0), ("c", 0.7, 0), ("d", 0.6, 1)):
        ...     _ = evaluator.evaluate(probability, true, case)
        >>> [(record.case, record.label, record.value) for record in evaluator.results][:1]
        [('all cases', '', 0.75)]
    """

    kind = "classification"

    def __init__(
        self,
        metrics: str | Metric | Sequence[str | Metric] = "all",
        classes: Sequence[str] | None = None,
        decisions: bool = False,
    ) -> None:
        self.classes = None if classes is None else [str(name) for name in classes]
        self.decisions = decisions
        self._single: dict[str, tuple[Array, int]] = {}
        super().__init__(metrics)

    @property  # the set of single cases is measured when somebody looks
    def results(self) -> Results:
        """Everything that was found so far."""
        return Results.joined([self._sets, self._of_single()]) if self._single else self._sets

    @results.setter
    def results(self, results: Results) -> None:
        self._sets = results

    def evaluate(
        self, prediction: Any, reference: Any, case_id: str, spacing_mm: Sequence[float] | None = None
    ) -> Results:
        """Measure a set, or add a case to the set of all cases.

        Args:
            prediction: Scores of a set, (N, C), or (N,) of class 1; or of a case, (C,) or one number.
            reference: True classes of a set, (N,); or the class of a case, a number.
            case_id: Name of the set, or of the case.
            spacing_mm: Not used.

        Returns:
            The records of a set; none for a single case.

        Raises:
            ShapeError: If scores and classes do not belong together.
            VoxelValueError: If classes are not whole numbers from 0.
        """
        del spacing_mm
        given = opened(reference, "reference").values
        if given.size == 1 and given.ndim < 2 and np.ndim(opened(prediction, "prediction").values) < 2:
            return self._keep(opened(prediction, "prediction").values, int(given.reshape(-1)[0]), case_id)
        return self._add(self.measure_safely(CaseInput(prediction, reference, case_id)))

    def evaluate_many(
        self,
        pairs: Iterable[CaseInput | Sequence[Any]],
        n_workers: int = 1,
        *,
        errors: Literal["raise", "keep"] = "raise",
        on_case: Callable[[str], object] | None = None,
    ) -> Results:
        """Measure sets, or add cases to the set of all cases; in this process, as there is little to do.

        Args:
            pairs: For each: prediction, reference, name.
            n_workers: Not used.
            errors: "raise" stops at what cannot be measured; "keep" notes it in ``results.failures``.
            on_case: Called with each name.

        Returns:
            Everything that was found so far.
        """
        del n_workers
        for case in inputs_of(pairs):
            try:
                self.evaluate(case.prediction, case.reference, case.case_id)
            except EisenError as error:
                if errors == "raise":
                    raise
                self._add(self._failure(case, error))
            if on_case is not None:
                on_case(case.case_id)
        return self.results

    def measure(self, case: CaseInput) -> Results:
        """Return the records of a set, and keep nothing.

        Args:
            case: Scores and classes of the set.
        """
        scores = opened(case.prediction, "prediction").values
        classes = opened(case.reference, "reference").values
        n_classes = None if self.classes is None else len(self.classes)
        predicted = scores if self.decisions else None
        pair = ScorePair(None if self.decisions else scores, classes, predicted, n_classes)
        found = self._empty()
        found.facts[case.case_id] = CaseFacts(shape=(pair.n,))
        found.extend(self._records(pair, case.case_id))
        return found

    def clear(self) -> None:
        """Forget all records and cases."""
        self._single = {}
        super().clear()

    def _records(self, pair: ScorePair, name: str) -> Iterator[Record]:
        for metric in self.metrics:
            found = measured(metric, pair)
            yield Record(name, "", metric.name, found.value, found.reason)
        for class_, label in enumerate(self.classes or ()):
            for metric in self.metrics:
                if isinstance(metric, ScoreMetric) and class_ < pair.n_classes:
                    each = metric.per_class(pair).get(class_)
                    if each is not None:
                        yield Record(name, label, metric.name, each.value, each.reason)

    def _keep(self, scores: Array, class_: int, case_id: str) -> Results:
        scores = scores.reshape(-1) if scores.size != 1 else scores.reshape(())
        if case_id in self._single:
            raise ArgumentError(f"the case {case_id!r} was evaluated before", to_do="give cases different names")
        first = next(iter(self._single.values()), (scores, 0))[0]
        if first.shape != scores.shape:
            what = f"there are {scores.size} scores, and {first.size} for the cases before"
            raise ShapeError(what, expected="as many scores for each case", case=case_id)
        self._single[case_id] = (scores, class_)
        return self._empty()

    def _of_single(self) -> Results:
        scores = np.stack([scores for scores, _ in self._single.values()])
        classes = np.array([class_ for _, class_ in self._single.values()])
        return self.measure(CaseInput(scores, classes, ALL_CASES))
