"""The plots of a report: how values are distributed, and how predicted and true volumes agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eisen.evaluation.report.svg import Frame, number

__all__ = ["Agreement", "agreement_of", "bland_altman", "difference_plot", "distribution"]

_Floats = npt.NDArray[np.float64]
_SPREAD = 0.16
"""How far dots of one column are moved aside."""


def _ends(values: _Floats, within: tuple[float, float] | None = None) -> tuple[float, float]:
    """Return the ends of an axis with all values, a little beyond them."""
    finite = values[np.isfinite(values)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    room = 0.06 * (high - low) or max(0.05 * abs(high), 0.01)
    low, high = low - room, high + room
    if within is not None:
        low, high = max(low, within[0]), min(high, within[1])
    return (low, high) if high > low else (low - 0.5, high + 0.5)


def distribution(
    columns: Mapping[str, Mapping[str, float]], name: str, within: tuple[float, float] | None = None
) -> str:
    """Return a plot of one metric: a dot per case, with quartiles, a column per label or method.

    Args:
        columns: For each name of a column, values by case; NaN is not drawn.
        name: Of the metric, with its unit.
        within: Range of the metric; the axis does not go beyond it.
    """
    everything = np.array([v for column in columns.values() for v in column.values()], dtype=np.float64)
    frame = Frame(_ends(everything, within), (-0.6, len(columns) - 0.4), y_name=name, names=_short(list(columns)))
    _put_columns(frame, columns)
    return frame.svg(f"distribution of {name}")


def _put_columns(frame: Frame, columns: Mapping[str, Mapping[str, float]]) -> None:
    """Put a dot per case that has a value, a column beside the other, with quartiles where there are four or more."""
    for place, column in enumerate(columns.values()):
        known = {case: value for case, value in column.items() if np.isfinite(value)}
        if len(known) >= 4:
            frame.box(place, list(known.values()), 0.28)
        aside = np.random.default_rng(0).uniform(-_SPREAD, _SPREAD, len(known))
        for move, (case, value) in zip(aside, known.items(), strict=True):
            frame.dot(place + move, value, f"{case}: {number(value, 4)}")


@dataclass(frozen=True)
class Agreement:
    """How predicted and true volumes agree.

    Args:
        bias: Mean of predicted minus true.
        low: Bias - 1.96 standard deviations: the lower limit of agreement.
        high: The upper one.
        n: Cases.
    """

    bias: float
    low: float
    high: float
    n: int


def agreement_of(predicted: Sequence[float] | _Floats, actual: Sequence[float] | _Floats) -> Agreement:
    """Return the bias and the limits of agreement.

    Args:
        predicted: One value per case.
        actual: Of the same cases.

    Source: Bland and Altman, Statistical methods for assessing agreement between two methods of clinical measurement,
        Lancet 327, 1986.

    Example:
        >>> found = agreement_of([11.0, 9.0, 13.0], [10.0, 10.0, 12.0])
        >>> round(found.bias, 3), round(found.high - found.low, 3)
        (0.333, 4.526)
    """
    difference = np.asarray(predicted, dtype=np.float64) - np.asarray(actual, dtype=np.float64)
    bias = float(difference.mean())
    half = 1.96 * float(difference.std(ddof=1)) if len(difference) > 1 else float("nan")
    return Agreement(bias, bias - half, bias + half, len(difference))


def bland_altman(cases: Sequence[str], predicted: _Floats, actual: _Floats, unit: str) -> str:
    """Return a Bland-Altman plot: difference over mean, with the bias and the limits of agreement.

    Args:
        cases: Their names.
        predicted: Predicted volumes.
        actual: True volumes.
        unit: Of both.
    """
    mean, difference = (predicted + actual) / 2, predicted - actual
    found = agreement_of(predicted, actual)
    lines = [v for v in (found.bias, found.low, found.high) if np.isfinite(v)]
    names = {"y_name": f"predicted - true [{unit}]", "x_name": f"mean of both [{unit}]"}
    frame = Frame(_ends(np.append(difference, [*lines, 0.0])), _ends(mean), **names)  # type: ignore[arg-type]
    frame.level(0.0, "zero")
    frame.level(found.bias, "median", f"bias {number(found.bias)}")
    if np.isfinite(found.low):
        frame.level(found.low, "limit", f"-1.96 SD {number(found.low)}")
        frame.level(found.high, "limit", f"+1.96 SD {number(found.high)}")
    for case, x, y in zip(cases, mean, difference, strict=True):
        frame.dot(x, y, f"{case}: {number(y, 4)} {unit}")
    return frame.svg("Bland-Altman plot of volumes")


def difference_plot(columns: Mapping[str, Mapping[str, float]], name: str) -> str:
    """Return a plot of paired differences: a dot per case, a line at zero.

    Args:
        columns: For each pair of methods, differences by case.
        name: Of the metric.
    """
    everything = np.array([v for column in columns.values() for v in column.values()], dtype=np.float64)
    ends = _ends(np.append(everything, 0.0))
    frame = Frame(ends, (-0.6, len(columns) - 0.4), y_name=f"difference of {name}", names=_short(list(columns)))
    frame.level(0.0, "zero")
    _put_columns(frame, columns)
    return frame.svg(f"paired differences of {name}")


def _short(names: Sequence[str], n_most: int = 90) -> list[str]:
    """Return names that fit side by side."""
    size = max(4, n_most // max(1, len(names)))
    return [name if len(name) <= size else f"{name[: size - 1]}…" for name in names]
