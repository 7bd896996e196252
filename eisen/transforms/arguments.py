"""Arguments of transforms: checked in the constructor, with the owner's name in the message."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError, nearest
from eisen._core.types import is_label_field

__all__ = [
    "checked_axes",
    "checked_choice",
    "checked_counts",
    "checked_dims",
    "checked_fill",
    "checked_interpolation",
    "checked_percentiles",
    "checked_probability",
    "checked_range",
    "checked_size",
    "checked_spacing",
    "fill_for",
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


def checked_counts(value: Any, name: str, owner: str, *, at_least: int) -> tuple[int, int]:
    """Return a pair of whole numbers (low, high); one number stands for both."""
    try:
        low, high = (index(value), index(value)) if not isinstance(value, Sequence) else map(index, value)
    except (TypeError, ValueError):
        low, high = 1, 0
    if isinstance(value, bool) or not at_least <= low <= high:
        raise ArgumentError(
            f"{owner}: {name} is {value!r}", expected=f"two whole numbers from {at_least}: the lowest and the highest"
        )
    return low, high


def checked_probability(value: Any, owner: str, name: str = "p") -> float:
    """Return the probability as a float between 0 and 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ArgumentError(f"{owner}: {name} is {value!r}", expected="a probability between 0 and 1")
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


def checked_percentiles(value: Any, owner: str) -> tuple[float, float]:
    """Return two percentiles, the lower one first."""
    low, high = checked_range(value, "percentiles", owner)
    if not 0 <= low < high <= 100:
        raise ArgumentError(f"{owner}: percentiles is {value!r}", expected="two numbers between 0 and 100")
    return low, high


def checked_fill(value: Any, name: str, owner: str) -> Any:
    """Return what fills arrays up: a number, "min", or a mapping from field to one of them."""
    choices = value.values() if isinstance(value, Mapping) else [value]
    for choice in choices:
        is_number = isinstance(choice, int | float | np.number) and not isinstance(choice, bool)
        if not is_number and choice != "min":
            raise ArgumentError(
                f"{owner}: {name} is {value!r}",
                expected="a number, 'min' (the smallest value of the array), or one of them per field",
            )
    return dict(value) if isinstance(value, Mapping) else value


def fill_for(field: str, value: Any) -> Any:
    """Return what fills one field up: what the user said for it, else 0 for labels and the common value for images.

    Example:
        >>> fill_for("ct", -1000), fill_for("label", -1000), fill_for("label", {"label": 255})
        (-1000, 0, 255)
    """
    if isinstance(value, Mapping):
        return value.get(field, 0)
    return 0 if is_label_field(field) else value


def checked_dims(value: Any, owner: str) -> int | None:
    """Return the number of spatial axes: 2, 3, or None for what the array tells."""
    if value not in (None, 2, 3):
        raise ArgumentError(f"{owner}: spatial_dims is {value!r}", expected="2, 3 or None")
    return None if value is None else int(value)


def checked_axes(axes: Any, name: str, owner: str) -> tuple[int, ...]:
    """Return spatial axes as a tuple, or say that they are not 0, 1 or 2."""
    try:
        numbers = tuple(index(axis) for axis in axes)
    except TypeError:
        numbers = (-1,)
    if not set(numbers) <= {0, 1, 2}:
        raise ArgumentError(f"{owner}: {name} is {axes!r}", expected="a list of spatial axes: 0, 1, 2")
    return tuple(dict.fromkeys(numbers))
