"""Policies for empty masks as they are spelt on a command line and in configurations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eisen._core.errors import ArgumentError
from eisen.evaluation.measured import EmptyPolicy
from eisen.evaluation.statistics import CHARGING

__all__ = ["policy_of"]

_NAMED = {"count": EmptyPolicy(), "worst": CHARGING}


def policy_of(spelling: str | Mapping[str, Any] | EmptyPolicy) -> EmptyPolicy:
    """Return the policy of a spelling.

    Args:
        spelling: "count": cases without a value are counted beside the mean; "worst": what is missed or invented is
            charged the worst value; or its parts: "prediction=worst,both=nan", also as a dict.

    Raises:
        ArgumentError: If there is no such policy.

    Example:
        >>> policy_of("worst") == policy_of("prediction=worst, reference=worst")
        True
    """
    if isinstance(spelling, EmptyPolicy):
        return spelling
    if isinstance(spelling, str) and spelling in _NAMED:
        return _NAMED[spelling]
    parts = dict(spelling) if isinstance(spelling, Mapping) else _parts(str(spelling))
    if unknown := set(parts) - {"prediction", "reference", "both"}:
        raise ArgumentError(
            f"policy is {spelling!r}: there is no {', '.join(sorted(unknown))}",
            expected='"count", "worst", or e.g. "prediction=worst,reference=nan,both=perfect"',
        )
    return EmptyPolicy(**parts)


def _parts(text: str) -> dict[str, float | str]:
    pairs = [piece.partition("=") for piece in text.split(",")]
    return {name.strip(): _value(value.strip()) for name, _, value in pairs}


def _value(text: str) -> float | str:
    try:
        return text if text == "nan" else float(text)
    except ValueError:
        return text
