"""Arguments of transforms: checked in the constructor, with the owner's name in the message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError, nearest
from eisen._core.types import is_label_field

__all__ = [
    "checked_choice",
    "checked_interpolation",
    "checked_probability",
    "checked_range",
    "checked_size",
    "checked_spacing",
    "interpolation_for",
]


def interpolation_for(field: str, interpolation: str | Mapping[str, str] | None) -> str:
    """Return the interpolation of one field: what the user said, otherwise nearest for labels and linear for images.

    Example:
        >>> interpolation_for("label", None), interpolation_for("label", "linear"), interpolation_for("ct", {})
        ('nearest', 'linear', 'linear')
    """
    if isinstance(interpolation, str):
        return interpolation
    default = "nearest" if is_label_field(field) else "linear"
    return (interpolation or {}).get(field, default)


def checked_interpolation(interpolation: Any, choices: Sequence[str], owner: str) -> Any:
    """Return the argument as it is: a name, a mapping from field to name, or None; say so if it is anything else."""
    if interpolation is None:
        return None
    names = interpolation.values() if isinstance(interpolation, Mapping) else [interpolation]
    for name in names:
        checked_choice(name, choices, "interpolation", owner)
    return dict(interpolation) if isinstance(interpolation, Mapping) else interpolation


def checked_choice(value: Any, choices: Sequence[str], name: str, owner: str) -> str:
    """Return the value if it is one of the choices."""
    if value not in choices:
        raise ArgumentError(
            f"{owner}: {name} is {value!r}",
            expected=f"one of {', '.join(map(repr, choices))}",
            to_do=nearest(str(value), choices),
        )
    return str(value)


def checked_probability(value: Any, owner: str) -> float:
    """Return the probability as a float between 0 and 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ArgumentError(f"{owner}: p is {value!r}", expected="a probability between 0 and 1")
    return float(value)


def checked_size(value: Any, name: str, owner: str, *, lengths: Sequence[int] = (2, 3)) -> int | tuple[int, ...]:
    """Return a positive whole number, or a tuple of them with an allowed length."""
    try:
        numbers = tuple(index(n) for n in (value if isinstance(value, Sequence | np.ndarray) else [value]))
        is_right = min(numbers) > 0 and (not isinstance(value, Sequence | np.ndarray) or len(numbers) in lengths)
    except (TypeError, ValueError):
        is_right = False
    if not is_right:
        counts = " or ".join(map(str, lengths))
        raise ArgumentError(
            f"{owner}: {name} is {value!r}", expected=f"a positive whole number, or a list of {counts} of them"
        )
    return numbers if isinstance(value, Sequence | np.ndarray) else numbers[0]


def checked_spacing(value: Any, name: str, owner: str) -> tuple[float, ...]:
    """Return a list of positive numbers, in millimetres, as a tuple."""
    try:
        numbers = tuple(float(mm) for mm in value)
    except (TypeError, ValueError):
        numbers = ()
    if not numbers or not all(0 < mm < np.inf for mm in numbers):
        raise ArgumentError(f"{owner}: {name} is {value!r}", expected="positive numbers in mm, one per axis")
    return numbers


def checked_range(value: Any, name: str, owner: str, *, around: float | None = None) -> tuple[float, float]:
    """Return a pair (low, high); a single number means ``around - number`` to ``around + number``.

    Args:
        value: The argument.
        name: Its name.
        owner: The transform.
        around: The middle for a single number; None if a pair is needed.
    """
    try:
        if around is not None and isinstance(value, int | float):
            low, high = around - abs(value), around + abs(value)
        else:
            low, high = (float(number) for number in value)
    except (TypeError, ValueError):
        low, high = np.nan, np.nan
    if not -np.inf < low <= high < np.inf:
        single = "" if around is None else "a number, or "
        raise ArgumentError(
            f"{owner}: {name} is {value!r}", expected=f"{single}two numbers: the lowest and the highest"
        )
    return float(low), float(high)
