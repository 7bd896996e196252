"""How far probabilities can be trusted: reliability and expected calibration error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError, ShapeError
from eisen._core.types import Array

__all__ = ["Reliability", "negative_log_likelihood", "reliability"]

_TINY = 1e-12


@dataclass(frozen=True, eq=False)
class Reliability:
    """Decisions sorted into bins by how sure the model was of them.

    Args:
        counts: Decisions in each bin.
        confidence: Mean probability the model gave to its decisions, per bin; NaN where there are none.
        accuracy: Share of them that was right, per bin; NaN where there are none.
    """

    counts: Array
    confidence: Array
    accuracy: Array

    @property
    def error(self) -> float:
        """Expected calibration error: mean distance of confidence and accuracy over all decisions, 0 to 1."""
        gaps = np.nan_to_num(np.abs(self.confidence - self.accuracy))
        return float((gaps * self.counts).sum() / self.counts.sum())

    @property
    def share_right(self) -> float:
        """Share of all decisions that was right."""
        return float((np.nan_to_num(self.accuracy) * self.counts).sum() / self.counts.sum())


def reliability(probabilities: Any, targets: Any, n_bins: int = 15) -> Reliability:
    """Compare how sure a model was with how often it was right.

    Args:
        probabilities: (n, C): of C classes of which each case has one; with whole numbers as targets. Or of C things
            that are there or not, each a decision of its own; with targets of the same shape.
        targets: Class of each case (n,), or 0 and 1 (n, C).
        n_bins: Bins of equal width from 0 to 1.

    Raises:
        ShapeError: If the shapes do not belong together.
        ArgumentError: If there is no case, or no bin.

    Source: Guo et al. 2017, On calibration of modern neural networks, ICML, equations 1 to 3; Naeini et al. 2015.

    Example:
        >>> found = reliability([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]], [0, 0, 1, 0])
        >>> round(found.error, 3), found.share_right
        (0.1, 0.75)
    """
    likely, truth = _checked(probabilities, targets)
    if n_bins < 1:
        raise ArgumentError(f"n_bins is {n_bins}", expected="at least 1")
    if truth.ndim == 1:
        decided, sure = likely.argmax(1), likely.max(1)
        right = decided == truth
    else:
        decided, sure = likely >= 0.5, np.maximum(likely, 1 - likely).ravel()
        right = (decided == (truth > 0.5)).ravel()
    bins = np.clip(np.ceil(sure * n_bins).astype(int) - 1, 0, n_bins - 1)
    counts = np.bincount(bins, minlength=n_bins)
    with np.errstate(invalid="ignore"):
        confidence = np.bincount(bins, sure, n_bins) / counts
        accuracy = np.bincount(bins, right.astype(float), n_bins) / counts
    return Reliability(counts, confidence, accuracy)


def negative_log_likelihood(probabilities: Any, targets: Any) -> float:
    """Return the mean of ``-log`` of the probability that the truth was given; targets as in `reliability`.

    Example:
        >>> round(negative_log_likelihood([[0.5, 0.5], [0.9, 0.1]], [0, 0]), 4)
        0.3993
    """
    likely, truth = _checked(probabilities, targets)
    if truth.ndim == 1:
        given = likely[np.arange(len(truth)), truth.astype(int)]
    else:
        given = np.where(truth > 0.5, likely, 1 - likely)
    return float(-np.log(np.maximum(given, _TINY)).mean())


def _checked(probabilities: Any, targets: Any) -> tuple[Array, Array]:
    likely, truth = np.asarray(probabilities, dtype=np.float64), np.asarray(targets)
    if likely.ndim != 2 or truth.shape not in (likely.shape, likely.shape[:1]):
        raise ShapeError(
            f"probabilities of shape {likely.shape} and targets of shape {truth.shape} do not belong together",
            expected="(n, C) and (n,) or (n, C)",
        )
    if not len(likely):
        raise ArgumentError("there is no case to look at", expected="at least one")
    return likely, truth
