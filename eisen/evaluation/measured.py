"""The value of a metric, why there may be none, and what is said about empty masks."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from eisen._core.errors import ArgumentError

__all__ = ["EmptyPolicy", "Measured", "Presence", "undefined"]

Presence = Literal["both", "missed", "extra", "absent"]
"""Where a label is: in both masks, in the reference only, in the prediction only, in neither."""


@dataclass(frozen=True)
class Measured:
    """What a metric says about one label of one case.

    Args:
        value: The value; NaN where it is not defined.
        reason: Why there is no value, or why it is not what the formula gives; "" for a plain value.

    Example:
        >>> Measured(0.9).is_defined, undefined("the reference is empty").is_defined
        (True, False)
    """

    value: float
    reason: str = ""

    @property
    def is_defined(self) -> bool:
        """Whether there is a value."""
        return not math.isnan(self.value)


def undefined(reason: str) -> Measured:
    """Return that there is no value, and why.

    Args:
        reason: In words, e.g. "the reference is empty".
    """
    return Measured(math.nan, reason)


@dataclass(frozen=True)
class EmptyPolicy:
    """What is said where the formula of a metric says nothing, because a mask is empty.

    A formula that has a value is never overruled: Dice of an empty prediction is 0 under any policy. Where it has
    none, the default is NaN with a reason, and two empty masks agree perfectly, if the metric has a best value.

    Args:
        prediction: For an empty prediction of a reference that is not: "nan"; "worst", the worst value of the metric,
            for a distance the diagonal of the image; or a number.
        reference: For a prediction of something that the reference does not have.
        both: For two empty masks: "perfect", the best value of the metric where it has one for them; "nan"; or a
            number.

    Raises:
        ArgumentError: If one is something else.

    Example:
        >>> EmptyPolicy(prediction="worst")
        EmptyPolicy(prediction='worst', reference='nan', both='perfect')
    """

    prediction: float | str = "nan"
    reference: float | str = "nan"
    both: float | str = "perfect"

    def __post_init__(self) -> None:
        for name, allowed in (("prediction", ("nan", "worst")), ("reference", ("nan", "worst"))):
            _check(name, getattr(self, name), allowed)
        _check("both", self.both, ("perfect", "nan"))


def _check(name: str, value: object, allowed: tuple[str, ...]) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number and value not in allowed:
        raise ArgumentError(f"EmptyPolicy: {name} is {value!r}", expected=f"a number, or one of {', '.join(allowed)}")
