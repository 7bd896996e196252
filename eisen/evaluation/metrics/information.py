"""What one mask tells about the other, in bits."""

from __future__ import annotations

from math import fsum, log2, sqrt

from eisen.evaluation.measured import Measured, undefined
from eisen.evaluation.metrics.counted import NO_VOXELS, CountMetric, agreement_of_constants, chosen
from eisen.evaluation.pairs.counts import Counts

__all__ = ["MutualInformation", "NormalizedMutualInformation", "VariationOfInformation"]


def _cells(counts: Counts) -> list[tuple[int, int, int]]:
    """Return the cells of the table that are not empty: voxels in it, in its row (prediction), in its column.

    Args:
        counts: Of one label.
    """
    c = counts
    positive, negative = c.actual, c.fp + c.tn
    cells = [
        (c.tp, c.predicted, positive),
        (c.fp, c.predicted, negative),
        (c.fn, c.fn + c.tn, positive),
        (c.tn, c.fn + c.tn, negative),
    ]
    return [cell for cell in cells if cell[0]]


def _entropy(part: int, n: int) -> float:
    """Return the entropy of a mask, in bits.

    Args:
        part: Its voxels.
        n: All voxels.
    """
    return fsum(k * log2(n / k) for k in (part, n - part) if k) / n


def _mutual(counts: Counts) -> float:
    n = counts.n
    return max(0.0, fsum(k * log2(k * n / (row * column)) for k, row, column in _cells(counts)) / n)


class MutualInformation(CountMetric):
    """The information that one mask has about the other: ``I = H(P) + H(R) - H(P, R)``, logarithm to base 2.

    ``H`` is the entropy of a mask, or of both together. From 0 (none) to at most 1 bit; two equal masks reach the
    entropy of the mask, so only values of the same reference compare; see NMI. Spacing does not matter. Defined for
    empty masks: a constant mask has no information, 0 bits (pymia says -inf).

    Source: Shannon, A mathematical theory of communication, Bell System Technical Journal 27, 1948.

    Example:
        >>> import numpy as np
        >>> MutualInformation()(np.array([[1, 1], [0, 0]]), np.array([[1, 1], [0, 0]]))
        1.0
    """

    abbreviation = "MUTINF"
    better = "higher"
    unit = "bits"
    groups = ("agreement", "pymia")

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        return Measured(_mutual(counts)) if counts.n else undefined(NO_VOXELS)


class VariationOfInformation(CountMetric):
    """The information that the masks do not share: ``H(P) + H(R) - 2 I``, logarithm to base 2.

    From 0 (equal, or complements) to 2 bits. A true distance of partitions. Spacing does not matter. Defined for empty
    masks: against a constant mask it is the entropy of the other one (pymia says -inf).

    Source: Meila, Comparing clusterings, Journal of Multivariate Analysis 98, 2007.

    Example:
        >>> import numpy as np
        >>> VariationOfInformation()(np.array([[1, 1], [0, 0]]), np.array([[0, 1], [0, 1]]))
        2.0
    """

    abbreviation = "VARINFO"
    better = "lower"
    high = 2.0
    unit = "bits"
    groups = ("agreement", "pymia")

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        if not counts.n:
            return undefined(NO_VOXELS)
        # Sum of two conditional entropies: no difference of large numbers, so equal masks have exactly 0.
        return Measured(fsum(k * (log2(row / k) + log2(column / k)) for k, row, column in _cells(counts)) / counts.n)


class NormalizedMutualInformation(CountMetric):
    """Mutual information as a share of what the masks contain: ``2 I / (H(P) + H(R))``.

    From 0 (none) to 1 (equal, or complements); unlike MUTINF it compares between cases. Spacing does not matter. One
    constant mask: 0. Two full masks: 1; two empty ones: undefined, by the default policy 1. An empty mask and one that
    fills the image: undefined.

    Source: Strehl and Ghosh, Cluster ensembles, Journal of Machine Learning Research 3, 2002.

    Args:
        convention: What is divided by: the "arithmetic" mean of the two entropies, as scikit-learn does; the
            "geometric" one, as in the source; or the "max", the larger entropy.

    Raises:
        ArgumentError: If there is no such convention.

    Example:
        >>> import numpy as np
        >>> round(NormalizedMutualInformation()(np.array([[1, 1], [0, 0]]), np.array([[1, 0], [0, 0]])), 4)
        0.3437
    """

    abbreviation = "NMI"
    better = "higher"
    groups = ("agreement",)

    def __init__(self, convention: str = "arithmetic") -> None:
        self.convention = chosen(self.abbreviation, "convention", convention, ("arithmetic", "geometric", "max"))

    def of_counts(self, counts: Counts) -> Measured:
        """Return the value for four counts."""
        if not counts.n:
            return undefined(NO_VOXELS)
        one, other = _entropy(counts.predicted, counts.n), _entropy(counts.actual, counts.n)
        if not one and not other:
            return agreement_of_constants(counts, 1.0)
        if not one or not other:
            return Measured(0.0)
        below = {"arithmetic": (one + other) / 2, "geometric": sqrt(one * other), "max": max(one, other)}
        return Measured(min(1.0, _mutual(counts) / below[self.convention]))
