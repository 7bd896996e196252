"""What metrics have in common that need nothing but the four counts of a label."""

from __future__ import annotations

from collections.abc import Sequence

from eisen._core.errors import ArgumentError
from eisen.evaluation.measured import Measured, undefined
from eisen.evaluation.metric import SegmentationMetric
from eisen.evaluation.pairs.counts import Counts
from eisen.evaluation.pairs.label_pair import LabelPair

__all__ = [
    "FULL_REFERENCE",
    "NEITHER",
    "NO_PREDICTION",
    "NO_REFERENCE",
    "NO_VOXELS",
    "CountMetric",
    "agreement_of_constants",
    "chosen",
    "ratio",
]

NO_PREDICTION = "the prediction is empty"
NO_REFERENCE = "the reference is empty"
FULL_REFERENCE = "the reference fills the image"
NEITHER = "both masks are empty"
NO_VOXELS = "the image has no voxels"


class CountMetric(SegmentationMetric):
    """A metric that is a function of the four counts, so it costs nothing once they are there.

    Sub-classes define `of_counts`. It takes the counts of one label of one case; summed counts of many cases give the
    pooled value (the "micro average").

    Example:
        >>> from eisen.evaluation.metrics import Dice
        >>> from eisen.evaluation.pairs.counts import Counts
        >>> Dice().of_counts(Counts(tp=3, fp=1, fn=1, tn=95)).value
        0.75
    """

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        return self.of_counts(pair.counts)

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts.

        Args:
            counts: Of one label; Python integers, so nothing wraps however large the image is.
        """
        raise NotImplementedError


def ratio(above: float, below: float, reason: str) -> Measured:
    """Return ``above / below``, or say why there is none where ``below`` is 0.

    Args:
        above: Number of voxels, or a sum of products of them.
        below: Of the same kind.
        reason: What it means that ``below`` is 0.

    Example:
        >>> ratio(1, 4, NEITHER).value, ratio(0, 0, NEITHER).reason
        (0.25, 'both masks are empty')
    """
    return Measured(above / below) if below else undefined(reason)


def agreement_of_constants(counts: Counts, best: float) -> Measured:
    """Return what a measure of agreement says where its formula is 0 / 0 because both masks are constant.

    Two masks that both fill the image agree perfectly. Two empty ones do too, which is for the policy to say. An
    empty mask and one that fills the image have nothing to compare.

    Args:
        counts: Of two constant masks.
        best: The best value of the metric.

    Example:
        >>> agreement_of_constants(Counts(tp=8, fp=0, fn=0, tn=0), best=1.0)
        Measured(value=1.0, reason='both masks fill the image')
    """
    if counts.tp and counts.tp == counts.n:
        return Measured(best, "both masks fill the image")
    if counts.tn == counts.n:
        return undefined(NEITHER if counts.n else NO_VOXELS)
    return undefined("one mask is empty and the other fills the image")


def chosen(metric: str, parameter: str, value: object, allowed: Sequence[str]) -> str:
    """Return a choice, or say what can be chosen.

    Args:
        metric: Abbreviation of the metric, for the message.
        parameter: Name of the parameter.
        value: What was given.
        allowed: What can be given.

    Raises:
        ArgumentError: If it is something else.

    Example:
        >>> chosen("GCOERR", "convention", "martin", ("taha", "martin"))
        'martin'
    """
    if not isinstance(value, str) or value not in allowed:
        raise ArgumentError(f"{metric}: {parameter} is {value!r}", expected=f"one of {', '.join(allowed)}")
    return value
