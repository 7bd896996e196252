"""Who is far from the others, when a few of the others may be wrong as well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import TypeVar

import numpy as np

__all__ = ["far_from_the_others", "majority"]

_SIGMA = 1.4826  # standard deviation of normal numbers over their median absolute deviation
_LEAST_SCALE = 0.05

Value = TypeVar("Value", bound=Hashable)


def far_from_the_others(values: Sequence[float], ratio: float, *, least: int = 5, z: float = 6.0) -> dict[int, float]:
    """Return which of some positive numbers are far from their median, by their index.

    On a logarithmic scale a number must be `z` robust standard deviations away and differ by a factor of `ratio`. When
    more than a tenth are, there is no crowd to be far from, and nobody is.

    Args:
        values: Positive numbers; others are passed over.
        ratio: Smallest factor that counts.
        least: Fewer numbers than this have no outlier.
        z: Robust standard deviations.

    Returns:
        Index to the factor over the median.

    Source: Iglewicz and Hoaglin, How to Detect and Handle Outliers (1993), the modified z-score.

    Example:
        >>> far_from_the_others([1.0, 1.1, 0.9, 1.0, 1.2, 5.0], ratio=2)
        {5: 4.76...}
    """
    usable = [index for index, value in enumerate(values) if np.isfinite(value) and value > 0]
    if len(usable) < least:
        return {}
    logs = np.log([values[index] for index in usable])
    distance = logs - np.median(logs)
    scale = max(_SIGMA * float(np.median(np.abs(distance))), _LEAST_SCALE)
    far = np.abs(distance) > max(float(np.log(ratio)), z * scale)
    if far.sum() > max(len(usable) / 10, 1):
        return {}
    return {index: float(np.exp(d)) for index, d, is_far in zip(usable, distance, far, strict=True) if is_far}


def majority(values: Sequence[Value], share: float = 0.8, least: int = 5) -> Value | None:
    """Return the value that at least this share of all have, or None when there is none, or when all have it.

    Example:
        >>> majority(["RAS"] * 9 + ["LAS"])
        'RAS'
    """
    if len(values) < least:
        return None
    value, count = Counter(values).most_common(1)[0]
    return value if share * len(values) <= count < len(values) else None
