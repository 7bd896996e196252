"""What metrics of classifiers have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

from eisen._core.types import Array
from eisen.evaluation.image_metric import check_choice
from eisen.evaluation.measured import EmptyPolicy, Measured, undefined
from eisen.evaluation.metric import Better, Metric
from eisen.evaluation.pairs.score_pair import Needs, ScorePair

__all__ = ["Average", "PerClassMetric", "ScoreMetric"]

Average = Literal["auto", "macro", "weighted"]
"""Over classes: "macro" counts all the same, "weighted" by how often they are; "auto": class 1 of two, else macro."""


class ScoreMetric(Metric):
    """A metric of a classifier: of scores, or decisions, of cases whose class is known.

    Sub-classes define `formula`, and what they need; it is asked only where that is there, and never raises.
    """

    kind: ClassVar[str] = "classification"
    needs: ClassVar[Needs] = "decisions"
    better: ClassVar[Better] = "higher"
    groups: ClassVar[tuple[str, ...]] = ("classification",)

    def formula(self, pair: ScorePair) -> Measured:
        """Return the value for at least one case, with all that the metric needs.

        Args:
            pair: Scores and classes, and what several metrics share.
        """
        raise NotImplementedError

    def measure(self, pair: ScorePair, policy: EmptyPolicy | None = None) -> Measured:  # noqa: ARG002
        """Return the value; undefined where there are no cases, or scores are missing, NaN or no probabilities.

        Args:
            pair: Scores and classes.
            policy: Not used: it is about empty masks of labels.
        """
        lack = pair.lack_of(self.needs)
        return undefined(lack) if lack else self.formula(pair)

    def per_class(self, pair: ScorePair) -> dict[int, Measured]:
        """Return the value of each class against the rest.

        Args:
            pair: Scores and classes.
        """
        return {class_: self.measure(pair.against_rest(class_)) for class_ in range(pair.n_classes)}

    def __call__(self, scores: Array, classes: Array) -> float:
        """Return the value for arrays; NaN where there is none.

        Args:
            scores: Probabilities (N, C), or (N,) of class 1.
            classes: True classes (N,), from 0.

        Example:
            >>> import numpy as np
            >>> from eisen.evaluation.metrics import ClassAccuracy
            >>> ClassAccuracy()(np.array([0.9, 0.2, 0.6, 0.3]), np.array([1, 0, 0, 0]))
            0.75
        """
        return self.measure(ScorePair(scores, classes)).value


class PerClassMetric(ScoreMetric):
    """A metric that each class has against the rest, and the mean of which is that of all.

    Sub-classes define `of_class`. A class for which it is not defined is left out of the mean, and the reason names it.

    Args:
        average: "macro", "weighted", or "auto": of class 1 where there are two classes, else macro.

    Raises:
        ArgumentError: If it is something else.
    """

    def __init__(self, average: Average = "auto") -> None:
        self.average = average
        check_choice(self, "average", ("auto", "macro", "weighted"))

    def of_class(self, pair: ScorePair, class_: int) -> Measured:
        """Return the value of one class against the rest.

        Args:
            pair: Scores and classes.
            class_: The class.
        """
        raise NotImplementedError

    def in_mean(self, pair: ScorePair, class_: int) -> Measured:
        """Return what a class adds to a mean over classes.

        Args:
            pair: Scores and classes.
            class_: The class.
        """
        return self.of_class(pair, class_)

    def formula(self, pair: ScorePair) -> Measured:
        """Return the value."""
        if self.average == "auto" and pair.n_classes == 2:
            return self.of_class(pair, 1)
        return _mean_of(lambda class_: self.in_mean(pair, class_), pair, self.average == "weighted")


def _mean_of(value: Callable[[int], Measured], pair: ScorePair, is_weighted: bool) -> Measured:
    found = {class_: value(class_) for class_ in range(pair.n_classes)}
    defined = {class_: each for class_, each in found.items() if each.is_defined}
    weights = {class_: int((pair.classes == class_).sum()) if is_weighted else 1 for class_ in defined}
    total = sum(weights.values())
    reasons = "; ".join(f"class {class_}: {each.reason}" for class_, each in found.items() if each.reason)
    if not total:
        return undefined(reasons or "no class has a value")
    mean = sum(weights[class_] * each.value for class_, each in defined.items()) / total
    left_out = len(found) - len(defined)
    return Measured(mean, f"{left_out} of {len(found)} classes left out: {reasons}" if left_out else reasons)
